//! The closed list of headers that are edited.

use serde_json::json;

use super::{attach, setting, speaking};
use crate::policy::fixture::{Case, head, merged};
use crate::upstream::{Edited, HeaderPatch, answer_patch, edited, trailer_patch};

#[test]
fn credentials_and_claims_of_identity_come_off() {
    for name in [
        "authorization",
        "proxy-authorization",
        "proxy_authorization",
        "x-api-key",
        "x_api_key",
        "x_api-key",
        "api-key",
        "api_key",
        "x-goog-api-key",
        "x_goog_api_key",
        "ocp-apim-subscription-key",
        "x-amz-security-token",
        "x_amz_security_token",
        "cookie",
        "openai-organization",
        "openai_organization",
        "openai-project",
        "openai_project",
        "x-tenant-id",
        "x_tenant_id",
        "x-mse-consumer",
        "x-goog-user-project",
        "x-ms-client-principal",
        "x-claimgate-tenant",
        "x_claimgate_tenant",
        "x-claimgate_anything",
        "claimgate-anything",
        "x-envoy-retry-on",
        "x-envoy-original-dst-host",
        "x_envoy_max_retries",
    ] {
        let patch = HeaderPatch::stripping(&head("POST", "/", &[(name, "a"), (name, "b")]));
        assert_eq!(patch.removals().collect::<Vec<_>>(), [name], "`{name}` is removed once, which takes all");
        assert_eq!(patch.settings().count(), 0, "{name}");
    }
}

#[test]
fn everything_else_stays() {
    let kept = [
        ("traceparent", "00-1"),
        ("tracestate", "a=b"),
        ("anthropic-beta", "x"),
        ("openai-beta", "x"),
        ("user-agent", "x"),
        ("x-request-id", "x"),
        ("x-stainless-lang", "x"),
        ("idempotency-key", "x"),
        ("accept", "x"),
    ];
    assert_eq!(HeaderPatch::stripping(&head("POST", "/", &kept)), HeaderPatch::default());
}

#[test]
fn a_key_among_the_subprotocols_comes_off() {
    for (values, want, note) in [
        (
            vec!["realtime, openai-insecure-api-key.k, openai-beta.realtime-v1"],
            Some("realtime, openai-beta.realtime-v1"),
            "a browser's",
        ),
        (vec!["openai-insecure-api-key.k"], None, "nothing else"),
        (vec!["realtime", "openai-insecure-api-key.k"], Some("realtime"), "a second header with the key"),
        (
            vec!["realtime", "openai-insecure-api-key.k, beta"],
            Some("realtime, beta"),
            "a second header with more",
        ),
        (vec!["openai-insecure-api-key.k", "realtime"], Some("realtime"), "a first header with the key"),
        (vec!["openai-organization.o, openai-project.p, realtime"], Some("realtime"), "the account"),
    ] {
        let headers: Vec<_> = values.iter().map(|value| ("sec-websocket-protocol", *value)).collect();
        let patch = HeaderPatch::stripping(&head("GET", "/", &headers));
        let is_removed = patch.removals().any(|name| name == "sec-websocket-protocol");
        assert_eq!(is_removed, want.is_none(), "{note}");
        assert_eq!(setting(&patch, "sec-websocket-protocol").as_deref(), want, "{note}");
    }
}

#[test]
fn no_pseudo_header_is_ever_edited() {
    let headers = [("x-tenant-id", "a"), ("openai_project", "a"), (":x_api_key", "a"), ("host", "a")];
    for dialect in crate::request::Dialect::ALL {
        let case = Case { head: head("POST", "/v1/chat/completions", &headers), ..Case::with_key(json!({})) };
        let patch = attach(speaking(dialect), &case).unwrap();
        let edited = patch.removals().chain(patch.settings().map(|(name, _)| name));
        for name in edited {
            assert!(!name.starts_with(':') && name != "host", "{dialect}: {name}");
        }
    }
}

