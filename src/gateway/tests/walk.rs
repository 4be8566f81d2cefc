//! The order of the rooms, what is decided once, and what leaves the gateway.

use serde_json::json;

use super::{Request, Scene, key, rule, setting};
use crate::denial::Reason;
use crate::gateway::{Body, Known, Outcome};
use crate::upstream::HeaderPatch;

#[test]
fn an_admitted_call_swaps_the_credential() {
    let scene = Scene::new(json!({}));
    for (request, note) in
        [(Request::chat(), "an API key"), (Request::bearing(&scene.token(json!({}))), "a JWT")]
    {
        let patch = scene.patch(&request.with("x-tenant-id", "globex"));
        assert_eq!(setting(&patch, "authorization").as_deref(), Some("Bearer sk-ACME"), "{note}");
        for name in ["authorization", "x-tenant-id"] {
            assert!(patch.removals().any(|removed| removed == name), "{note}: {name}");
        }
    }
}

#[test]
fn of_two_faults_the_earlier_stage_speaks() {
    let scene = Scene::new(json!({
        "policies": [rule("llm.model == 'gpt-4o'", json!({ "when": "llm.model != 'any'" }))],
        "quotas": [{ "id": "q", "limit": 0, "window": "60s", "per": ["'everybody'"] }],
    }));
    let chat = Request::chat;
    for (request, want, note) in [
        (chat().keyed(9).at("POST", "/nowhere"), Reason::KeyUnknown, "a bad credential at an unknown path"),
        (chat().keyed(9).to(None), Reason::KeyUnknown, "a bad credential without a cluster"),
        (chat().keyed(9).to(Some("elsewhere")), Reason::KeyUnknown, "a bad credential at an unknown cluster"),
        (
            chat().to(Some("elsewhere")).at("POST", "/nowhere"),
            Reason::UpstreamNotConfigured,
            "an unknown cluster and path",
        ),
        (chat().to(None).at("POST", "/nowhere"), Reason::NoUpstream, "no cluster and an unknown path"),
        (chat().at("POST", "/v1//x").to(Some("shared")), Reason::PathAmbiguous, "an ambiguous, unknown path"),
        (
            chat().at("GET", "/v1/files").to(Some("shared")),
            Reason::StatefulOperationSharedCredential,
            "a stored file and an empty quota",
        ),
        (chat().body("{"), Reason::BodyMalformed, "a broken body that a rule reads"),
        (
            chat().body(r#"{"model":"o1","previous_response_id":"r"}"#).to(Some("shared")),
            Reason::StatefulOperationSharedCredential,
            "stored state and a model that is not allowed",
        ),
        (chat().body(r#"{"model":"o1"}"#), Reason::PolicyDenied, "a rule and an empty quota"),
        (chat().keyed(6), Reason::TenantCredentialMissing, "no credential for the tenant and an empty quota"),
        (chat().to(Some("globex")), Reason::TenantMismatch, "another tenant's upstream and an empty quota"),
        (chat(), Reason::QuotaExceeded, "nothing but the quota"),
    ] {
        assert_eq!(scene.refusal(&request), Some(want), "{note}");
    }
}

#[test]
fn a_refused_call_costs_nothing() {
    let scene = Scene::new(json!({}));
    let unspent = scene.spent();
    for request in [
        Request::chat().keyed(9),
        Request::chat().at("POST", "/nowhere"),
        Request::chat().keyed(6),
        Request::chat().to(Some("globex")),
        Request::chat().to(Some("bare")),
        Request::chat().keyed(7).to(Some("named")),
    ] {
        assert!(scene.refusal(&request).is_some());
        assert_eq!(scene.spent(), unspent, "{:?}", scene.refusal(&request));
    }
    scene.patch(&Request::chat());
    assert_ne!(scene.spent(), unspent);
}

#[test]
fn a_decided_call_stays_decided_and_spends_once() {
    let scene = Scene::new(json!({}));
    let request = Request::chat();
    let (mut call, _) = scene.decide(&request);
    let spent = scene.spent();
    let again = scene.gateway.decide(&mut call, &scene.known(&request));
    assert!(matches!(&again, Outcome::Forward(patch) if *patch == HeaderPatch::default()), "{again:?}");
    assert_eq!(scene.spent(), spent);

    let stateful = Request::chat().at("GET", "/v1/files").to(Some("shared"));
    let (mut call, _) = scene.decide(&stateful);
    assert!(matches!(scene.gateway.decide(&mut call, &scene.known(&stateful)), Outcome::Refuse));
    scene.gateway.refuse(&mut call, Reason::HoldTimeout);
    let reason = call.denial().map(|denial| denial.reason());
    assert_eq!(reason, Some(Reason::StatefulOperationSharedCredential), "the first reason stays");

    let (mut call, _) = scene.decide(&request);
    scene.gateway.refuse(&mut call, Reason::RouteChanged);
    assert!(!call.is_let_through() && call.answer().is_some_and(|answer| answer.status == 502));
}

#[test]
fn an_open_request_goes_on_without_any_credential() {
    let scene = Scene::new(json!({ "open": [{ "method": "GET", "path": "/healthz" }] }));
    let unspent = scene.spent();
    let probe = || Request::new("GET", "/healthz").to(None);
    for (request, note) in [
        (probe(), "nothing but the path"),
        (probe().with("user-agent", "prober"), "what says nothing of an identity"),
        (probe().with("x-envoy-external-address", "192.0.2.7"), "what Envoy puts there itself"),
        (probe().to(Some("shared")), "a cluster with a credential"),
    ] {
        let (call, outcome) = scene.decide(&request);
        let Outcome::Forward(patch) = outcome else { panic!("{note}: {:?}", call.denial()) };
        assert!(call.is_let_through(), "{note}");
        assert_eq!(patch.settings().map(|(name, _)| name).collect::<Vec<_>>(), ["x-request-id"], "{note}");
        assert_eq!(patch.removals().count(), 0, "{note}: what is not edited cannot change the route");
    }
    assert_eq!(scene.spent(), unspent, "no quota is charged");
    for (request, note) in [
        (probe().at("GET", "/healthz?a=1"), "a query"),
        (probe().at("GET", "/healthz/"), "a longer path"),
        (probe().at("GET", "/HEALTHZ"), "another case"),
        (probe().at("GET", "/%68ealthz"), "another spelling"),
        (probe().at("POST", "/healthz"), "another method"),
        (probe().to(Some("envoy")), "a cluster on which Envoy adds the credential"),
        (probe().with("x-tenant-id", "acme"), "an identity that nobody proved"),
        (probe().with("x_tenant_id", "acme"), "the same to some servers"),
        (probe().with("cookie", "a=b"), "a cookie"),
        (probe().with("upgrade", "websocket"), "a tunnel"),
        (probe().with("x-envoy-retry-on", "5xx"), "a header that steers Envoy"),
        (probe().body("{}"), "a body"),
    ] {
        assert_eq!(scene.refusal(&request), Some(Reason::CredentialMissing), "{note}");
    }
}

#[test]
fn a_body_that_belongs_to_no_request_is_refused() {
    let scene = Scene::new(json!({}));
    let models = || Request::chat().at("GET", "/v1/models");
    let realtime = || Request::chat().at("GET", "/v1/realtime?model=m").with("upgrade", "websocket");
    for (request, want, note) in [
        (models(), None, "none"),
        (models().with("content-length", "0"), None, "an empty one"),
        (models().with("transfer-encoding", "chunked"), None, "one that proves empty"),
        (models().body("{}"), Some(Reason::BodyUnexpected), "one of two bytes"),
        (Request::chat().at("DELETE", "/v1/files/f").body("{}"), None, "an empty object, as an SDK deletes"),
        (
            Request::chat().at("DELETE", "/v1/files/f").body("{\"a\":1}"),
            Some(Reason::BodyUnexpected),
            "an object that says something",
        ),
        (realtime(), None, "an upgrade without one"),
        (realtime().body("x"), Some(Reason::BodyUnexpected), "an upgrade with one"),
    ] {
        assert_eq!(scene.refusal(&request), want, "{note}");
    }
}

#[test]
fn a_body_that_has_not_come_is_judged_by_what_announces_it() {
    for (hold, request, want, note) in [
        (
            "headers_and_body",
            Request::chat().at("GET", "/v1/models"),
            None,
            "frames of HTTP/2 may yet be empty",
        ),
        (
            "headers_and_body",
            Request::chat().at("GET", "/v1/models").with("content-length", "2"),
            Some(Reason::BodyUnexpected),
            "a length",
        ),
        (
            "headers",
            Request::chat().at("GET", "/v1/models").to(Some("gemini")).at("GET", "/v1beta/models"),
            Some(Reason::BodyUnexpected),
            "where nothing can wait for it",
        ),
        (
            "headers_and_body",
            Request::chat()
                .at("GET", "/v1/realtime?model=m")
                .with("upgrade", "websocket")
                .with("content-length", "5"),
            Some(Reason::BodyUnexpected),
            "an upgrade with a length",
        ),
        (
            "headers_and_body",
            Request::chat()
                .at("GET", "/v1/realtime?model=m")
                .with("upgrade", "websocket")
                .with("transfer-encoding", "chunked"),
            Some(Reason::BodyUnexpected),
            "an upgrade in chunks",
        ),
    ] {
        let upstreams = json!([{ "cluster": "gemini", "dialect": "gemini", "credential": { "env": "K" }, "tenant": "acme" }]);
        let change = match hold {
            "headers" => json!({ "hold": hold, "upstreams": upstreams }),
            _ => json!({}),
        };
        let scene = Scene::new(change);
        let mut call = scene.open(&request);
        let known = Known { body: Body::Coming, ..scene.known(&request) };
        let outcome = scene.gateway.decide(&mut call, &known);
        let reason = call.denial().map(|denial| denial.reason());
        assert_eq!(reason, want, "{note}: {outcome:?}");
    }
}

#[test]
fn the_request_id_is_kept_or_made() {
    let scene = Scene::new(json!({}));
    let made = "eeeeeeee-eeee-4eee-aeee-eeeeeeeeeeee";
    for (sent, want, note) in [
        (Some("req_abc-1"), "req_abc-1", "a valid one"),
        (Some("a b"), made, "a blank in it"),
        (Some("a,b"), made, "two that were joined"),
        (Some(""), made, "an empty one"),
        (None, made, "none"),
    ] {
        let with_id = |request: Request| match sent {
            Some(id) => request.with("x-request-id", id),
            None => request,
        };
        let (call, outcome) = scene.decide(&with_id(Request::chat()));
        let Outcome::Forward(patch) = outcome else { panic!("{note}") };
        let set = (sent != Some(want)).then_some(want);
        assert_eq!(
            setting(&patch, "x-request-id").as_deref(),
            set,
            "{note}: sent up, edited where it must be"
        );
        let answered = call.answer_patch([].into_iter(), super::NOW_MS);
        assert_eq!(setting(&answered, "x-request-id").as_deref(), Some(want), "{note}: on the answer");
        let (refused, _) = scene.decide(&with_id(Request::chat().keyed(9)));
        let headers = refused.answer().unwrap().headers;
        let id = headers.iter().find(|(name, _)| name == "x-request-id").unwrap();
        assert_eq!(id.1, want, "{note}: on a denial");
        assert!(headers.iter().any(|(name, id)| name == "x-claimgate-decision-id" && id != want), "{note}");
    }
}

#[test]
fn a_rule_that_reads_the_query_needs_one_reading_of_it() {
    let reading = Scene::new(json!({ "policies": [rule("!has(request.query.beta)", json!({}))] }));
    let ignoring = Scene::new(json!({}));
    for (query, want, note) in [
        ("?a=1&b=2", None, "two parameters"),
        ("?a=1&a=2", Some(Reason::PathAmbiguous), "one twice"),
        ("?a=1&%61=2", Some(Reason::PathAmbiguous), "one twice, once encoded"),
        ("?a=1;beta=true", Some(Reason::PathAmbiguous), "a separator for some"),
        ("?beta", Some(Reason::PolicyDenied), "the one the rule minds"),
    ] {
        let request = Request::chat().at("POST", &format!("/v1/chat/completions{query}"));
        assert_eq!(reading.refusal(&request), want, "{note}");
        assert_eq!(ignoring.refusal(&request), None, "{note}, where no rule reads it");
    }
}

#[test]
fn what_is_printed_of_a_call_holds_no_credential() {
    let scene = Scene::new(json!({}));
    let (call, outcome) = scene.decide(&Request::chat());
    let printed = format!("{call:?} {outcome:?} {:?}", scene.gateway);
    for secret in [key(1).as_str(), "sk-ACME", "sk-KEY"] {
        assert!(!printed.contains(secret), "{secret}");
    }
    assert!(printed.contains("authorization"), "names are");
}
