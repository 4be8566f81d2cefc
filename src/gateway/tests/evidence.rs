//! What was judged ends with what it was judged by: an issuer's answer, a key set, the entry of a feed.

use serde_json::{Value, json};

use super::feeding::{FIRST, by_key, entry, feed, publish};
use super::introspecting::{OPAQUE, active, answered_at, issuers};
use super::proofs::{Prover, dpop};
use super::{NOW_MS, Request, Scene, rule, setting};
use crate::denial::Reason;
use crate::gateway::{Body, Call, Known, Need, Outcome};
use crate::identity::signing::RawSigner;
use crate::policy::fixture::{key, merged};

const NEXT_MS: u64 = NOW_MS + 60_000;

/// What is settled by the path, and what by the body.
fn requests() -> [(Request, &'static str); 3] {
    let chat = Request::bearing(OPAQUE);
    [
        (chat.clone().at("GET", "/v1/models"), "no body"),
        (chat.clone(), "a body, at an account of the tenant's own"),
        (chat.to(Some("shared")), "a body, at an account that tenants share"),
    ]
}

fn asked(change: Value) -> Scene {
    Scene::new(merged(issuers(json!({ "max_age": "60s" })), merged(json!({ "quotas": [] }), change)))
}

#[test]
fn an_issuer_that_says_otherwise_is_heeded_from_that_answer_on() {
    let denied = Reason::PolicyDenied;
    for (expression, change, want, note) in [
        ("principal.scopes.covers('chat')", json!({ "scope": "files" }), denied, "a scope is taken"),
        ("principal.tenant == 'acme'", json!({ "org": "globex" }), denied, "another tenant"),
        ("principal.subject == 'alice'", json!({ "sub": "bob" }), denied, "another subject"),
        ("principal.client == 'app'", json!({ "client_id": "other" }), denied, "another client"),
        ("size(principal.roles) == 0", json!({ "roles": ["guest"] }), denied, "a role more"),
        ("!has(principal.actor)", json!({ "act": { "sub": "agent" } }), denied, "somebody who acts for it"),
        ("principal.claims.plan == 'pro'", json!({ "plan": "free" }), denied, "any other claim"),
        ("principal.claims.of.day == 5", json!({ "of": { "day": 0 } }), denied, "a claim within another"),
        ("true", json!({ "active": false }), Reason::TokenInactive, "not active any more"),
        ("true", json!({ "aud": "other" }), Reason::TokenAudienceMismatch, "for another audience"),
    ] {
        let body = rule("llm.operation != 'chat' || llm.model == 'gpt-4o'", json!({ "file": "model.cel" }));
        for (request, path) in requests() {
            let scene = asked(json!({ "policies": [rule(expression, json!({})), body.clone()] }));
            let said = active(json!({ "plan": "pro", "of": { "day": 5 } }));
            let at = |said: &Value, ms: u64| answered_at(&scene, &request, said, ms);
            assert_eq!(at(&said, NOW_MS), (1, None), "{note}, {path}");
            assert_eq!(at(&said, NOW_MS + 1), (0, None), "{note}, {path}: remembered");
            assert_eq!(at(&merged(said.clone(), change.clone()), NEXT_MS), (1, Some(want)), "{note}, {path}");
            assert_eq!(at(&said, NEXT_MS + 60_000), (1, None), "{note}, {path}: as it was");
        }
    }
}

#[test]
fn another_tenant_has_another_account_and_another_record() {
    let per_tenant = json!({ "id": "q", "limit": 1, "window": "1h", "per": ["principal.tenant"] });
    for (request, path) in requests() {
        let scene = asked(json!({ "quotas": [per_tenant] }));
        let at = |tenant: &str, id: &str, ms: u64| {
            let said = active(json!({ "org": tenant, "jti": id }));
            answered_at(&scene, &request, &said, ms);
            let (call, outcome) = scene.decide_at(&request, ms);
            let credential = match &outcome {
                Outcome::Forward(patch) => setting(patch, "authorization"),
                _ => None,
            };
            let record: Value = serde_json::from_str(&call.record(&super::reports::ending())).unwrap();
            let recorded = |member: &str| record[member].as_str().unwrap_or_default().to_owned();
            (credential, recorded("claimgate.principal.tenant"), recorded("claimgate.credential.id"))
        };
        let (_, tenant, id) = at("acme", "j-1", NOW_MS);
        assert_eq!((tenant.as_str(), id.as_str()), ("acme", "j-1"), "{path}");
        assert_eq!(scene.decide_at(&request, NOW_MS).0.denial().unwrap().reason(), Reason::QuotaExceeded);
        let said = active(json!({ "org": "globex", "jti": "j-2" }));
        assert_eq!(answered_at(&scene, &request, &said, NEXT_MS), (1, None), "{path}: its own counter");
        let (_, tenant, id) = at("globex", "j-2", NEXT_MS + 1);
        assert_eq!((tenant.as_str(), id.as_str()), ("globex", "j-2"), "{path}");
    }
    let scene = asked(json!({}));
    let (request, _) = requests().into_iter().next().unwrap();
    for (tenant, want, ms) in [("acme", "Bearer sk-ACME", NOW_MS), ("globex", "Bearer sk-GLOBEX", NEXT_MS)] {
        assert_eq!(answered_at(&scene, &request, &active(json!({ "org": tenant })), ms), (1, None));
        let (_, outcome) = scene.decide_at(&request, ms);
        let Outcome::Forward(patch) = outcome else { panic!("{tenant}") };
        assert_eq!(setting(&patch, "authorization").as_deref(), Some(want));
    }
}

#[test]
fn what_an_issuer_says_again_is_not_judged_again() {
    let scene = asked(json!({}));
    let (request, _) = requests().into_iter().next().unwrap();
    for turn in 0..3 {
        assert_eq!(answered_at(&scene, &request, &active(json!({})), NOW_MS + turn * 60_000), (1, None));
        assert_eq!(scene.memory.settled.len(), 1, "the same answer");
    }
    answered_at(&scene, &request, &active(json!({ "scope": "chat" })), NOW_MS + 180_000);
    assert_eq!(scene.memory.settled.len(), 2, "another one");
}

/// Walks a call as far as it gets before its body is there.
fn waiting(scene: &Scene, request: &Request) -> Call {
    let mut call = scene.open(request);
    let known = Known { body: Body::Coming, ..scene.known(request) };
    let outcome = scene.gateway.decide(&mut call, &known);
    assert!(matches!(outcome, Outcome::Need(Need::Body { .. })), "{:?}", call.denial());
    call
}

fn goes_on(scene: &Scene, mut call: Call, request: &Request) -> Option<Reason> {
    scene.gateway.decide(&mut call, &scene.known(request));
    call.denial().map(|denial| denial.reason())
}

#[test]
fn a_call_that_waits_goes_on_as_its_caller_is_by_then() {
    let prover = Prover::new();
    let jkt = prover.signer.thumbprint();
    let bound = json!({ "bound_to": { "dpop_keys": [jkt] } });
    let of = |tenant: &str| json!({ "tenant": tenant });
    let needs_model = rule("llm.model == 'gpt-4o'", json!({}));
    let own = json!({ "previous_response_id": "resp_1", "model": "gpt-4o", "input": "a" }).to_string();
    let plain = by_key(20);
    let responses = by_key(20).at("POST", "/v1/responses").body(&own);
    for (request, before, after, want, note) in [
        (&plain, of("acme"), of("acme"), None, "the feed says the same"),
        (&plain, of("acme"), of("globex"), None, "another tenant, which has an account of its own"),
        (&plain, of("acme"), of("initech"), Some(Reason::TenantCredentialMissing), "one which has none"),
        (
            &plain,
            of("acme"),
            merged(of("acme"), bound.clone()),
            Some(Reason::DpopSchemeRequired),
            "bound by now",
        ),
        (&responses, of("acme"), of("acme"), None, "what is stored at its own account"),
    ] {
        let change = json!({ "key_feeds": [feed("one")], "quotas": [], "policies": [needs_model] });
        let mut scene = Scene::new(merged(dpop(json!({})), change));
        publish(&mut scene, FIRST, json!([entry(20, before)])).unwrap();
        let call = waiting(&scene, request);
        publish(&mut scene, FIRST, json!([entry(20, after)])).unwrap();
        assert_eq!(goes_on(&scene, call, request), want, "{note}");
    }
    let change = json!({ "key_feeds": [feed("one")], "quotas": [], "policies": [needs_model] });
    let mut scene = Scene::new(merged(dpop(json!({})), change));
    let held = |labels: Value| json!([entry(20, merged(bound.clone(), json!({ "labels": labels })))]);
    publish(&mut scene, FIRST, held(json!({}))).unwrap();
    let request = prover.chat(&key(20));
    let call = waiting(&scene, &request);
    publish(&mut scene, FIRST, held(json!({ "plan": "pro" }))).unwrap();
    assert_eq!(goes_on(&scene, call, &request), None, "its proof is taken once, whatever else changes");
}

#[test]
fn a_call_that_waits_does_not_outlive_the_key_of_its_token() {
    let needs_model = json!({ "policies": [rule("llm.model == 'gpt-4o'", json!({}))], "quotas": [] });
    let mut scene = Scene::new(needs_model);
    let request = Request::bearing(&scene.token(json!({ "iss": "https://remote.example" })));
    let other = RawSigner::generate("other").jwk();
    let own = scene.signer.jwk();
    for (keys, want, note) in [
        (json!([own]), None, "the same set"),
        (json!([own, other]), None, "one more key"),
        (json!([other]), Some(Reason::TokenKeyUnknown), "its key is gone"),
    ] {
        let accept = |scene: &mut Scene, keys: Value| {
            let document = json!({ "keys": keys }).to_string();
            scene.gateway.identity().accept_keys(&mut scene.keys, 1, document.as_bytes(), NOW_MS).unwrap();
        };
        accept(&mut scene, json!([own]));
        let call = waiting(&scene, &request);
        accept(&mut scene, keys);
        assert_eq!(goes_on(&scene, call, &request), want, "{note}");
    }
}
