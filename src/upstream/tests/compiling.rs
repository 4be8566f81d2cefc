//! What is found when the configuration loads, each with its path and the remedy.

use serde_json::json;

use super::compiled;
use crate::config;
use crate::credentials::Credentials;
use crate::denial::Reason;
use crate::policy::fixture::merged;
use crate::secret::Secret;
use crate::upstream::Upstreams;

#[test]
fn an_upstream_that_cannot_work_is_refused() {
    for (entries, want, note) in [
        (vec![], "upstreams: the list is empty", "no upstream"),
        (
            vec![json!({}), json!({})],
            "upstreams[1].cluster: the cluster `openai` is listed twice",
            "one cluster twice",
        ),
        (vec![json!({ "cluster": "" })], "upstreams[0].cluster: the name is empty", "no name"),
        (
            vec![json!({ "path_prefix": "openai" })],
            "upstreams[0].path_prefix: `openai` is not a prefix",
            "no slash",
        ),
        (
            vec![json!({ "path_prefix": "/" })],
            "upstreams[0].path_prefix: `/` is not a prefix",
            "a slash alone",
        ),
        (vec![json!({ "path_prefix": "/a//b" })], "upstreams[0].path_prefix: ", "an empty segment"),
        (
            vec![json!({ "organization": { "value": "" } })],
            "upstreams[0].organization: `` cannot be",
            "an empty value",
        ),
        (
            vec![json!({ "project": { "value": "a\r\nb: c" } })],
            "upstreams[0].project: ",
            "a value with a line break",
        ),
        (
            vec![json!({ "credential": { "env": "BROKEN" } })],
            "upstreams[0].credential: the value of `BROKEN` cannot be a header's value; look for a line break in it",
            "a credential with a line break",
        ),
        (
            vec![json!({ "credential": { "env": "BINARY" } })],
            "upstreams[0].credential: the value of `BINARY`",
            "a binary credential",
        ),
        (
            vec![json!({ "credential": { "per_tenant": { "tenants": { "acme": "BROKEN" } } } })],
            "upstreams[0].credential: the value of `BROKEN`",
            "one tenant's credential",
        ),
        (
            vec![json!({ "credential": { "per_tenant": { "tenants": {}, "fallback": "BROKEN" } } })],
            "upstreams[0].credential: the value of `BROKEN`",
            "the fallback's",
        ),
    ] {
        let error = compiled(&entries).map(|_| ()).unwrap_err();
        assert!(error.starts_with(want), "{note}: {error}");
        assert!(!error.contains("sk-") && !error.contains('\n'), "{note}: no value and one line");
    }
}

#[test]
fn a_credential_pasted_for_its_name_is_not_printed() {
    for text in ["sk-proj-abc", "", "A B", "KEY=abc", "Bearer abc", "schlüssel"] {
        let error = compiled(&[json!({ "credential": { "env": text } })]).map(|_| ()).unwrap_err();
        assert!(
            error.starts_with("upstreams[0].credential: not the name of an environment variable"),
            "{error}"
        );
        assert!(text.is_empty() || !error.contains(text), "{error}");
    }
}

#[test]
fn what_is_of_one_account_goes_with_no_keys_of_several() {
    let responses = json!({ "reasoning_models": [], "other_models": [] });
    for (same_account, change, want) in [
        (false, json!({}), None),
        (
            false,
            json!({ "organization": "principal" }),
            Some("upstreams[0].organization: the keys of `keys` may be"),
        ),
        (false, json!({ "project": { "value": "p" } }), Some("the provider refuses keys of other accounts")),
        (false, json!({ "stateless_responses": responses }), Some("only the account that made it can open")),
        (
            false,
            json!({ "dialect": "vertex", "projects": ["p"], "locations": ["l"] }),
            Some("Vertex AI takes none"),
        ),
        (true, json!({ "organization": "principal", "stateless_responses": responses }), None),
    ] {
        let pool = json!({ "members": [{ "env": "A" }, { "env": "B" }], "same_account": same_account });
        let entries = json!([{ "id": "keys", "pool": pool }]);
        let environment = |name: &str| Some(Secret::new(format!("sk-{name}")));
        let entries: Vec<config::Credential> = serde_json::from_value(entries).unwrap();
        let credentials = Credentials::compile(&entries, &[], &environment).unwrap();
        let plain = json!({ "cluster": "openai", "dialect": "openai", "credential": { "from": "keys" } });
        let upstream = serde_json::from_value(merged(plain, change.clone())).unwrap();
        let error =
            Upstreams::compile(&[upstream], &credentials, &environment).err().map(|error| error.to_string());
        match want {
            Some(want) => assert!(error.unwrap().contains(want), "{change}"),
            None => assert_eq!(error, None, "{change}"),
        }
    }
}

#[test]
fn a_credential_that_is_missing_does_not_take_the_others_down() {
    for name in ["ABSENT", "EMPTY"] {
        assert!(
            compiled(&[json!({ "credential": { "env": name } }), json!({ "cluster": "b" })]).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn the_cluster_that_envoy_selected_decides() {
    let upstreams = compiled(&[json!({}), json!({ "cluster": "b", "dialect": "anthropic" })]).unwrap();
    for (cluster, want) in [
        (Some("openai"), Ok("openai")),
        (Some("b"), Ok("anthropic")),
        (Some("c"), Err(Reason::UpstreamNotConfigured)),
        (Some(""), Err(Reason::UpstreamNotConfigured)),
        (None, Err(Reason::NoUpstream)),
    ] {
        let got = upstreams.select(cluster).map(|upstream| upstream.dialect().name());
        assert_eq!(got.map_err(|denial| denial.reason()), want, "{cluster:?}");
    }
}
