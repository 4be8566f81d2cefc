//! What the operator and the caller are told of a call once it is over.

use serde_json::{Value, json};

use super::{Request, Scene, key, rule, setting};
use crate::audit::AnsweredBy;
use crate::denial::Reason;
use crate::gateway::{Call, Ending};
use crate::policy::fixture::NOW_MS;

pub(super) fn ending() -> Ending {
    Ending {
        upstream_wait_ms: None,
        pool_member: None,
        now_ms: NOW_MS + 25,
        answered_by: AnsweredBy::Provider,
        status: Some(200),
        aborted: false,
        provider_request_id: Some("provider-1".to_owned()),
        usage: None,
        price: None,
        charged: Vec::new(),
        labels: Vec::new(),
    }
}

fn record(call: &Call, ending: &Ending) -> Value {
    let line = call.record(ending);
    assert!(!line.contains('\n'), "one line");
    serde_json::from_str(&line).unwrap()
}

#[test]
fn an_allowed_call_is_recorded_whole() {
    let scene = Scene::new(json!({
        "policies": [rule("llm.model == 'o1'", json!({ "mode": "shadow" })), { "file": "all.cel", "expression": "true" }],
    }));
    let (call, _) = scene.decide(&Request::chat().at("POST", "/v1/chat/completions?a=b"));
    assert_eq!(
        record(&call, &ending()),
        json!({
            "time": "2026-01-01T12:00:00.000Z",
            "claimgate.decision": "allow",
            "claimgate.decision_id": "11111111111111111111111111111111",
            "claimgate.request_id": "eeeeeeee-eeee-4eee-aeee-eeeeeeeeeeee",
            "claimgate.answered_by": "provider",
            "claimgate.aborted": false,
            "claimgate.duration_ms": 25,
            "claimgate.principal.kind": "api_key",
            "claimgate.principal.subject": "indexer",
            "claimgate.principal.tenant": "acme",
            "claimgate.principal.project": "search",
            "claimgate.principal.service_account": "indexer",
            "claimgate.credential.id": "k1",
            "claimgate.shadow_denials": ["tried"],
            "claimgate.upstream.cluster": "openai",
            "claimgate.upstream.credential.owner": "tenant",
            "claimgate.upstream.request_id": "provider-1",
            "gen_ai.provider.name": "openai",
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o",
            "http.request.method": "POST",
            "url.path": "/v1/chat/completions",
            "http.response.status_code": 200,
            "client.address": "192.0.2.7",
        })
    );
}

#[test]
fn a_token_and_its_actor_are_recorded() {
    let scene = Scene::new(json!({}));
    let token = scene.token(json!({ "jti": "t1", "client_id": "app", "act": { "sub": "agent" } }));
    let (call, _) = scene.decide(&Request::bearing(&token));
    let record = record(&call, &ending());
    for (name, want) in [
        ("claimgate.principal.kind", "jwt"),
        ("claimgate.principal.subject", "alice"),
        ("claimgate.principal.issuer", "https://idp.example"),
        ("claimgate.principal.tenant", "acme"),
        ("claimgate.principal.client", "app"),
        ("claimgate.principal.actor", "agent"),
        ("claimgate.credential.id", "t1"),
    ] {
        assert_eq!(record[name], want, "{name}");
    }
    assert!(record.get("claimgate.principal.project").is_none(), "what is absent is left out");
}

