use std::cell::Cell;

use proptest::prelude::{any, prop, proptest};
use serde_json::{Value, json};

use super::{JwtRefusal, KeySet, Verifier};
use crate::config::{Algorithm, Issuer};
use crate::denial::{Denial, Reason};
use crate::identity::jose::{ALGORITHMS, EngineAnswer, Question};
use crate::identity::signing::{RSA, RawSigner, base64url, signed};
use crate::request::Moment;

mod attacks;
mod wild;

const NOW: u64 = 1_800_000_000;
const HEADER: &str = r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#;

fn at(unix_seconds: u64) -> Moment {
    Moment { unix_ms: unix_seconds.saturating_mul(1000), entropy: [0; 16] }
}

fn issuer(change: Value) -> Issuer {
    let mut issuer = json!({
        "issuer": "https://idp.example",
        "audiences": ["gateway", "gateway-eu"],
        "algorithms": ["EdDSA"],
        "jwks": { "inline": { "keys": [] } },
        "leeway": "30s",
    });
    merge(&mut issuer, change);
    serde_json::from_value(issuer).unwrap()
}

fn claims(change: Value) -> Value {
    let mut claims = json!({
        "iss": "https://idp.example", "aud": "gateway", "sub": "alice", "iat": NOW - 10, "exp": NOW + 300,
    });
    merge(&mut claims, change);
    claims
}

/// Puts each member of `change` into `object`; the text `REMOVE` takes one away.
fn merge(object: &mut Value, change: Value) {
    let object = object.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        match value == "REMOVE" {
            true => object.remove(name),
            false => object.insert(name.clone(), value.clone()),
        };
    }
}

fn verifier(issuer_change: Value, keys: &[Value]) -> Verifier {
    let mut issuer = issuer(issuer_change);
    issuer.jwks = serde_json::from_value(json!({ "inline": { "keys": keys } })).unwrap();
    Verifier::compile(&[issuer]).unwrap()
}

fn outcome(verifier: &Verifier, token: &str) -> Result<(), Reason> {
    let verified = verifier.verify(token, &Vec::new(), &at(NOW));
    verified.map(|_| ()).map_err(|refusal| Denial::from(refusal).reason())
}

