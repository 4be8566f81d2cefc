//! Credentials that are bound to a key: each request must bring a proof of its own.

use std::cell::Cell;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::possession::thumbprint;
use super::reasons::Row;
use super::{NOW, NOW_MS, Request, Scene, key, rule};
use crate::config::Thumbprint;
use crate::denial::{Answer, Reason};
use crate::gateway::{Body, Known, Need, Outcome};
use crate::identity::signing::RawSigner;
use crate::policy::fixture::{key_entry, merged};

const CHAT_URL: &str = "https://gw.example/v1/chat/completions";

/// A configuration that takes proofs, with `change` put into its section.
pub(super) fn dpop(change: Value) -> Value {
    let quotas = json!([{ "id": "q", "limit": 99, "window": "60s", "per": ["principal.subject"] }]);
    json!({ "dpop": merged(json!({ "public_origins": ["https://gw.example"] }), change), "quotas": quotas })
}

/// A caller with a key of its own.
pub(super) struct Prover {
    pub(super) signer: RawSigner,
    made: Cell<u64>,
}

impl Prover {
    pub(super) fn new() -> Self {
        Self { signer: RawSigner::generate("p"), made: Cell::new(0) }
    }

    /// The claims of a token that is bound to this key.
    pub(super) fn confirmation(&self) -> Value {
        json!({ "cnf": { "jkt": self.signer.thumbprint() } })
    }

    /// A proof for a chat completion with this credential, with parts of it replaced.
    pub(super) fn proof(&self, credential: &str, change: Value) -> String {
        self.made.update(|made| made.saturating_add(1));
        let hash = Thumbprint::of_digest(Sha256::digest(credential).into());
        let claims = json!({
            "jti": self.made.get().to_string(), "htm": "POST", "htu": CHAT_URL, "iat": NOW, "ath": hash,
        });
        self.signer.proof(&merged(claims, change))
    }

    /// A chat completion with this credential and a fresh proof.
    pub(super) fn chat(&self, credential: &str) -> Request {
        proving(credential, &self.proof(credential, json!({})))
    }
}

/// A chat completion with this credential and this proof.
pub(super) fn proving(credential: &str, proof: &str) -> Request {
    let request = Request::new("POST", "/v1/chat/completions");
    request.with("authorization", &format!("DPoP {credential}")).with("dpop", proof)
}