#[test]
fn a_denial_is_recorded_with_what_was_known_when_it_came() {
    let rules = json!({ "policies": [rule("principal.key.labels.plan == 'a'", json!({}))] });
    let ended = Ending { answered_by: AnsweredBy::Gateway, provider_request_id: None, ..ending() };
    for (change, request, reason, present, absent, note) in [
        (
            json!({}),
            Request::chat().keyed(9),
            Reason::KeyUnknown,
            vec![],
            vec!["claimgate.principal.subject", "gen_ai.operation.name"],
            "an unknown caller",
        ),
        (
            json!({}),
            Request::chat().at("POST", "/x"),
            Reason::OperationUnknown,
            vec!["claimgate.principal.subject"],
            vec!["gen_ai.operation.name"],
            "an unknown operation",
        ),
        (
            rules,
            Request::chat(),
            Reason::PolicyError,
            vec!["claimgate.rule", "claimgate.note", "gen_ai.operation.name"],
            vec![],
            "a rule that erred",
        ),
        (
            json!({}),
            Request::chat().at("GET", "/v1/files").to(Some("shared")),
            Reason::StatefulOperationSharedCredential,
            vec!["gen_ai.operation.name"],
            vec!["gen_ai.request.model"],
            "a stored file",
        ),
        (
            json!({}),
            Request::chat().to(Some("elsewhere")),
            Reason::UpstreamNotConfigured,
            vec!["claimgate.note", "claimgate.upstream.cluster"],
            vec![],
            "an unknown cluster",
        ),
    ] {
        let (call, _) = Scene::new(change).decide(&request);
        let record = record(&call, &ended);
        assert_eq!(record["claimgate.decision"], "deny", "{note}");
        assert_eq!(record["claimgate.reason"], reason.code(), "{note}");
        assert_eq!(record["claimgate.answered_by"], "gateway", "{note}");
        assert!(present.iter().all(|name| record.get(name).is_some()), "{note}: {record}");
        assert!(absent.iter().all(|name| record.get(name).is_none()), "{note}: {record}");
    }
}

#[test]
fn what_ended_before_it_was_decided_is_recorded_too() {
    let scene = Scene::new(json!({ "open": [{ "method": "GET", "path": "/healthz" }] }));
    let gone = Ending { answered_by: AnsweredBy::Nobody, status: None, aborted: true, ..ending() };
    let undecided = record(&scene.open(&Request::chat()), &gone);
    assert_eq!(undecided["claimgate.decision"], "undecided");
    assert_eq!(
        (&undecided["claimgate.answered_by"], &undecided["claimgate.aborted"]),
        (&json!("nobody"), &json!(true))
    );
    assert!(undecided.get("http.response.status_code").is_none());

    let (open, _) = scene.decide(&Request::new("GET", "/healthz").to(None));
    assert_eq!(record(&open, &ending())["claimgate.decision"], "open");

    let headless = scene.gateway.open_call(
        crate::request::RequestHead::default(),
        crate::request::Connection::default(),
        crate::policy::fixture::moment(NOW_MS),
    );
    assert_eq!(record(&headless, &gone)["url.path"], "", "a request that Envoy refused itself");
}

#[test]
fn no_record_holds_a_credential_or_a_query() {
    let scene = Scene::new(json!({}));
    let token = scene.token(json!({}));
    for request in [
        Request::chat(),
        Request::chat().keyed(9),
        Request::bearing(&token),
        Request::bearing("eyJhbGciOiJFZERTQSJ9.secret-token.x"),
        Request::chat().at("POST", &format!("/v1/chat/completions?api_key={}", key(1))),
        Request::chat().with("x-api-key", "secret-token"),
        Request::chat().to(Some("bare")),
    ] {
        let (call, _) = scene.decide(&request);
        let line = call.record(&ending());
        for secret in [key(1).as_str(), &key(9), &token, "secret-token", "sk-ACME", "api_key="] {
            assert!(!line.contains(secret), "{secret}: {line}");
        }
    }
}

#[test]
fn a_callers_text_cannot_break_the_line() {
    let scene = Scene::new(json!({}));
    let token = scene.token(json!({ "sub": "a\"\n{\"claimgate.decision\":\"allow\"}", "org": "x\u{0}" }));
    let (call, _) = scene.decide(&Request::bearing(&token));
    let record = record(&call, &ending());
    assert_eq!(record["claimgate.decision"], "deny");
    assert_eq!(record["claimgate.principal.subject"], "a\"\n{\"claimgate.decision\":\"allow\"}");
}

