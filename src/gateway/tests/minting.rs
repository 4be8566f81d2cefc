//! Tokens of the gateway's own: how they are got, and what they are good for.

use serde_json::{Value, json};

use super::{NOW, NOW_MS, Request, Scene, rule};
use crate::denial::{Answer, Reason};
use crate::gateway::{Body, Known, Need, Outcome};
use crate::policy::fixture::{key, key_entry, merged};

const PATH: &str = "/claimgate/v1/tokens";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

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

/// The same by a form.
pub(super) fn posting(request: Request, parameters: &[(&str, &str)]) -> Request {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    asking(request, Value::Null).with("content-type", "application/x-www-form-urlencoded").body(&body)
}

/// An agent with the key 1 that asks for a token to act for the bearer of `token`.
pub(super) fn acting(token: &str, more: &[(&str, &str)]) -> Request {
    let exchange = [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS_TOKEN)];
    posting(Request::chat(), &[&exchange, more].concat())
}

fn answered(scene: &Scene, request: &Request) -> (Answer, Value) {
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

fn error(scene: &Scene, request: &Request) -> (u32, String, Reason) {
    let (call, _) = scene.decide(request);
    let (answer, reason) = (call.answer().unwrap(), call.denial().unwrap().reason());
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, body["error"].as_str().unwrap_or_default().to_owned(), reason)
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
fn an_agent_acts_for_a_user_with_what_both_may() {
    let seen = "principal.subject == 'alice' && principal.actor == 'indexer' && principal.actors == ['indexer'] \
                && principal.scopes == ['chat'] && principal.claims.act.sub == 'indexer'";
    let scene = scene(merged(
        tokens(json!({ "allow_actor": "actor.key.id == 'k1'" })),
        json!({ "policies": [rule(seen, json!({}))] }),
    ));
    let user = scene.token(json!({ "scope": "chat files" }));
    let (_, body) = answered(&scene, &acting(&user, &[]));
    assert_eq!((&body["scope"], &body["token_type"]), (&json!("chat"), &json!("Bearer")));
    assert_eq!((&body["expires_in"], &body["issued_token_type"]), (&json!(300), &json!(ACCESS_TOKEN)));
    let token = body["access_token"].as_str().unwrap();
    let (call, _) = scene.decide(&Request::bearing(token));
    assert_eq!(call.denial(), None);
    let record: Value = serde_json::from_str(&call.record(&super::reports::ending())).unwrap();
    assert_eq!(record["claimgate.principal.actor"], "indexer");
    assert_eq!(record["claimgate.credential.parents"], json!(["", "k1"]));
    let named = [("actor_token", key(1)), ("actor_token_type", ACCESS_TOKEN.to_owned())];
    let named: Vec<_> = named.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(matches!(scene.decide(&acting(&user, &named)).1, Outcome::Answer), "the agent's token once more");
}

#[test]
fn an_agent_may_act_only_for_whom_it_is_allowed() {
    let named = json!({ "may_act": { "sub": "indexer" } });
    let other = json!({ "may_act": { "sub": "indexer", "iss": "https://idp.example" } });
    let nobody = json!({ "may_act": {} });
    let deep = (0..8).fold(Value::Null, |act, _| {
        if act.is_null() { json!({ "sub": "a" }) } else { json!({ "sub": "a", "act": act }) }
    });
    let denied = Some(Reason::TokenRequestDenied);
    for (allow, claims, want, note) in [
        (None, json!({}), denied, "nobody says so"),
        (None, named.clone(), None, "the user's token does"),
        (None, other, denied, "the user's token names one of another issuer"),
        (None, nobody, denied, "the user's token names nobody"),
        (Some("true"), json!({}), None, "the configuration does"),
        (
            Some("true"),
            json!({ "may_act": { "sub": "another" } }),
            denied,
            "but the user's token names another",
        ),
        (Some("false"), named.clone(), denied, "the user's token does, but the configuration does not"),
        (
            Some("actor.tenant == principal.tenant"),
            json!({ "org": "globex" }),
            denied,
            "another tenant's user",
        ),
        (Some("true"), json!({ "act": deep }), denied, "the chain is too long"),
    ] {
        let scene = scene(tokens(json!({ "allow_actor": allow })));
        let user = scene.token(claims);
        assert_eq!(scene.refusal(&acting(&user, &[])), want, "{note}");
    }
}

#[test]
fn forms_are_answered_as_oauth_has_it() {
    let scene = scene(tokens(json!({ "allow_actor": "true" })));
    let user = scene.token(json!({}));
    let client = |more: &[(&str, &str)]| {
        posting(Request::chat(), &[&[("grant_type", "client_credentials")], more].concat())
    };
    let (_, body) = answered(&scene, &client(&[("scope", "chat"), ("expires_in", "60"), ("requests", "3")]));
    assert_eq!(
        (&body["expires_in"], &body["scope"], body.get("issued_token_type")),
        (&json!(60), &json!("chat"), None)
    );
    let expired = scene.token(json!({ "exp": NOW - 60 }));
    let minted = body["access_token"].as_str().unwrap();
    for (request, status, code, note) in [
        (posting(Request::chat(), &[]), 400, "invalid_request", "no grant type"),
        (
            posting(Request::chat(), &[("grant_type", "password")]),
            400,
            "unsupported_grant_type",
            "another one",
        ),
        (client(&[("scope", "admin")]), 400, "invalid_scope", "a scope it has not"),
        (client(&[("scope", "chat"), ("scope", "chat")]), 400, "invalid_request", "a parameter twice"),
        (client(&[("scop", "chat")]), 400, "invalid_request", "a mistyped parameter"),
        (client(&[("client_secret", "x")]), 400, "invalid_request", "another credential"),
        (client(&[("audience", "https://other.example/")]), 400, "invalid_request", "for somebody else"),
        (client(&[("requests", "-1")]), 400, "invalid_request", "no number"),
        (acting(&expired, &[]), 400, "invalid_request", "the user's token is over"),
        (acting("", &[]), 400, "invalid_request", "no user's token"),
        (acting(minted, &[]), 400, "unauthorized_client", "a token of the gateway's own"),
        (acting(&user, &[("requested_token_type", "x")]), 400, "invalid_request", "another type"),
        (
            acting(&user, &[("actor_token", &user), ("actor_token_type", ACCESS_TOKEN)]),
            400,
            "invalid_request",
            "another actor than the caller",
        ),
        (posting(Request::new("POST", PATH), &[]), 401, "invalid_client", "no credential"),
    ] {
        let got = error(&scene, &request);
        assert_eq!((got.0, got.1.as_str()), (status, code), "{note}: {:?}", got.2);
    }
    let this = [("audience", "https://gateway.example/"), ("resource", "https://gateway.example/")];
    assert!(matches!(scene.decide(&client(&this)).1, Outcome::Answer), "for this gateway");
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