/// The reasons that a proof is refused for, each from a call that meets it.
pub(super) fn rows() -> Vec<Row> {
    use Reason as R;
    let plain = || dpop(json!({}));
    vec![
        (R::DpopSchemeRequired, plain(), |scene| {
            Request::bearing(&scene.token(Prover::new().confirmation()))
        }),
        (R::DpopProofMissing, plain(), |scene| {
            let authorization = format!("DPoP {}", scene.token(Prover::new().confirmation()));
            Request::new("POST", "/v1/chat/completions").with("authorization", &authorization)
        }),
        (R::DpopProofMalformed, plain(), |scene| {
            proving(&scene.token(Prover::new().confirmation()), "a.b.c")
        }),
        (R::DpopKeyMismatch, plain(), |scene| Prover::new().chat(&scene.token(Prover::new().confirmation()))),
        (R::DpopProofMismatch, plain(), |scene| changed(scene, json!({ "htm": "GET" }))),
        (R::DpopProofOutOfTime, plain(), |scene| changed(scene, json!({ "iat": NOW - 60 }))),
        (R::DpopNonceRequired, dpop(json!({ "nonce": "required" })), |scene| changed(scene, json!({}))),
        (R::DpopProofSignatureInvalid, plain(), |scene| {
            let prover = Prover::new();
            let token = scene.token(prover.confirmation());
            let (proof, other) = (prover.proof(&token, json!({})), prover.proof("other", json!({})));
            let (signed, signature) = (proof.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
            proving(&token, &format!("{signed}.{signature}"))
        }),
        (R::DpopProofReplayed, plain(), |scene| {
            let request = changed(scene, json!({}));
            assert_eq!(scene.refusal(&request), None);
            request
        }),
        (R::DpopLimitExceeded, dpop(json!({ "proofs_per_caller": 1 })), |scene| {
            assert_eq!(scene.refusal(&changed(scene, json!({}))), None);
            changed(scene, json!({}))
        }),
        (
            R::PossessionUnavailable,
            dpop(json!({ "nonce": "required", "nonce_key": { "env": "ABSENT" } })),
            |scene| changed(scene, json!({})),
        ),
    ]
}

/// A call by a new holder, with a proof of which parts are replaced.
fn changed(scene: &Scene, change: Value) -> Request {
    let prover = Prover::new();
    let token = scene.token(prover.confirmation());
    proving(&token, &prover.proof(&token, change))
}

pub(super) fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

pub(super) fn answer(scene: &Scene, request: &Request) -> Answer {
    scene.decide(request).0.answer().unwrap()
}

#[test]
fn a_bound_token_is_good_for_the_holder_of_its_key() {
    let (scene, prover, thief) = (Scene::new(dpop(json!({}))), Prover::new(), Prover::new());
    let token = scene.token(prover.confirmation());
    let elsewhere = json!({ "htu": "https://ai.example/v1/chat/completions" });
    let plain = Request::bearing(&token);
    for (request, want, note) in [
        (prover.chat(&token), None, "a proof"),
        (prover.chat(&token), None, "another proof, of a token that is remembered"),
        (plain.clone(), Some(Reason::DpopSchemeRequired), "as a bearer token"),
        (
            plain.with("dpop", &prover.proof(&token, json!({}))),
            Some(Reason::DpopSchemeRequired),
            "as a bearer token, with a proof",
        ),
        (
            Request::new("POST", "/v1/chat/completions").with("authorization", &format!("DPoP {token}")),
            Some(Reason::DpopProofMissing),
            "without a proof",
        ),
        (thief.chat(&token), Some(Reason::DpopKeyMismatch), "a proof by another key"),
        (
            prover.chat(&token).at("POST", "/v1/embeddings"),
            Some(Reason::DpopProofMismatch),
            "for another path",
        ),
        (
            proving(&token, &prover.proof(&token, elsewhere)),
            Some(Reason::DpopProofMismatch),
            "for the host of the request",
        ),
        (
            proving(&token, &prover.proof("other", json!({}))),
            Some(Reason::DpopProofMismatch),
            "for another token",
        ),
        (
            proving(&token, &prover.proof(&token, json!({ "iat": NOW - 60 }))),
            Some(Reason::DpopProofOutOfTime),
            "an old proof",
        ),
        (proving(&token, "a.b.c"), Some(Reason::DpopProofMalformed), "no proof at all"),
        (
            proving(&scene.token(json!({})), &prover.proof("a", json!({}))),
            Some(Reason::BindingRequired),
            "a token that is not bound, sent as one that is",
        ),
    ] {
        assert_eq!(scene.refusal(&request), want, "{note}");
    }
}

#[test]
fn a_proof_is_good_once() {
    let (scene, prover, neighbour) = (Scene::new(dpop(json!({}))), Prover::new(), Prover::new());
    let token = scene.token(prover.confirmation());
    let request = prover.chat(&token);
    assert_eq!(scene.refusal(&request), None);
    for at_ms in [NOW_MS, NOW_MS + 59_999] {
        let refusal = scene.decide_at(&request, at_ms).0.denial().map(|denial| denial.reason());
        assert_eq!(refusal, Some(Reason::DpopProofReplayed), "at {at_ms}");
    }
    let old = scene.decide_at(&request, NOW_MS + 60_000).0;
    assert_eq!(
        old.denial().map(|denial| denial.reason()),
        Some(Reason::DpopProofOutOfTime),
        "and then too old"
    );
    let same_id = proving(&token, &prover.proof(&token, json!({ "jti": "1", "iat": NOW - 1 })));
    assert_eq!(scene.refusal(&same_id), Some(Reason::DpopProofReplayed), "another proof of the same id");
    let other = scene.token(neighbour.confirmation());
    assert_eq!(scene.refusal(&neighbour.chat(&other)), None, "the same id by another key");
}

#[test]
fn a_proof_that_is_refused_for_another_reason_is_not_used_up() {
    let (scene, prover, thief) = (Scene::new(dpop(json!({}))), Prover::new(), Prover::new());
    let token = scene.token(prover.confirmation());
    let request = prover.chat(&token);
    let forged = thief.signer.sign(
        &json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": prover.signer.jwk() }).to_string(),
        &json!({
            "jti": "1", "htm": "POST", "htu": CHAT_URL, "iat": NOW,
            "ath": Thumbprint::of_digest(Sha256::digest(&token).into()),
        })
        .to_string(),
    );
    assert_eq!(scene.refusal(&proving(&token, &forged)), Some(Reason::DpopProofSignatureInvalid));
    assert_eq!(scene.refusal(&request.clone().at("POST", "/v1/embeddings")), Some(Reason::DpopProofMismatch));
    assert_eq!(scene.refusal(&request), None, "nobody but its maker has used it");
}

#[test]
fn a_proof_is_used_up_by_a_request_that_a_rule_refuses() {
    let scene =
        Scene::new(merged(dpop(json!({})), json!({ "policies": [rule("llm.model == 'o1'", json!({}))] })));
    let prover = Prover::new();
    let token = scene.token(prover.confirmation());
    let request = prover.chat(&token);
    assert_eq!(scene.refusal(&request), Some(Reason::PolicyDenied));
    let other_body = request.body(r#"{"model":"o1","messages":[]}"#);
    assert_eq!(
        scene.refusal(&other_body),
        Some(Reason::DpopProofReplayed),
        "else a thief would try another body"
    );
}

#[test]
fn a_walk_that_waited_does_not_take_its_own_proof_for_one_used_before() {
    let scene = Scene::new(merged(
        dpop(json!({})),
        json!({ "policies": [rule("llm.model == 'gpt-4o'", json!({}))] }),
    ));
    let prover = Prover::new();
    let request = prover.chat(&scene.token(prover.confirmation()));
    let mut call = scene.open(&request);
    let waiting = Known { body: Body::Coming, ..scene.known(&request) };
    for _ in 0..2 {
        let outcome = scene.gateway.decide(&mut call, &waiting);
        assert!(matches!(outcome, Outcome::Need(Need::Body { .. })), "{outcome:?}: {:?}", call.denial());
    }
    let outcome = scene.gateway.decide(&mut call, &scene.known(&request));
    assert!(matches!(outcome, Outcome::Forward(_)), "{outcome:?}: {:?}", call.denial());
    assert_eq!(scene.refusal(&request), Some(Reason::DpopProofReplayed));
}

#[test]
fn a_key_may_be_bound_to_a_key_and_to_a_certificate() {
    let prover = Prover::new();
    let bound_to = json!({ "certificates": [thumbprint(1)], "dpop_keys": [prover.signer.thumbprint()] });
    let keys = json!([key_entry(1, json!({ "tenant": "acme", "bound_to": bound_to }))]);
    let scene = Scene::new(merged(dpop(json!({})), json!({ "keys": keys })));
    let mine = Some(thumbprint(1));
    for (request, want, note) in [
        (prover.chat(&key(1)).showing(mine), None, "both"),
        (prover.chat(&key(1)), Some(Reason::CertificateRequired), "the key alone"),
        (Request::chat().showing(mine), Some(Reason::DpopSchemeRequired), "the certificate alone"),
    ] {
        assert_eq!(scene.refusal(&request), want, "{note}");
    }
}

#[test]
fn without_the_section_a_key_cannot_be_proven_and_the_operator_is_told() {
    let (scene, prover) = (Scene::new(json!({})), Prover::new());
    let token = scene.token(prover.confirmation());
    for request in [prover.chat(&token), Request::bearing(&token)] {
        let (call, _) = scene.decide(&request);
        let denial = call.denial().unwrap();
        assert_eq!(denial.reason(), Reason::ConfirmationUnsupported);
        assert!(denial.note().unwrap().contains("the configuration has no `dpop`"));
    }
}

#[test]
fn a_proof_goes_no_further() {
    let seen = "!has(request.headers.dpop) && principal.bound_by == ['dpop']";
    let scene = Scene::new(merged(dpop(json!({})), json!({ "policies": [rule(seen, json!({}))] })));
    let prover = Prover::new();
    let token = scene.token(prover.confirmation());
    let request = prover.chat(&token);
    let proof =
        request.headers.iter().find(|(name, _)| name == "dpop").map(|(_, proof)| proof.clone()).unwrap();
    let (call, outcome) = scene.decide(&request);
    let Outcome::Forward(patch) = outcome else { panic!("{:?}", call.denial()) };
    assert!(patch.removals().any(|name| name == "dpop"));
    let record = call.record(&super::reports::ending());
    assert!(record.contains(r#""claimgate.credential.bound_by":["dpop"]"#), "{record}");
    assert!(!record.contains(&proof) && !format!("{call:?}").contains(&proof));
    let plain = Request::chat().with("dpop", &prover.proof("a", json!({})));
    assert!(
        scene.refusal(&plain) == Some(Reason::PolicyDenied),
        "a proof that nobody asked for proves nothing"
    );
}

#[test]
fn a_challenge_says_which_proofs_are_taken() {
    let scene = Scene::new(dpop(json!({ "algorithms": ["ES256", "EdDSA"] })));
    let prover = Prover::new();
    let token = scene.token(prover.confirmation());
    let challenges = |request: &Request| {
        let answer = answer(&scene, request);
        let challenges = answer.headers.into_iter().filter(|(name, _)| name == "www-authenticate");
        challenges.map(|(_, challenge)| challenge).collect::<Vec<_>>()
    };
    let missing = challenges(&Request::new("POST", "/v1/chat/completions"));
    let both = [r#"Bearer realm="claimgate""#, r#"DPoP realm="claimgate", algs="ES256 EdDSA""#];
    assert_eq!(missing, both);
    for (request, error) in [
        (Request::bearing(&token), "invalid_token"),
        (proving(&token, &Prover::new().proof(&token, json!({}))), "invalid_token"),
        (proving(&token, "a.b.c"), "invalid_dpop_proof"),
    ] {
        let [challenge] = challenges(&request).try_into().unwrap();
        let begin = format!(r#"DPoP realm="claimgate", error="{error}", error_description=""#);
        assert!(
            challenge.starts_with(&begin) && challenge.ends_with(r#"", algs="ES256 EdDSA""#),
            "{challenge}"
        );
    }
    let unknown = challenges(&Request::chat().keyed(9));
    assert!(unknown.len() == 1 && unknown[0].starts_with("Bearer "), "{unknown:?}");
}
