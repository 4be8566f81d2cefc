//! Tokens of the gateway's own: how they are got, and what they are good for.

use serde_json::{Value, json};

use super::exchanging::acting;
use super::{NOW, NOW_MS, Request, Scene, rule};
use crate::denial::{Answer, Reason};
use crate::gateway::{Body, Known, Need, Outcome};
use crate::policy::fixture::{key_entry, merged};

pub(super) const PATH: &str = "/claimgate/v1/tokens";

pub(super) fn scene(change: Value) -> Scene {
    let quotas = json!([{ "id": "q", "limit": 99, "window": "60s", "per": ["principal.subject"] }]);
    let tokens = json!({ "issuer": "https://gateway.example/", "signing_key": { "env": "SIGNING" } });
    Scene::new(merged(json!({ "tokens": tokens, "quotas": quotas }), change))
}

pub(super) fn tokens(change: Value) -> Value {
    let plain = json!({ "issuer": "https://gateway.example/", "signing_key": { "env": "SIGNING" } });
    json!({ "tokens": merged(plain, change) })
}

/// A request for a token, by whoever `request` is from.
pub(super) fn asking(request: Request, wish: Value) -> Request {
    let body = if wish.is_null() { String::new() } else { wish.to_string() };
    request.at("POST", PATH).with("content-type", "application/json").body(&body).to(None)
}

pub(super) fn answered(scene: &Scene, request: &Request) -> (Answer, Value) {
    let (call, outcome) = scene.decide(request);
    assert!(matches!(outcome, Outcome::Answer), "{outcome:?}: {:?}", call.denial());
    let answer = call.answer().unwrap();
    let body = serde_json::from_str(&answer.body).unwrap();
    (answer, body)
}