#[test]
fn every_algorithm_verifies_and_a_tampered_token_does_not() {
    for algorithm in ALGORITHMS {
        let name = algorithm.name();
        let (token, jwk) = signed(algorithm, "k", &claims(json!({})), RSA);
        let verifier = verifier(json!({ "algorithms": [name] }), &[jwk]);
        assert_eq!(outcome(&verifier, &token), Ok(()), "{name}");

        let (head, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = head.split_once('.').unwrap();
        let forged = base64url(claims(json!({ "sub": "root" })).to_string().as_bytes());
        let token = format!("{header}.{forged}.{signature}");
        assert_eq!(
            outcome(&verifier, &token),
            Err(Reason::TokenSignatureInvalid),
            "{name} with other claims"
        );
    }
}

#[test]
fn tokens_with_sound_claims_are_accepted() {
    let signer = RawSigner::generate("k");
    let verifier = verifier(json!({ "max_lifetime": "10m" }), &[signer.jwk()]);
    for (change, note) in [
        (json!({}), "an ordinary token"),
        (json!({ "aud": ["other", "gateway-eu"] }), "one audience of several matches"),
        (json!({ "exp": NOW - 29 }), "expired, but within the leeway"),
        (json!({ "nbf": NOW + 30, "iat": NOW + 30 }), "from a clock that runs ahead, within the leeway"),
        (json!({ "exp": (NOW + 60) as f64 + 0.5, "iat": (NOW - 1) as f64 + 0.25 }), "fractional seconds"),
        (json!({ "iat": NOW - 300, "exp": NOW + 300 }), "exactly the longest lifetime"),
        (json!({ "act": { "sub": "agent" }, "jti": "1", "nonce": "n" }), "other claims"),
    ] {
        assert_eq!(outcome(&verifier, &signer.sign(HEADER, &claims(change).to_string())), Ok(()), "{note}");
    }
}

#[test]
fn an_issuer_cannot_speak_for_another() {
    let (ours, theirs) = (RawSigner::generate("k"), RawSigner::generate("k"));
    let with_key = |name: &str, signer: &RawSigner| {
        issuer(json!({ "issuer": name, "jwks": { "inline": { "keys": [signer.jwk()] } } }))
    };
    let verifier = Verifier::compile(&[
        with_key("https://idp.example", &ours),
        with_key("https://partner.example", &theirs),
    ])
    .unwrap();
    let spoofed = theirs.sign(HEADER, &claims(json!({})).to_string());
    assert_eq!(outcome(&verifier, &spoofed), Err(Reason::TokenSignatureInvalid));
    let honest = theirs.sign(HEADER, &claims(json!({ "iss": "https://partner.example" })).to_string());
    let verified = verifier.verify(&honest, &Vec::new(), &at(NOW)).unwrap();
    assert_eq!((verified.issuer(), verified.issuer_name()), (1, "https://partner.example"));
}

#[test]
fn a_remote_issuer_says_which_keys_it_lacks() {
    let (first, second) = (RawSigner::generate("1"), RawSigner::generate("2"));
    let remote =
        json!({ "jwks": { "remote": { "cluster": "idp", "host": "idp.example", "path": "/jwks" } } });
    let verifier = Verifier::compile(&[issuer(remote)]).unwrap();
    let document = json!({ "keys": [first.jwk()] }).to_string();
    let keys = vec![Some(verifier.read_key_set(0, document.as_bytes()).unwrap())];
    let token = |signer: &RawSigner, kid: &str, change| {
        signer.sign(&json!({ "alg": "EdDSA", "kid": kid }).to_string(), &claims(change).to_string())
    };
    let refusal = |token: &str, keys: &Vec<Option<KeySet>>| verifier.verify(token, keys, &at(NOW)).err();

    let lacking = |reason| Some(JwtRefusal::UnknownKey { issuer: 0, reason });
    let known = token(&first, "1", json!({}));
    assert_eq!(refusal(&known, &keys), None, "the key is there");
    assert_eq!(
        refusal(&known, &Vec::new()),
        Some(JwtRefusal::KeysMissing { issuer: 0 }),
        "no set has arrived"
    );
    let unknown = token(&second, "2", json!({}));
    assert_eq!(refusal(&unknown, &keys), lacking(Reason::TokenKeyUnknown), "a newer key");
    let expired = Some(JwtRefusal::Denied(Reason::TokenExpired.into()));
    let stale = token(&second, "2", json!({ "exp": NOW - 60 }));
    assert_eq!(refusal(&stale, &keys), expired, "an expired token makes nobody fetch keys");
    assert_eq!(refusal(&stale, &Vec::new()), expired, "not even the first ones");
}

#[test]
fn an_engine_outside_is_asked_what_it_can_answer() {
    for (algorithm, hash) in [
        (Algorithm::RS256, Some("sha256")),
        (Algorithm::RS384, Some("sha384")),
        (Algorithm::RS512, Some("sha512")),
        (Algorithm::ES256, Some("sha256")),
        (Algorithm::ES384, Some("sha384")),
        (Algorithm::ES512, Some("sha512")),
        (Algorithm::PS256, None),
        (Algorithm::PS384, None),
        (Algorithm::PS512, None),
        (Algorithm::EdDSA, None),
    ] {
        let (token, jwk) = signed(algorithm, "k", &claims(json!({})), RSA);
        let verifier = verifier(json!({ "algorithms": [algorithm.name()] }), &[jwk]);
        let none = Vec::new();
        let asked = Cell::new(None);
        let prove = |answer| {
            let engine = |question: &Question<'_>| {
                assert_eq!(question.signed, token.rsplit_once('.').unwrap().0.as_bytes());
                assert_eq!(question.key.first(), Some(&0x30), "a DER sequence");
                asked.set(Some(question.hash));
                answer
            };
            verifier.examine(&token, &none, &at(NOW)).unwrap().prove(&engine)
        };
        assert!(prove(EngineAnswer::Unavailable).is_ok());
        assert_eq!(asked.get(), hash, "{}", algorithm.name());
        assert!(prove(EngineAnswer::Valid).is_ok());
        let refused = prove(EngineAnswer::Invalid).map(|_| ()).map_err(|why| Denial::from(why).reason());
        let want = hash.map_or(Ok(()), |_| Err(Reason::TokenSignatureInvalid));
        assert_eq!(refused, want, "{}: nobody is asked who cannot answer", algorithm.name());
    }
}

