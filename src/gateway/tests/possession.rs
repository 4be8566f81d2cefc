//! Credentials that are bound to a client certificate, and credentials that are not bound at all.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::{Value, json};

use super::proofs::{Prover, dpop};
use super::reasons::Row;
use super::{Request, Scene, compile, config, key, rule};
use crate::config::Thumbprint;
use crate::denial::Reason;
use crate::identity::signing::RawSigner;
use crate::policy::fixture::{key_entry, merged};

pub(super) fn thumbprint(byte: u8) -> Thumbprint {
    Thumbprint::of_digest([byte; 32])
}

impl Request {
    /// Over a connection on which the client showed this certificate.
    pub(super) fn showing(self, certificate: Option<Thumbprint>) -> Self {
        Self { certificate: Rc::new(move || certificate), ..self }
    }
}

/// The claims of a token that is bound to a certificate.
fn bound(certificate: Thumbprint) -> Value {
    json!({ "cnf": { "x5t#S256": certificate.to_string() } })
}

/// The reasons that a holder is refused for, each from a call that meets it.
pub(super) fn rows() -> Vec<Row> {
    use Reason as R;
    let plain = || json!({});
    vec![
        (R::ConfirmationUnsupported, plain(), |scene| {
            Request::bearing(&scene.token(json!({ "cnf": { "kid": "k" } })))
        }),
        (R::BindingRequired, plain(), |_| {
            Request::new("POST", "/v1/chat/completions").with("authorization", &format!("DPoP {}", key(1)))
        }),
        (R::CertificateRequired, plain(), |scene| Request::bearing(&scene.token(bound(thumbprint(1))))),
        (R::CertificateMismatch, plain(), |scene| {
            Request::bearing(&scene.token(bound(thumbprint(1)))).showing(Some(thumbprint(2)))
        }),
    ]
}

/// The configuration of the first issuer, with `change` put into it.
pub(super) fn issuer(change: Value) -> Value {
    let signer = RawSigner::generate("k");
    merged(config(&signer, json!({}))["issuers"][0].clone(), change)
}

#[test]
fn a_token_is_good_for_the_certificate_that_it_names() {
    let scene = Scene::new(json!({}));
    let (mine, other) = (thumbprint(1), thumbprint(2));
    let token = scene.token(bound(mine));
    for (shown, want, note) in [
        (Some(mine), None, "the right one"),
        (Some(other), Some(Reason::CertificateMismatch), "another one"),
        (None, Some(Reason::CertificateRequired), "none"),
        (Some(mine), None, "the right one again, of a token that is remembered"),
        (None, Some(Reason::CertificateRequired), "none, of a token that is remembered"),
    ] {
        assert_eq!(scene.refusal(&Request::bearing(&token).showing(shown)), want, "{note}");
    }
    let plain = scene.token(json!({}));
    assert_eq!(scene.refusal(&Request::bearing(&plain).showing(None)), None, "a token that is not bound");
}

#[test]
fn the_certificate_is_asked_for_only_where_a_credential_is_bound_to_one() {
    let scene = Scene::new(json!({}));
    let asked = Rc::new(Cell::new(0));
    let counted = |token: &str| {
        let asked = Rc::clone(&asked);
        let certificate = Rc::new(move || {
            asked.set(asked.get() + 1);
            Some(thumbprint(1))
        });
        assert_eq!(scene.refusal(&Request { certificate, ..Request::bearing(token) }), None);
    };
    counted(&scene.token(json!({})));
    assert_eq!(asked.get(), 0);
    counted(&scene.token(bound(thumbprint(1))));
    assert_eq!(asked.get(), 1);
}