#[test]
fn the_answer_tells_what_is_left() {
    let scene = Scene::new(json!({}));
    let (call, _) = scene.decide(&Request::chat());
    let provider = [("x-ratelimit-limit-requests", b"9".as_slice()), ("x-request-id", b"provider-1")];
    let patch = call.answer_patch(provider.into_iter(), NOW_MS + 20_000);
    for (name, want) in [
        ("x-ratelimit-limit-requests", "5"),
        ("x-ratelimit-remaining-requests", "4"),
        ("x-ratelimit-reset-requests", "45s"),
        ("x-upstream-ratelimit-limit-requests", "9"),
        ("x-upstream-request-id", "provider-1"),
        ("x-request-id", "eeeeeeee-eeee-4eee-aeee-eeeeeeeeeeee"),
    ] {
        assert_eq!(setting(&patch, name).as_deref(), Some(want), "{name}");
    }
}

#[test]
fn the_answer_tells_it_in_the_words_of_the_provider() {
    let quotas = json!([
        { "id": "q", "limit": 5, "window": "60s", "window_kind": "fixed", "per": ["'a'"] },
        { "id": "i", "unit": "input_tokens", "limit": 900, "reserve": 300, "window": "60s", "window_kind": "fixed", "per": ["'a'"] },
    ]);
    let upstream = json!({ "cluster": "claude", "dialect": "anthropic", "credential": { "env": "ACME" } });
    let scene = Scene::new(
        json!({ "quotas": quotas, "upstreams": [upstream], "metering": { "stream_usage": "as_asked" } }),
    );
    let (call, _) = scene.decide(&Request::chat().at("POST", "/v1/messages").to(Some("claude")));
    let provider = [("anthropic-ratelimit-requests-limit", b"9".as_slice()), ("ratelimit-policy", b"9;w=60")];
    let patch = call.answer_patch(provider.into_iter(), NOW_MS + 20_000);
    for (name, want) in [
        ("anthropic-ratelimit-requests-limit", "5"),
        ("anthropic-ratelimit-requests-remaining", "4"),
        ("anthropic-ratelimit-requests-reset", "2026-01-01T12:01:00Z"),
        ("anthropic-ratelimit-tokens-remaining", "892"),
        ("anthropic-ratelimit-input-tokens-limit", "900"),
        ("anthropic-ratelimit-input-tokens-remaining", "892"),
        ("x-upstream-ratelimit-requests-limit", "9"),
        ("x-upstream-ratelimit-policy", "9;w=60"),
    ] {
        assert_eq!(setting(&patch, name).as_deref(), Some(want), "{name}");
    }
    assert!(
        patch.settings().all(|(name, _)| !name.starts_with("x-ratelimit-")),
        "nothing in another's words"
    );
}

#[test]
fn the_tenants_that_are_counted_apart_are_bounded() {
    let scene = Scene::new(json!({ "metric_tenants": 2 }));
    let mut seen = Vec::new();
    let mut tally = |request: Request| {
        let (call, _) = scene.decide(&request);
        scene.gateway.tally(&call, &mut seen)
    };
    let of = |tenant: &str| Request::bearing(&scene.token(json!({ "org": tenant })));
    for (tenant, want, note) in [
        ("acme", "acme", "the first"),
        ("a.b c", "a_b_c", "what would split a counter's name is replaced"),
        ("third", "other", "one too many"),
        ("acme", "acme", "one that was seen keeps its own"),
    ] {
        assert_eq!(tally(of(tenant)).tenant, want, "{note}");
    }
    let unknown = tally(Request::chat().keyed(9));
    assert_eq!((unknown.tenant.as_str(), unknown.decision, unknown.reason), ("none", "deny", "key_unknown"));
    assert_eq!(tally(Request::chat()).values(), ["allow", "none", "openai", "acme"]);
    let refused = tally(Request::chat().to(Some("globex")));
    assert_eq!(
        (refused.decision, refused.reason, refused.tenant.as_str()),
        ("deny", "tenant_mismatch", "acme")
    );
    assert_eq!(seen.len(), 2);
}
