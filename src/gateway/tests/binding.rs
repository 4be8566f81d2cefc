//! Tokens of the gateway's own that are bound to whoever asked for them.

use serde_json::{Value, json};

use super::exchanging::{acting, posting};
use super::minting::{PATH, answered, asking, token, tokens};
use super::possession::thumbprint;
use super::proofs::{Prover, dpop, proving};
use super::{NOW, Request, Scene, key};
use crate::denial::Reason;
use crate::gateway::{Body, Known, Need, Outcome};
use crate::policy::fixture::{key_entry, merged};

/// A gateway that gives tokens and takes proofs.
fn scene(change: Value) -> Scene {
    let tokens = tokens(json!({ "allow_actor": "true" }));
    Scene::new(merged(merged(dpop(json!({})), tokens), change))
}

/// The same request with a proof by this key, as a client of a token endpoint makes it.
fn offering(request: Request, prover: &Prover) -> Request {
    let url = format!("https://gw.example{PATH}");
    let proof = prover.proof("", json!({ "htu": url, "ath": null }));
    request.with("dpop", &proof)
}

/// A wish by the holder of a key that is bound to this prover's.
fn bound_wish(prover: &Prover, credential: &str, wish: Value) -> Request {
    let url = format!("https://gw.example{PATH}");
    asking(proving(credential, &prover.proof(credential, json!({ "htu": url }))), wish)
}

#[test]
fn a_token_is_bound_to_the_key_of_the_proof_that_came_with_the_wish() {
    let (scene, prover) = (scene(json!({})), Prover::new());
    let (_, body) = answered(&scene, &offering(asking(Request::chat(), Value::Null), &prover));
    assert_eq!(body["bound_by"], json!(["dpop"]));
    let token = body["value"].as_str().unwrap();
    for (request, want, note) in [
        (prover.chat(token), None, "its holder"),
        (Prover::new().chat(token), Some(Reason::DpopKeyMismatch), "another one"),
        (Request::bearing(token), Some(Reason::DpopSchemeRequired), "whoever bears it"),
        (prover.chat(token), None, "its holder again"),
    ] {
        assert_eq!(scene.refusal(&request), want, "{note}");
    }
    let (_, body) = answered(&scene, &asking(Request::chat(), Value::Null));
    assert_eq!(body.get("bound_by"), None, "without a proof it is not bound");
}

#[test]
fn oauth_tells_a_bound_token_by_its_type() {
    let (scene, prover) = (scene(json!({})), Prover::new());
    let wish = || posting(Request::chat(), &[("grant_type", "client_credentials")]);
    let (_, body) = answered(&scene, &offering(wish(), &prover));
    assert_eq!(body["token_type"], "DPoP");
    assert_eq!(scene.refusal(&prover.chat(body["access_token"].as_str().unwrap())), None);
    let (_, body) = answered(&scene, &wish());
    assert_eq!(body["token_type"], "Bearer");
    let refused = wish().with("dpop", &prover.proof("", json!({ "ath": null })));
    let (call, _) = scene.decide(&refused);
    let answer = call.answer().unwrap();
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, &body["error"]), (400, &json!("invalid_dpop_proof")), "for another path");
}

#[test]
fn a_token_is_bound_to_the_certificate_where_that_is_asked_for() {
    let scene = scene(json!({}));
    let mine = Some(thumbprint(1));
    let bind = || json!({ "bind": ["certificate"] });
    let minted = token(&scene, &asking(Request::chat(), bind()).showing(mine));
    for (shown, want) in [
        (mine, None),
        (Some(thumbprint(2)), Some(Reason::CertificateMismatch)),
        (None, Some(Reason::CertificateRequired)),
    ] {
        assert_eq!(scene.refusal(&Request::bearing(&minted).showing(shown)), want);
    }
    let form = [("grant_type", "client_credentials"), ("bind", "certificate")];
    let minted = token(&scene, &posting(Request::chat(), &form).showing(mine));
    assert_eq!(scene.refusal(&Request::bearing(&minted)), Some(Reason::CertificateRequired), "by a form");
    let unbound = token(&scene, &asking(Request::chat(), Value::Null).showing(mine));
    assert_eq!(scene.refusal(&Request::bearing(&unbound)), None, "not asked for");
}

#[test]
fn a_wish_to_bind_that_cannot_be_met_is_refused() {
    let (scene, prover) = (scene(json!({})), Prover::new());
    let invalid = Some(Reason::TokenRequestInvalid);
    let replayed = offering(asking(Request::chat(), Value::Null), &prover);
    assert_eq!(scene.refusal(&replayed), None);
    for (request, want, note) in [
        (asking(Request::chat(), json!({ "bind": ["dpop"] })), invalid, "no proof"),
        (asking(Request::chat(), json!({ "bind": ["certificate"] })), invalid, "no certificate"),
        (asking(Request::chat(), json!({ "bind": ["tls"] })), invalid, "something else"),
        (
            posting(Request::chat(), &[("grant_type", "client_credentials"), ("bind", "tls")]),
            invalid,
            "by a form",
        ),
        (offering(asking(Request::chat(), json!({ "bind": ["dpop"] })), &prover), None, "a proof"),
        (replayed.clone(), Some(Reason::DpopProofReplayed), "a proof used before"),
        (
            asking(Request::chat(), Value::Null)
                .with("dpop", &prover.proof("other", json!({ "htu": format!("https://gw.example{PATH}") }))),
            Some(Reason::DpopProofMismatch),
            "a proof for another credential",
        ),
    ] {
        assert_eq!(scene.refusal(&request), want, "{note}");
    }
    let without = Scene::new(tokens(json!({})));
    let offered = offering(asking(Request::chat(), Value::Null), &prover);
    assert_eq!(without.refusal(&offered), invalid, "where no proofs are taken");
}