#[test]
fn a_key_may_be_bound_to_several_certificates_while_they_are_replaced() {
    let [first, second] = [1, 2].map(thumbprint);
    let hex = format!("sha256:{}", "02".repeat(32));
    let bound_to = json!({ "certificates": [first, hex] });
    let scene =
        Scene::new(json!({ "keys": [key_entry(1, json!({ "tenant": "acme", "bound_to": bound_to }))] }));
    for (shown, want) in [
        (Some(first), None),
        (Some(second), None),
        (Some(thumbprint(3)), Some(Reason::CertificateMismatch)),
        (None, Some(Reason::CertificateRequired)),
    ] {
        assert_eq!(scene.refusal(&Request::chat().showing(shown)), want, "{shown:?}");
        let in_header = Request::new("POST", "/v1/chat/completions").with("x-api-key", &key(1));
        assert_eq!(scene.refusal(&in_header.showing(shown)), want, "in another header");
    }
}

#[test]
fn what_cannot_be_checked_is_refused() {
    let scene = Scene::new(json!({}));
    let mine = thumbprint(1);
    for (confirmation, want, note) in [
        (json!({ "x5t#S256": mine, "kid": "k" }), Reason::ConfirmationUnsupported, "one more member"),
        (json!({ "jwk": { "kty": "OKP" } }), Reason::ConfirmationUnsupported, "a key in whole"),
        (json!({}), Reason::ConfirmationUnsupported, "nothing"),
        (json!({ "x5t#S256": "01".repeat(32) }), Reason::TokenClaimInvalid, "hex digits"),
    ] {
        let token = scene.token(json!({ "cnf": confirmation }));
        let refusal = scene.refusal(&Request::bearing(&token).showing(Some(mine)));
        assert_eq!(refusal, Some(want), "{note}");
    }
}

#[test]
fn an_issuer_may_demand_that_its_tokens_are_bound() {
    let prover = Prover::new();
    let required = Some(Reason::BindingRequired);
    for (bound_by, certificate, by_proof, note) in [
        ("certificate", None, required, "a certificate"),
        ("dpop", required, None, "a key"),
        ("either", None, None, "either"),
    ] {
        let scene = Scene::new(dpop(json!({})));
        let change = json!({ "bound_by": bound_by, "jwks": { "inline": { "keys": [scene.signer.jwk()] } } });
        let change = merged(dpop(json!({})), json!({ "issuers": [issuer(change)] }));
        let scene = Scene { gateway: compile(&scene.signer, change).unwrap(), ..scene };
        let mine = thumbprint(1);
        let by_certificate = Request::bearing(&scene.token(bound(mine))).showing(Some(mine));
        assert_eq!(scene.refusal(&by_certificate), certificate, "{note}: a certificate");
        let token = scene.token(prover.confirmation());
        assert_eq!(scene.refusal(&prover.chat(&token)), by_proof, "{note}: a key");
        let plain = Request::bearing(&scene.token(json!({}))).showing(Some(mine));
        assert_eq!(scene.refusal(&plain), required, "{note}: a bearer");
    }
}

#[test]
fn rules_and_the_record_see_what_a_credential_is_bound_to() {
    let seen =
        "principal.bound_by == ['certificate'] || (principal.bound_by == [] && llm.operation == 'models')";
    let scene = Scene::new(json!({ "policies": [rule(seen, json!({}))] }));
    let mine = thumbprint(1);
    let (call, _) = scene.decide(&Request::bearing(&scene.token(bound(mine))).showing(Some(mine)));
    assert_eq!(call.denial(), None);
    let record: Value = serde_json::from_str(&call.record(&super::reports::ending())).unwrap();
    assert_eq!(record["claimgate.credential.bound_by"], json!(["certificate"]));
    assert_eq!(scene.refusal(&Request::chat()), Some(Reason::PolicyDenied), "one that is not bound");
}

#[test]
fn a_refused_holder_is_recorded_with_the_principal_of_the_credential() {
    let scene = Scene::new(json!({}));
    let (call, _) = scene.decide(&Request::bearing(&scene.token(bound(thumbprint(1)))));
    let record: Value = serde_json::from_str(&call.record(&super::reports::ending())).unwrap();
    assert_eq!(record["claimgate.reason"], "certificate_required");
    assert_eq!(record["claimgate.principal.subject"], "alice");
    assert!(record["claimgate.note"].as_str().unwrap().contains("Envoy shows no client certificate"));
}