#[test]
fn a_wrong_issuer_in_the_configuration_is_named_by_its_path() {
    let key = RawSigner::generate("k").jwk();
    let inline = |keys: Value| json!({ "jwks": { "inline": { "keys": keys } } });
    let remote = |path: &str, host: &str| json!({ "jwks": { "remote": { "cluster": "c", "host": host, "path": path } } });
    for (change, at, note) in [
        (json!({ "issuer": "" }), "issuers[0].issuer", "no issuer"),
        (json!({ "audiences": [] }), "issuers[0].audiences", "no audience"),
        (json!({ "audiences": ["a", ""] }), "issuers[0].audiences[1]", "an empty audience"),
        (json!({ "algorithms": [] }), "issuers[0].algorithms", "no algorithm"),
        (json!({ "types": [] }), "issuers[0].types", "no type"),
        (json!({ "required_claims": [" "] }), "issuers[0].required_claims[0]", "a claim without a name"),
        (json!({ "leeway": "6m" }), "issuers[0].leeway", "too much leeway"),
        (inline(json!([])), "issuers[0].jwks.inline", "no key"),
        (json!({ "algorithms": ["RS256"] }), "issuers[0].jwks.inline", "no key for the algorithm"),
        (remote("jwks", "h"), "issuers[0].jwks.remote.path", "a path without a slash"),
        (remote("/jwks", ""), "issuers[0].jwks.remote.host", "no host"),
        (json!({ "jwks": null }), "issuers[0].algorithms", "algorithms without keys"),
        (json!({ "jwks": null, "algorithms": [] }), "issuers[0].jwks", "nothing to prove a token by"),
    ] {
        let mut all = inline(json!([key]));
        merge(&mut all, change);
        let error = Verifier::compile(&[issuer(all)]).unwrap_err();
        assert_eq!(error.at, at, "{note}: {error}");
    }
    let twice = issuer(inline(json!([key])));
    assert_eq!(Verifier::compile(&[twice.clone(), twice]).unwrap_err().at, "issuers[1].issuer");
}

#[test]
fn an_answer_without_a_question_proves_nothing() {
    let signer = RawSigner::generate("k");
    let (verifier, none) = (verifier(json!({}), &[signer.jwk()]), Vec::new());
    let token = signer.sign(HEADER, &claims(json!({})).to_string());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", base64url(&[1; 64]));
    let unproven =
        verifier.examine(&forged, &none, &at(NOW)).unwrap_or_else(|_| panic!("only the signature is wrong"));
    let refused = unproven.prove(&|_| EngineAnswer::Valid).unwrap_err();
    assert_eq!(Denial::from(refused).reason(), Reason::TokenSignatureInvalid);
}

proptest! {
    #[test]
    fn no_text_panics(token in "[A-Za-z0-9_.=+/ \u{e9}-]{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let signer = RawSigner::generate("k");
        let verifier = verifier(json!({}), &[signer.jwk()]);
        assert!(outcome(&verifier, &token).is_err());
        let text = String::from_utf8_lossy(&bytes);
        assert!(outcome(&verifier, &signer.sign(HEADER, &text)).is_err());
        assert!(outcome(&verifier, &signer.sign(&text, &claims(json!({})).to_string())).is_err());
    }

    #[test]
    fn no_change_of_one_byte_survives(index in any::<prop::sample::Index>(), replacement in "[A-Za-z0-9_.-]") {
        let signer = RawSigner::generate("k");
        let verifier = verifier(json!({}), &[signer.jwk()]);
        let token = signer.sign(HEADER, &claims(json!({})).to_string());
        let mut bytes = token.clone().into_bytes();
        let place = index.index(bytes.len());
        bytes[place] = replacement.as_bytes()[0];
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(outcome(&verifier, &changed).is_ok(), changed == token);
    }
}