#[test]
fn a_token_is_bound_to_all_that_its_parent_is_bound_to() {
    let (prover, thief) = (Prover::new(), Prover::new());
    let bound_to =
        json!({ "certificates": [thumbprint(1), thumbprint(2)], "dpop_keys": [prover.signer.thumbprint()] });
    let keys = json!([key_entry(1, json!({ "tenant": "acme", "scopes": ["chat"], "bound_to": bound_to }))]);
    let scene = scene(json!({ "keys": keys }));
    let mine = Some(thumbprint(1));
    let minted = token(&scene, &bound_wish(&prover, &key(1), Value::Null).showing(mine));
    for (request, want, note) in [
        (prover.chat(&minted).showing(mine), None, "the holder of both"),
        (prover.chat(&minted), Some(Reason::CertificateRequired), "of the key alone"),
        (
            prover.chat(&minted).showing(Some(thumbprint(2))),
            Some(Reason::CertificateMismatch),
            "of another certificate than the token was got with",
        ),
        (thief.chat(&minted).showing(mine), Some(Reason::DpopKeyMismatch), "of another key"),
    ] {
        assert_eq!(scene.refusal(&request), want, "{note}");
    }
    let offered = bound_wish(&thief, &key(1), Value::Null).showing(mine);
    assert_eq!(scene.refusal(&offered), Some(Reason::DpopKeyMismatch), "nor is it bound to another one's");
}

#[test]
fn a_token_dies_where_its_parent_is_bound_to_something_else() {
    let scene = scene(json!({}));
    let minted = token(&scene, &asking(Request::chat(), Value::Null));
    let bound_to = json!({ "certificates": [thumbprint(1)] });
    let keys = json!([key_entry(1, json!({ "tenant": "acme", "scopes": ["chat"], "bound_to": bound_to }))]);
    let change = merged(tokens(json!({})), json!({ "keys": keys }));
    let bound = Scene::new(change);
    let refusal = bound.refusal(&Request::bearing(&minted).showing(Some(thumbprint(1))));
    assert_eq!(refusal, Some(Reason::ParentCredentialInvalid), "it was got before the key was bound");
}

#[test]
fn a_users_token_that_is_bound_to_another_key_gets_an_agent_nothing() {
    let (scene, user, agent) = (scene(json!({})), Prover::new(), Prover::new());
    let bound = scene.token(merged(user.confirmation(), json!({ "scope": "chat" })));
    let denied = Some(Reason::TokenRequestDenied);
    for (request, want, note) in [
        (acting(&bound, &[]), denied, "no proof"),
        (offering(acting(&bound, &[]), &agent), denied, "a proof by the agent's key"),
        (offering(acting(&bound, &[]), &user), None, "a proof by the user's"),
    ] {
        assert_eq!(scene.refusal(&request), want, "{note}");
    }
    let (_, body) = answered(&scene, &offering(acting(&bound, &[]), &user));
    let minted = body["access_token"].as_str().unwrap();
    assert_eq!((&body["token_type"], scene.refusal(&user.chat(minted))), (&json!("DPoP"), None));
    assert_eq!(scene.refusal(&agent.chat(minted)), Some(Reason::DpopKeyMismatch));
    let by_certificate = scene.token(json!({ "scope": "chat", "cnf": { "x5t#S256": thumbprint(1) } }));
    let shown = |byte: u8| acting(&by_certificate, &[]).showing(Some(thumbprint(byte)));
    assert_eq!((scene.refusal(&shown(1)), scene.refusal(&shown(2))), (None, denied), "of a certificate");
    let minted = token(&scene, &shown(1));
    assert_eq!(scene.refusal(&Request::bearing(&minted)), Some(Reason::CertificateRequired));
}

#[test]
fn a_wish_that_waited_for_its_body_keeps_its_proof() {
    let (scene, prover) = (scene(json!({})), Prover::new());
    let request = offering(asking(Request::chat(), json!({ "scopes": ["chat"] })), &prover);
    let mut call = scene.open(&request);
    let waiting = Known { body: Body::Coming, ..scene.known(&request) };
    let outcome = scene.gateway.decide(&mut call, &waiting);
    assert!(matches!(outcome, Outcome::Need(Need::Body { .. })), "{outcome:?}");
    let outcome = scene.gateway.decide(&mut call, &scene.known(&request));
    assert!(matches!(outcome, Outcome::Answer), "{:?}", call.denial());
}

#[test]
fn a_wish_gets_a_nonce_where_proofs_need_one() {
    let scene = scene(dpop(json!({ "nonce": "required" })));
    let prover = Prover::new();
    let refused = scene.decide(&offering(asking(Request::chat(), Value::Null), &prover)).0.answer().unwrap();
    let nonce =
        refused.headers.iter().find(|(name, _)| name == "dpop-nonce").map(|(_, nonce)| nonce).unwrap();
    let url = format!("https://gw.example{PATH}");
    let proof = prover.proof("", json!({ "htu": url, "ath": null, "nonce": nonce, "iat": NOW }));
    let (answer, _) = answered(&scene, &asking(Request::chat(), Value::Null).with("dpop", &proof));
    assert!(answer.headers.iter().any(|(name, value)| name == "dpop-nonce" && value == nonce));
}
