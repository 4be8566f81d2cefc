//! What a worker remembers changes how fast a call is decided, never how.

use serde_json::{Value, json};

use super::{NOW_MS, Request, Scene, rule, setting};
use crate::denial::Reason;
use crate::gateway::Outcome;

const SECOND: u64 = 1000;

fn reason_at(scene: &Scene, request: &Request, unix_ms: u64) -> Option<Reason> {
    scene.decide_at(request, unix_ms).0.denial().map(|denial| denial.reason())
}

#[test]
fn the_second_call_is_decided_as_the_first_and_charged_as_it() {
    let scene = Scene::new(json!({}));
    for request in [Request::chat(), Request::bearing(&scene.token(json!({})))] {
        let before = scene.memory.take_credential_uses();
        let (first, second) = (scene.patch(&request), scene.patch(&request));
        assert!(first == second, "other edits");
        let uses = scene.memory.take_credential_uses();
        assert_eq!((uses.hits, uses.misses), (1, 1), "{before:?}");
    }
    assert_eq!(scene.refusal(&Request::chat()), None, "the fifth");
    assert_eq!(scene.refusal(&Request::chat()), Some(Reason::QuotaExceeded), "the sixth");
}

#[test]
fn whatever_a_decision_rests_on_is_told_apart() {
    let policies = json!({
        "policies": [rule("principal.subject != 'mallory' && request.path != '/v1/embeddings'", json!({}))],
        "quotas": [],
    });
    let scene = Scene::new(policies);
    let token = |subject: &str, tenant: &str| scene.token(json!({ "sub": subject, "org": tenant }));
    let alice = Request::bearing(&token("alice", "acme"));
    assert_eq!(scene.refusal(&alice), None);
    for (request, want, note) in [
        (Request::bearing(&token("mallory", "acme")), Some(Reason::PolicyDenied), "another subject"),
        (Request::bearing(&token("bob", "initech")), Some(Reason::TenantCredentialMissing), "another tenant"),
        (alice.clone().at("POST", "/v1/embeddings"), Some(Reason::PolicyDenied), "another path"),
        (alice.clone().at("GET", "/v1/chat/completions"), Some(Reason::BodyUnexpected), "another method"),
        (alice.clone().to(Some("globex")), Some(Reason::TenantMismatch), "another upstream"),
        (alice.clone().to(None), Some(Reason::NoUpstream), "no upstream"),
        (alice.clone().with("upgrade", "websocket"), Some(Reason::OperationUnknown), "an upgrade"),
        (
            alice.clone().with("x-http-method-override", "GET"),
            Some(Reason::OperationUnknown),
            "another method in a header",
        ),
        (
            alice.clone().with("x-api-key", "another"),
            Some(Reason::AmbiguousCredential),
            "a second credential",
        ),
        (
            alice.clone().at("POST", "/v1/chat/completions?api-key=x"),
            Some(Reason::CredentialInQuery),
            "one in the query",
        ),
        (alice.clone(), None, "nothing"),
    ] {
        let request = if note == "another method" { request.body("{}") } else { request };
        assert_eq!(scene.refusal(&request), want, "{note}");
    }
    let mut twice = alice.clone();
    twice
        .headers
        .extend(["/v1/chat/completions", "/v1/embeddings"].map(|path| (":path".into(), path.into())));
    assert_eq!(scene.refusal(&twice), Some(Reason::OperationUnknown), "a second path");
    let globex = setting(&scene.patch(&Request::bearing(&token("alice", "globex"))), "authorization");
    assert_eq!(globex.as_deref(), Some("Bearer sk-GLOBEX"), "each tenant gets its own credential");
    let patch = scene.patch(&alice.with("openai-project", "p"));
    assert!(patch.removals().any(|name| name == "openai-project"), "what only this call brought comes off");
}