pub(super) fn token(scene: &Scene, request: &Request) -> String {
    let (_, body) = answered(scene, request);
    body.get("value").or_else(|| body.get("access_token")).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn a_caller_gets_a_token_and_is_the_same_caller_with_it() {
    let seen = "principal.subject == 'indexer' && principal.tenant == 'acme' && principal.key.id == 'k1' \
                && principal.kind == 'api_key' && principal.key.labels.plan == 'pro'";
    let keys =
        json!([key_entry(1, json!({ "tenant": "acme", "scopes": ["chat"], "labels": { "plan": "pro" } }))]);
    let scene = scene(json!({ "policies": [rule(seen, json!({}))], "keys": keys }));
    let (answer, body) = answered(&scene, &asking(Request::chat(), Value::Null));
    assert_eq!((answer.status, &body["expires_at"]), (200, &json!(NOW + 600)));
    assert_eq!((&body["scopes"], &body["tenant"]), (&json!(["chat"]), &json!("acme")));
    let header = |name: &str| answer.headers.iter().any(|(other, _)| other == name);
    assert!(header("cache-control") && header("x-claimgate-decision-id") && header("x-request-id"));
    let token = body["value"].as_str().unwrap();
    assert!(token.starts_with("cgt_"));
    for request in [Request::chat(), Request::bearing(token), Request::bearing(token)] {
        assert_eq!(scene.refusal(&request), None);
    }
    let (call, _) = scene.decide(&Request::bearing(token));
    let record: Value = serde_json::from_str(&call.record(&super::reports::ending())).unwrap();
    assert_eq!(record["claimgate.credential.id"], body["id"]);
    assert_eq!(record["claimgate.credential.parents"], json!(["k1"]));
}

#[test]
fn the_record_of_a_token_names_it_and_does_not_hold_it() {
    let scene = scene(json!({}));
    let (call, _) = scene.decide(&asking(Request::chat(), Value::Null));
    let line = call.record(&super::reports::ending());
    let record: Value = serde_json::from_str(&line).unwrap();
    let body: Value = serde_json::from_str(&call.answer().unwrap().body).unwrap();
    assert_eq!(record["claimgate.token.id"], body["id"]);
    assert_eq!(
        (&record["claimgate.token.subject"], &record["claimgate.decision"]),
        (&json!("indexer"), &json!("allow"))
    );
    assert!(!line.contains("cgt_") && !format!("{call:?}").contains("cgt_"));
}

#[test]
fn a_token_is_narrowed_as_was_asked() {
    let scene = scene(json!({
        "policies": [rule("llm.operation != 'chat' || principal.scopes.covers('chat')", json!({}))],
    }));
    let narrowed = |wish: Value| Request::bearing(&token(&scene, &asking(Request::chat(), wish)));
    for (wish, body, want, note) in [
        (json!({ "scopes": ["chat.read"] }), "gpt-4o", Some(Reason::PolicyDenied), "a scope below"),
        (json!({ "scopes": [] }), "gpt-4o", Some(Reason::PolicyDenied), "no scope"),
        (json!({ "models": ["gpt-4o*"] }), "gpt-4o-mini", None, "a model that matches"),
        (json!({ "models": ["gpt-4o"] }), "gpt-4o-mini", Some(Reason::ModelNotAllowed), "one that does not"),
        (
            json!({ "session": { "type": "realtime", "model": "gpt-4o" } }),
            "o1",
            Some(Reason::ModelNotAllowed),
            "OpenAI's way to say it",
        ),
        (json!({ "operations": ["chat"] }), "gpt-4o", None, "an operation"),
        (json!({ "operations": ["embeddings"] }), "gpt-4o", Some(Reason::OperationNotAllowed), "another one"),
    ] {
        let request = narrowed(wish).body(&json!({ "model": body, "messages": [] }).to_string());
        for _ in 0..2 {
            assert_eq!(scene.refusal(&request), want, "{note}");
        }
    }
    let models = narrowed(json!({ "models": ["gpt-4o"] }));
    assert_eq!(scene.refusal(&models.clone().at("GET", "/v1/models")), None, "it has no model");
    assert_eq!(scene.refusal(&models.body("{}")), Some(Reason::ModelUnknowable), "a body without a model");
}

#[test]
fn a_budget_is_counted_whatever_the_quotas_say() {
    let scene = scene(json!({}));
    let spend = Request::bearing(&token(&scene, &asking(Request::chat(), json!({ "requests": 2 }))));
    let answers: Vec<_> = (0..3).map(|_| scene.refusal(&spend)).collect();
    assert_eq!(answers, [None, None, Some(Reason::TokenBudgetExhausted)]);
}

#[test]
fn a_request_that_a_quota_refuses_costs_no_budget() {
    let scene = scene(json!({ "quotas": [{ "id": "q", "limit": 1, "window": "60s", "per": ["'all'"] }] }));
    let spend = Request::bearing(&token(&scene, &asking(Request::chat(), json!({ "requests": 2 }))));
    let at = |ms: u64| scene.decide_at(&spend, ms).0.denial().map(|denial| denial.reason());
    assert_eq!(at(NOW_MS), None);
    for _ in 0..3 {
        assert_eq!(at(NOW_MS), Some(Reason::QuotaExceeded));
    }
    assert_eq!(at(NOW_MS + 120_000), None, "the second of two");
}

#[test]
fn a_token_is_never_more_than_its_parent() {
    let scene = scene(json!({}));
    for (wish, want, note) in [
        (json!({ "scopes": ["admin"] }), Reason::TokenRequestTooWide, "a scope it has not"),
        (json!({ "scopes": ["*"] }), Reason::TokenRequestTooWide, "every scope"),
        (json!({ "tenant": "globex" }), Reason::TokenRequestTooWide, "another tenant"),
        (
            json!({ "expires_after": { "anchor": "created_at", "seconds": 59 } }),
            Reason::TokenRequestInvalid,
            "too short",
        ),
        (json!({ "expires_after": { "seconds": 601 } }), Reason::TokenRequestInvalid, "too long"),
        (json!({ "requests": 0 }), Reason::TokenRequestInvalid, "good for nothing"),
        (json!({ "models": [] }), Reason::TokenRequestInvalid, "no model"),
        (json!({ "modles": ["gpt-4o"] }), Reason::TokenRequestInvalid, "a mistyped wish"),
        (
            json!({ "session": { "instructions": "be kind" } }),
            Reason::TokenRequestInvalid,
            "what cannot be held to",
        ),
        (json!([]), Reason::TokenRequestInvalid, "no object"),
    ] {
        assert_eq!(scene.refusal(&asking(Request::chat(), wish)), Some(want), "{note}");
    }
    let token = token(&scene, &asking(Request::chat(), Value::Null));
    let again = asking(Request::bearing(&token), Value::Null);
    assert_eq!(scene.refusal(&again), Some(Reason::TokenRequestDenied), "a token cannot get another");
    assert_eq!(
        scene.refusal(&asking(Request::new("POST", PATH), Value::Null)),
        Some(Reason::CredentialMissing)
    );
    let get = asking(Request::chat(), Value::Null).at("GET", PATH);
    assert_eq!(scene.refusal(&get), Some(Reason::OperationUnknown), "another method");
    let unasked = Scene::new(json!({}));
    assert_eq!(
        unasked.refusal(&asking(Request::chat(), Value::Null)),
        Some(Reason::NoUpstream),
        "no section `tokens`"
    );
}

#[test]
fn a_token_ends_with_its_parent() {
    let keys =
        json!([key_entry(1, json!({ "expires_at": "2026-01-01T12:02:00Z" })), key_entry(7, json!({}))]);
    let scene = scene(json!({ "keys": keys }));
    let (_, body) = answered(&scene, &asking(Request::chat(), Value::Null));
    assert_eq!(body["expires_at"], json!(NOW + 120), "the key's own end comes first");
    let jwt = scene.token(json!({ "exp": NOW + 90, "jti": "j-1" }));
    let (_, body) = answered(&scene, &asking(Request::bearing(&jwt), Value::Null));
    assert_eq!(body["expires_at"], json!(NOW + 90), "and the token's");
    let token = token(&scene, &asking(Request::new("POST", PATH).keyed(7), Value::Null));
    let after = |change: Value| {
        let other = Scene::new(merged(tokens(json!({})), change));
        other.refusal(&Request::bearing(&token).to(Some("shared")))
    };
    assert_eq!(after(json!({})), None, "another gateway of the same name and key");
    for (change, want, note) in [
        (json!({ "keys": [key_entry(1, json!({}))] }), Reason::ParentCredentialInvalid, "the key is gone"),
        (
            json!({ "keys": [key_entry(7, json!({ "disabled": true }))] }),
            Reason::ParentCredentialInvalid,
            "it is disabled",
        ),
        (
            json!({ "keys": [key_entry(7, json!({ "cidrs": ["10.0.0.0/8"] }))] }),
            Reason::NetworkNotAllowed,
            "from elsewhere",
        ),
        (
            json!({ "keys": [key_entry(7, json!({ "tenant": "acme" }))] }),
            Reason::ParentCredentialInvalid,
            "it is another tenant's",
        ),
        (
            tokens(json!({ "issuer": "https://other.example/" })),
            Reason::TokenIssuerUnknown,
            "another gateway",
        ),
        (json!({ "tokens": null }), Reason::TokenIssuerUnknown, "no tokens any more"),
    ] {
        assert_eq!(after(change), Some(want), "{note}");
    }
    let of_jwt = self::token(&scene, &asking(Request::bearing(&jwt), Value::Null));
    let bare = Scene::new(merged(tokens(json!({})), json!({ "issuers": [] })));
    assert_eq!(
        bare.refusal(&Request::bearing(&of_jwt)),
        Some(Reason::ParentCredentialInvalid),
        "its issuer is gone"
    );
}

#[test]
fn rules_see_the_claims_of_the_parent_but_not_scopes_that_are_gone() {
    let seen = "principal.claims.region == 'eu' && principal.issuer == 'https://idp.example' && principal.minted \
                && principal.kind == 'jwt' && principal.claims.scope == 'chat'";
    let scene = scene(json!({ "policies": [rule(seen, json!({}))] }));
    let jwt = scene.token(json!({ "region": "eu", "scope": "chat admin" }));
    let token = token(&scene, &asking(Request::bearing(&jwt), json!({ "scopes": ["chat"] })));
    assert_eq!(scene.refusal(&Request::bearing(&token)), None);
}

#[test]
fn who_may_have_one_is_for_the_configuration_to_say() {
    for (allow, wish, want, note) in [
        ("principal.scopes.covers('chat')", json!({}), None, "it holds"),
        ("principal.scopes.covers('tokens')", json!({}), Some(Reason::TokenRequestDenied), "it does not"),
        (
            "has(asked.requests) && asked.requests <= 10",
            json!({ "requests": 5 }),
            None,
            "a bound on the wish",
        ),
        (
            "has(asked.requests) && asked.requests <= 10",
            json!({}),
            Some(Reason::TokenRequestDenied),
            "no budget",
        ),
        ("asked.lifetime_seconds <= 60", json!({}), Some(Reason::TokenRequestDenied), "too long"),
        ("principal.claims.x == 1", json!({}), Some(Reason::PolicyError), "it errs"),
    ] {
        let scene = scene(tokens(json!({ "allow": allow })));
        assert_eq!(scene.refusal(&asking(Request::chat(), wish)), want, "{note}");
    }
}

#[test]
fn the_caller_is_proven_before_the_body_is_waited_for() {
    let scene = scene(json!({}));
    let need = |request: &Request| {
        let mut call = scene.open(request);
        let known = Known { body: Body::Coming, ..scene.known(request) };
        (scene.gateway.decide(&mut call, &known), call.denial().map(|denial| denial.reason()))
    };
    let asked = need(&asking(Request::chat(), Value::Null)).0;
    assert!(matches!(asked, Outcome::Need(Need::Body { limit: 65_536, look: None })), "{asked:?}");
    assert_eq!(need(&asking(Request::new("POST", PATH), Value::Null)).1, Some(Reason::CredentialMissing));
    let remote = scene.token(json!({ "iss": "https://remote.example" }));
    let exchange = scene.decide(&acting(&remote, &[])).1;
    assert!(matches!(exchange, Outcome::Need(Need::Keys { issuer: 1 })), "{exchange:?}");
}

#[test]
fn what_tokens_cannot_be_is_a_configuration_error() {
    let error = |change: Value| {
        let signer = crate::identity::signing::RawSigner::generate("k");
        super::compile(&signer, change).unwrap_err()
    };
    for (change, at) in [
        (tokens(json!({ "path": "tokens" })), "tokens.path"),
        (tokens(json!({ "path": "/tokens?x" })), "tokens.path"),
        (tokens(json!({ "max_lifetime": "59s" })), "tokens.max_lifetime"),
        (tokens(json!({ "max_lifetime": "11m" })), "tokens.max_lifetime"),
        (tokens(json!({ "allow": "actor.subject == 'x'" })), "tokens.allow"),
        (tokens(json!({ "allow": "principal.scope == 'x'" })), "tokens.allow"),
        (tokens(json!({ "allow_actor": "1" })), "tokens.allow_actor"),
        (tokens(json!({ "signing_key": { "env": "KEY" } })), "tokens.signing_key"),
        (tokens(json!({ "issuer": "https://idp.example" })), "issuers[0]"),
        (merged(tokens(json!({})), json!({ "hold": "headers" })), "tokens"),
    ] {
        let error = error(change.clone());
        assert_eq!(error.at, at, "{change}: {error}");
    }
}

/// A question for a provider's own token.
fn asked_of_provider(path: &str, body: Value) -> Request {
    Request::chat().at("POST", path).with("content-type", "application/json").body(&body.to_string())
}

#[test]
fn a_question_for_a_providers_own_token_is_answered_with_one_of_ours() {
    let scene = scene(json!({}));
    let session = json!({ "type": "realtime", "model": "gpt-realtime", "instructions": "be kind" });
    let asked = json!({ "expires_after": { "anchor": "created_at", "seconds": 7200 }, "session": session });
    let (_, secret) = answered(&scene, &asked_of_provider("/v1/realtime/client_secrets", asked));
    assert_eq!(secret["expires_at"], json!(NOW + 600), "no longer than may be");
    assert_eq!(secret["session"]["instructions"], json!("be kind"), "what was asked comes back");
    let token = secret["value"].as_str().unwrap().to_owned();
    let opening = |model: &str| {
        let path = format!("/v1/realtime?model={model}");
        Request::bearing(&token).at("GET", &path).with("upgrade", "websocket").body("")
    };
    assert_eq!(scene.refusal(&opening("gpt-realtime")), None);
    assert_eq!(scene.refusal(&opening("gpt-4o")), Some(Reason::ModelNotAllowed), "another model");
    assert_eq!(scene.refusal(&Request::bearing(&token)), Some(Reason::OperationNotAllowed), "a chat");
    let again = asked_of_provider("/v1/realtime/client_secrets", json!({})).with("authorization", "");
    assert!(scene.refusal(&again).is_some(), "nobody's");

    let (_, session) =
        answered(&scene, &asked_of_provider("/v1/realtime/sessions", json!({ "model": "gpt-realtime" })));
    assert!(session["client_secret"]["value"].as_str().unwrap().starts_with("cgt_"), "{session}");
    assert_eq!((&session["object"], &session["model"]), (&json!("realtime.session"), &json!("gpt-realtime")));
    let (_, session) = answered(&scene, &asked_of_provider("/v1/realtime/transcription_sessions", json!({})));
    assert_eq!(session["object"], json!("realtime.transcription_session"));
}

#[test]
fn geminis_token_is_for_so_many_uses_and_is_read_as_its_sdk_sends_it() {
    let scene = scene(json!({}));
    let ask = |body: Value| asked_of_provider("/v1alpha/auth_tokens", body).to(Some("gemini"));
    let (_, token) = answered(&scene, &ask(json!({})));
    assert_eq!(token["uses"], json!(1), "one where it says nothing");
    let ends = time(NOW + 90);
    let (_, token) = answered(
        &scene,
        &ask(json!({ "uses": 3, "newSessionExpireTime": ends, "expireTime": time(NOW + 9000) })),
    );
    assert_eq!((&token["uses"], &token["newSessionExpireTime"]), (&json!(3), &json!(ends)));
    let name = token["name"].as_str().unwrap();
    assert!(name.starts_with("auth_tokens/cgt_"), "{name}");
    let live = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained";
    let opening = Request::new("GET", live).with("authorization", &format!("Token {name}"));
    let opening = opening.with("upgrade", "websocket").body("").to(Some("gemini"));
    // It is read; live sessions are for one's own account.
    assert_eq!(scene.refusal(&opening), Some(Reason::StatefulOperationSharedCredential));
    for (body, note) in [
        (json!({ "uses": -1 }), "no number of uses"),
        (json!({ "expireTime": "soon" }), "no time"),
        (json!({ "expireTime": time(NOW - 5) }), "a time that is past"),
        (json!({ "bidiGenerateContentSetup": { "model": "models/*" } }), "any model"),
    ] {
        assert_eq!(scene.refusal(&ask(body)), Some(Reason::TokenRequestInvalid), "{note}");
    }
}

fn time(unix_seconds: u64) -> String {
    crate::config::Timestamp::at(unix_seconds).to_string()
}

#[test]
fn a_providers_own_token_is_refused_where_the_gateway_gives_none() {
    let none = Scene::new(json!({}));
    let gives = scene(json!({}));
    for (path, cluster) in [("/v1/realtime/client_secrets", "openai"), ("/v1alpha/auth_tokens", "gemini")] {
        let request = asked_of_provider(path, json!({})).to(Some(cluster));
        assert_eq!(none.refusal(&request), Some(Reason::ProviderTokenRefused), "{path}");
        assert_eq!(gives.refusal(&request), None, "{path}");
    }
    // It is for a page of the provider's, which knows no token of ours.
    let page = asked_of_provider("/v1/chatkit/sessions", json!({ "workflow": { "id": "w" }, "user": "u" }));
    assert_eq!(gives.refusal(&page), Some(Reason::ProviderTokenRefused));
}
