//! What the walk's own settings refuse when the configuration loads.

use serde_json::{Value, json};

use super::{RawSigner, compile, rule};
use crate::gateway::Gateway;

fn outcome(change: Value) -> Result<(), String> {
    compile(&RawSigner::generate("k"), change).map(|_| ()).map_err(|error| error.to_string())
}

fn upstreams(dialect: &str) -> Value {
    json!([{ "cluster": "one", "dialect": dialect, "credential": { "env": "KEY" }, "tenant": "acme" }])
}

/// Where a host's workers are threads of one process, they share it.
#[test]
fn a_gateway_can_be_shared_by_threads() {
    const fn shared<T: Send + Sync>() {}
    const { shared::<Gateway>() };
}

#[test]
fn where_only_headers_are_held_no_body_may_matter() {
    for (dialect, expression, want, note) in [
        ("gemini", "llm.model == 'g'", None, "a model in the path"),
        ("azure", "llm.operation == 'chat'", None, "no field of the body"),
        ("bedrock", "true", None, "no field at all"),
        ("openai", "true", Some("`one` names its model in the body"), "a model in the body"),
        ("anthropic", "true", Some("`one` names its model in the body"), "another"),
        ("gemini", "llm.max_tokens < 5", Some("`llm.max_tokens` is read"), "a limit in the body"),
        ("gemini", "llm.stream", Some("`llm.stream` is read"), "a flag in the body"),
        ("gemini", "!llm.stateful", Some("`llm.stateful` is read"), "references in the body"),
        ("gemini", "llm.images < 2", Some("`llm.images` is read"), "what the body brings"),
        ("gemini", "request.size < 9", Some("`request.size` is read"), "how long the body is"),
        ("gemini", "has(request.body.n)", Some("`request.body` is read"), "the body itself"),
    ] {
        let change = json!({ "hold": "headers", "upstreams": upstreams(dialect), "policies": [rule(expression, json!({}))] });
        let got = outcome(change);
        match want {
            None => assert_eq!(got, Ok(()), "{note}"),
            Some(want) => {
                let error = got.unwrap_err();
                assert!(error.starts_with("hold: ") && error.contains(want), "{note}: {error}");
            }
        }
        let held = json!({ "upstreams": upstreams(dialect), "policies": [rule(expression, json!({}))] });
        assert_eq!(outcome(held), Ok(()), "{note}, where the body is held too");
    }
    let quota = json!([{ "id": "q", "limit": "llm.max_tokens", "window": "60s", "per": ["'a'"] }]);
    let error =
        outcome(json!({ "hold": "headers", "upstreams": upstreams("gemini"), "quotas": quota })).unwrap_err();
    assert!(error.contains("`llm.max_tokens` is read"), "a quota reads it: {error}");
    let shared = json!([{ "cluster": "one", "dialect": "gemini", "credential": { "env": "KEY" } }]);
    let error = outcome(json!({ "hold": "headers", "upstreams": shared })).unwrap_err();
    assert!(error.contains("tenants share the account of `one`"), "a body could name a stored file: {error}");
}

#[test]
fn whoever_reads_the_clients_address_says_where_it_comes_from() {
    let quota = json!([{ "id": "q", "limit": 1, "window": "60s", "per": ["source.address"] }]);
    let keys = json!([super::key_entry(1, json!({}))]);
    for (change, note) in [
        (json!({ "policies": [rule("source.address.in_cidr('10.0.0.0/8')", json!({}))] }), "a rule"),
        (json!({ "policies": [rule("true", json!({ "when": "source.port > 0" }))] }), "a `when`"),
        (json!({ "quotas": quota }), "a quota"),
    ] {
        let unsaid = super::merged(json!({ "client_address": null, "keys": keys }), change.clone());
        let error = outcome(unsaid).unwrap_err();
        assert!(
            error.starts_with("client_address: a rule, a quota or a label reads `source`"),
            "{note}: {error}"
        );
        for said in ["peer", "forwarded"] {
            assert_eq!(
                outcome(super::merged(json!({ "client_address": said }), change.clone())),
                Ok(()),
                "{note}"
            );
        }
    }
}

#[test]
fn an_open_path_is_an_exact_one() {
    for (path, is_exact) in [("/healthz", true), ("healthz", false), ("", false), ("/a?b", false)] {
        let got = outcome(json!({ "open": [{ "method": "GET", "path": path }] }));
        assert_eq!(got.is_ok(), is_exact, "{path}");
        if let Err(error) = got {
            assert!(error.starts_with(&format!("open[0].path: `{path}` is not an exact path")), "{error}");
        }
    }
}

#[test]
fn an_empty_or_unknown_section_is_refused_with_its_place() {
    for (change, want) in [
        (json!({ "policies": [] }), "policies: the list is empty"),
        (json!({ "upstreams": [] }), "upstreams: the list is empty"),
        (
            json!({ "keys": [], "issuers": [] }),
            "keys: there are neither `keys` nor `key_feeds` nor `issuers`",
        ),
        (json!({ "polices": [] }), "polices: unknown field `polices`"),
        (
            json!({ "upstreams": [{ "cluster": "a", "dialect": "openai" }] }),
            "upstreams[0]: missing field `credential`",
        ),
    ] {
        let error = outcome(change).unwrap_err();
        assert!(error.starts_with(want), "{error}");
    }
}