#[test]
fn a_rule_that_reads_more_than_is_remembered_is_asked_each_time() {
    let hour = 3600 * SECOND;
    for (expression, change, note) in [
        ("request.headers['x-team'] == 'search'", Request::chat().with("x-team", "other"), "a header"),
        ("request.host == 'ai.example'", Request::chat().with(":authority", "other.example"), "the host"),
        (
            "source.address == '192.0.2.7'",
            {
                let mut request = Request::chat();
                request.connection.source_address = Some("192.0.2.8".to_owned());
                request
            },
            "the address",
        ),
        ("llm.model == 'gpt-4o'", Request::chat().body(r#"{"model":"o1"}"#), "the body"),
    ] {
        let scene = Scene::new(json!({ "policies": [rule(expression, json!({}))], "quotas": [] }));
        let plain = Request::chat().with("x-team", "search");
        for round in 0..2 {
            assert_eq!(scene.refusal(&plain), None, "{note}, {round}");
            assert_eq!(scene.refusal(&change), Some(Reason::PolicyDenied), "{note}, {round}");
        }
    }
    let early = format!("request.time < timestamp('{}')", "2026-01-01T12:30:00Z");
    let scene = Scene::new(json!({ "policies": [rule(&early, json!({}))], "quotas": [] }));
    assert_eq!(reason_at(&scene, &Request::chat(), NOW_MS), None);
    assert_eq!(reason_at(&scene, &Request::chat(), NOW_MS + hour), Some(Reason::PolicyDenied), "the time");
}

#[test]
fn a_quota_that_reads_more_than_is_remembered_is_worked_out_each_time() {
    let per = json!([{ "id": "q", "limit": 1, "window": "60s", "per": ["request.headers['x-user']"] }]);
    let scene = Scene::new(json!({ "quotas": per }));
    let of = |user: &str| Request::chat().with("x-user", user);
    let answers = ["a", "b", "a", "b"].map(|user| scene.refusal(&of(user)));
    let spent = Some(Reason::QuotaExceeded);
    assert_eq!(answers, [None, None, spent, spent], "each user has a counter of its own");
    let source = json!([{ "id": "q", "limit": 9, "window": "60s", "per": ["source.address"] }]);
    let scene = Scene::new(json!({ "quotas": source }));
    assert_eq!(scene.refusal(&Request::chat()), None);
    let forwarded = Request::chat().through_port(Some(0));
    assert_eq!(scene.refusal(&forwarded), Some(Reason::ClientAddressUntrusted), "asked of each call");
}

#[test]
fn an_override_is_remembered_no_longer_than_it_holds() {
    let change = json!({ "id": "q", "limit": 3, "window": "60s", "window_kind": "fixed", "per": ["'a'"], "overrides": [
        { "per": ["a"], "limit": 1, "until": "2026-01-01T12:00:10Z" },
    ] });
    let scene = Scene::new(json!({ "quotas": [change] }));
    let answers = [0, 0, 9_999, 10_000, 10_000, 10_000].map(|after_ms| {
        let answer = reason_at(&scene, &Request::chat(), NOW_MS + after_ms);
        assert_eq!(scene.memory.settled.len(), 1, "what is charged is remembered");
        answer
    });
    let refused = Some(Reason::QuotaExceeded);
    assert_eq!(answers, [None, refused, refused, None, None, refused]);
}

#[test]
fn a_credential_is_remembered_no_longer_than_it_is_good() {
    let plenty = json!([{ "id": "q", "limit": 99, "window": "60s", "per": ["'everybody'"] }]);
    let keys = json!([crate::policy::fixture::key_entry(
        1,
        json!({
            "tenant": "acme", "expires_at": "2026-01-01T12:05:00Z", "not_before": "2026-01-01T11:59:00Z",
        })
    )]);
    let scene = Scene::new(json!({ "keys": keys, "quotas": plenty }));
    let token = scene.token(json!({ "nbf": NOW_MS / 1000 - 60 }));
    let ends = [
        (Request::chat(), 300, Reason::KeyExpired, Reason::KeyNotYetValid),
        (Request::bearing(&token), 330, Reason::TokenExpired, Reason::TokenNotYetValid),
    ];
    for (request, seconds, expired, early) in ends {
        let at = |ms: u64| reason_at(&scene, &request, ms);
        assert_eq!(at(NOW_MS), None, "proven");
        assert_eq!(at(NOW_MS + seconds * SECOND - 1), None, "a millisecond before its end");
        assert_eq!(at(NOW_MS + seconds * SECOND), Some(expired), "at its end");
        assert_eq!(at(NOW_MS), None, "proven anew");
        assert_eq!(at(NOW_MS - 120 * SECOND), Some(early), "on a clock that was set back");
    }
}

#[test]
fn a_token_is_forgotten_with_its_keys() {
    let mut scene = Scene::new(json!({ "quotas": [] }));
    let other = crate::identity::signing::RawSigner::generate("other");
    let claims = json!({ "iss": "https://remote.example" });
    let request = Request::bearing(&scene.token(claims));
    let accept = |scene: &mut Scene, keys: Value, fetched_ms: u64| {
        let document = json!({ "keys": keys }).to_string();
        scene.gateway.identity().accept_keys(&mut scene.keys, 1, document.as_bytes(), fetched_ms).unwrap();
    };
    let (own, others) = (scene.signer.jwk(), other.jwk());
    accept(&mut scene, json!([own]), NOW_MS);
    assert_eq!(scene.refusal(&request), None);
    scene.memory.take_credential_uses();

    accept(&mut scene, json!([own]), NOW_MS);
    assert_eq!(scene.refusal(&request), None);
    assert_eq!(scene.memory.take_credential_uses().hits, 1, "the same keys, fetched again");

    accept(&mut scene, json!([own, others]), NOW_MS);
    assert_eq!(scene.refusal(&request), None);
    assert_eq!(scene.memory.take_credential_uses().hits, 0, "other keys: verified anew");

    accept(&mut scene, json!([others]), NOW_MS);
    assert_eq!(scene.refusal(&request), Some(Reason::TokenKeyUnknown), "its key is gone");

    accept(&mut scene, json!([own]), NOW_MS);
    assert_eq!(scene.refusal(&request), None, "and back");
    let (call, outcome) = scene.decide_at(&request, NOW_MS + 200 * SECOND);
    assert!(matches!(outcome, Outcome::Forward(_)), "{:?}", call.denial());
}

#[test]
fn without_a_cache_every_call_is_the_first() {
    let scene = Scene::new(json!({ "credential_cache": 0, "quotas": [] }));
    for _ in 0..2 {
        assert_eq!(scene.refusal(&Request::chat()), None);
    }
    assert_eq!(scene.memory.take_credential_uses().hits, 0);
    assert_eq!(scene.memory.credentials(), 0);
}

#[test]
fn calls_that_look_alike_to_the_rules_are_judged_once() {
    let scene = Scene::new(json!({
        "policies": [rule("principal.subject != 'mallory' && llm.model != 'o1'", json!({}))],
        "quotas": [],
    }));
    let bearing = |claims: Value| Request::bearing(&scene.token(claims));
    assert_eq!(scene.refusal(&bearing(json!({ "jti": "1" }))), None);
    for (request, is_judged, want, note) in [
        (bearing(json!({ "jti": "2", "exp": NOW_MS / 1000 + 200 })), false, None, "another token"),
        (bearing(json!({ "jti": "2", "email": "a@acme.example" })), false, None, "a claim that nobody reads"),
        (bearing(json!({ "sub": "bob" })), true, None, "another subject"),
        (bearing(json!({ "scope": "chat" })), true, None, "a scope"),
        (bearing(json!({ "scope": "chat embeddings" })), true, None, "one scope more"),
        (bearing(json!({ "roles": ["chat"] })), true, None, "a role of the scope's name"),
        (bearing(json!({ "client_id": "a" })), true, None, "a client"),
        (bearing(json!({ "act": { "sub": "a" } })), true, None, "an actor of the client's name"),
        (bearing(json!({ "sub": "mallory" })), false, Some(Reason::PolicyDenied), "who is refused"),
        (Request::chat(), true, None, "another kind of credential"),
        (Request::chat().body(r#"{"model":"gpt-4o","max_tokens":1}"#), true, None, "a limit"),
        (Request::chat().body(r#"{"model":"gpt-4o","stream":true}"#), true, None, "a stream"),
        (Request::chat().body(r#"{"model":"gpt-4o","stream":false}"#), true, None, "no stream"),
        (Request::chat().body(r#"{"model":"o1"}"#), false, Some(Reason::PolicyDenied), "another model"),
        (Request::chat().body(r#"{"model":"gpt-4o","user":"b"}"#), false, None, "a key that nobody reads"),
    ] {
        let before = scene.memory.judgements.len();
        assert_eq!(scene.refusal(&request), want, "{note}");
        assert_eq!(scene.memory.judgements.len() - before, usize::from(is_judged), "{note}");
    }
}

#[test]
fn tokens_are_told_apart_where_a_rule_reads_their_claims() {
    let scene = Scene::new(json!({
        "policies": [rule("principal.claims.org != 'acme' || principal.claims.jti != 'bad'", json!({}))],
        "quotas": [],
    }));
    let of = |jti: &str| scene.refusal(&Request::bearing(&scene.token(json!({ "jti": jti }))));
    assert_eq!([of("good"), of("bad"), of("good")], [None, Some(Reason::PolicyDenied), None]);
    let quotas = json!([{ "id": "q", "limit": 1, "window": "60s", "per": ["principal.claims.jti"] }]);
    let scene = Scene::new(json!({ "quotas": quotas }));
    let of = |jti: &str| scene.refusal(&Request::bearing(&scene.token(json!({ "jti": jti }))));
    assert_eq!([of("a"), of("b"), of("a")], [None, None, Some(Reason::QuotaExceeded)]);
}
