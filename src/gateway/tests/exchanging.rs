//! Tokens that are asked for by a form, as OAuth has it: for the caller itself, or for an agent that acts for a user.

use serde_json::{Value, json};

use super::minting::{PATH, answered, asking, scene, tokens};
use super::{NOW, Request, Scene, rule};
use crate::denial::Reason;
use crate::gateway::Outcome;
use crate::policy::fixture::{key, merged};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A request for a token by a form, from whoever `request` is from.
pub(super) fn posting(request: Request, parameters: &[(&str, &str)]) -> Request {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    asking(request, Value::Null).with("content-type", "application/x-www-form-urlencoded").body(&body)
}

/// An agent with the key 1 that asks for a token to act for the bearer of `token`.
pub(super) fn acting(token: &str, more: &[(&str, &str)]) -> Request {
    let exchange = [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS_TOKEN)];
    posting(Request::chat(), &[&exchange, more].concat())
}

fn error(scene: &Scene, request: &Request) -> (u32, String, Reason) {
    let (call, _) = scene.decide(request);
    let (answer, reason) = (call.answer().unwrap(), call.denial().unwrap().reason());
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, body["error"].as_str().unwrap_or_default().to_owned(), reason)
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