#[test]
fn an_answer_loses_what_names_the_account() {
    let answer = [
        ("content-type", "application/json"),
        ("openai-organization", "org-1"),
        ("openai-project", "proj_1"),
        ("anthropic-organization-id", "org-1"),
        ("set-cookie", "a=b"),
        ("x-claimgate-reason", "spoofed"),
        ("x-request-id", "provider-1"),
        ("x-ratelimit-remaining-requests", "9"),
        ("anthropic-ratelimit-tokens-limit", "7"),
        ("x-rate-limit-reset-tokens", "55"),
        ("ratelimit-policy", "9;w=60"),
        ("retry-after", "1"),
    ];
    let bytes = || answer.iter().map(|(name, value)| (*name, value.as_bytes()));
    let gone = [
        "openai-organization",
        "openai-project",
        "anthropic-organization-id",
        "set-cookie",
        "x-claimgate-reason",
    ];

    let patch = answer_patch(bytes(), false);
    assert_eq!(patch.removals().collect::<Vec<_>>(), gone, "without quotas of ours");
    assert_eq!(setting(&patch, "x-upstream-request-id").as_deref(), Some("provider-1"));
    assert_eq!(patch.settings().count(), 1, "the provider's rates stay as they are");

    let patch = answer_patch(bytes(), true);
    let removed: Vec<_> = patch.removals().collect();
    let rates = [
        "x-ratelimit-remaining-requests",
        "anthropic-ratelimit-tokens-limit",
        "x-rate-limit-reset-tokens",
        "ratelimit-policy",
    ];
    assert_eq!(removed, [gone.as_slice(), &rates].concat(), "with ours");
    assert_eq!(setting(&patch, "x-upstream-ratelimit-remaining-requests").as_deref(), Some("9"));
    assert_eq!(setting(&patch, "x-upstream-ratelimit-tokens-limit").as_deref(), Some("7"));
    assert_eq!(setting(&patch, "x-upstream-ratelimit-reset-tokens").as_deref(), Some("55"));
    assert_eq!(setting(&patch, "x-upstream-ratelimit-policy").as_deref(), Some("9;w=60"));
    assert_eq!(patch.settings().count(), 5);

    let trailers = trailer_patch(bytes());
    let removed: Vec<_> = trailers.removals().collect();
    assert_eq!(removed, [gone.as_slice(), &["x-request-id"]].concat(), "the trailers of an answer");
}

#[test]
fn nothing_but_the_closed_list_is_edited() {
    let headers =
        [("cookie", "a"), ("x_tenant_id", "b"), ("sec-websocket-protocol", "openai-insecure-api-key.k")];
    for dialect in crate::request::Dialect::ALL {
        let case = Case { head: head("POST", "/v1/chat/completions", &headers), ..Case::with_key(json!({})) };
        let identity = json!({ "organization": { "value": "o" }, "project": { "value": "p" } });
        let patch = attach(merged(speaking(dialect), identity), &case).unwrap();
        let names: Vec<&str> = patch.removals().chain(patch.settings().map(|(name, _)| name)).collect();
        assert!(names.len() >= 6, "{dialect}: {names:?}");
        for name in names {
            assert!(edited(name).is_some(), "{dialect}: `{name}` is edited and not on the list");
        }
    }
    for (name, kind) in [
        ("authorization", Some(Edited::Credential)),
        ("cookie", Some(Edited::Credential)),
        ("x_tenant_id", Some(Edited::Identity)),
        ("x-claimgate-anything", Some(Edited::Identity)),
        ("x_envoy_max_retries", Some(Edited::Steering)),
        ("x-request-id", Some(Edited::Beside)),
        ("accept-encoding", Some(Edited::Beside)),
        ("accept", Some(Edited::Beside)),
        ("content-length", Some(Edited::Beside)),
        ("anthropic_version", None),
        ("x-team", None),
        (":authority", None),
    ] {
        assert_eq!(edited(name), kind, "{name}");
    }
}
