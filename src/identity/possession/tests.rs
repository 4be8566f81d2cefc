use proptest::prelude::proptest;
use serde_json::{Value, json};

use super::PublicUrls;
use super::dpop_proof::{Credential, DpopProof, Expected};
use crate::config::{Algorithm, Span};
use crate::denial::Reason;
use crate::identity::EngineAnswer;
use crate::identity::signing::{OTHER_RSA, RSA, RawSigner, base64url, signed};
use crate::request::RequestHead;

const NOW: u64 = 1_562_262_618;

/// RFC 9449 section 7.1: the token, and the proof that goes with it.
const TOKEN: &[u8] = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const HASH: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";
const RESOURCE_PROOF: &str = concat!(
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs",
    "cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2",
    "In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90",
    "ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFF",
    "byJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA",
);
/// Section 5: a request for a token.
const TOKEN_PROOF: &str = concat!(
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs",
    "cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2",
    "In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2Vu",
    "IiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37x",
    "RZT3Lg",
);

struct Case {
    method: &'static str,
    path: &'static str,
    proofs: Vec<String>,
    credential: Credential<'static>,
    now_ms: u64,
}

impl Case {
    /// The example of section 7.1, with this proof.
    fn resource(proof: impl Into<String>) -> Self {
        let (method, path, credential) = ("GET", "/protectedresource", Credential::Bound(TOKEN));
        Self { method, path, proofs: vec![proof.into()], credential, now_ms: NOW * 1000 }
    }

    fn head(&self) -> RequestHead {
        let mut headers = vec![
            (":method".to_owned(), self.method.into()),
            (":path".to_owned(), format!("{}?query=1", self.path).into()),
            // What it says of its host is not asked.
            (":authority".to_owned(), "evil.example".into()),
        ];
        headers.extend(self.proofs.iter().map(|proof| ("dpop".to_owned(), proof.clone().into_bytes())));
        RequestHead::new(headers)
    }

    fn take(&self, engine: EngineAnswer) -> Result<(String, u64), Reason> {
        let urls = ["https://resource.example.org", "https://server.example.com"].map(str::to_owned);
        let head = self.head();
        let expected = Expected {
            request: &head,
            urls: &PublicUrls::compile(&urls, "urls").unwrap(),
            credential: self.credential,
            now_ms: self.now_ms,
            max_age: Span::from_seconds(60),
            leeway: Span::from_seconds(10),
        };
        let algorithms = Algorithm::ALL;
        let proof = DpopProof::read(&head, &algorithms).map_err(|denial| denial.reason())?;
        let fits = proof.fits(&expected).map_err(|denial| denial.reason())?;
        proof.verify(&|_| engine).map_err(|denial| denial.reason())?;
        Ok((proof.thumbprint.to_string(), fits.good_until_ms))
    }

    fn refusal(&self) -> Option<Reason> {
        self.take(EngineAnswer::Unavailable).err()
    }
}

/// `object` with each member of `change` put into it; `null` takes one away.
fn merged(mut object: Value, change: Value) -> Value {
    let (members, Value::Object(change)) = (object.as_object_mut().unwrap(), change) else {
        panic!("a change is an object")
    };
    for (name, value) in change {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    object
}

fn claims(change: Value) -> Value {
    let plain = json!({
        "jti": "1", "htm": "GET", "htu": "https://resource.example.org/protectedresource", "iat": NOW, "ath": HASH,
    });
    merged(plain, change)
}

#[test]
fn the_examples_of_the_rfc_are_taken() {
    let key = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned();
    let until_ms = (NOW + 60) * 1000;
    let resource = Case::resource(RESOURCE_PROOF).take(EngineAnswer::Unavailable);
    assert_eq!(resource, Ok((key.clone(), until_ms)), "section 7.1");
    let (method, path) = ("POST", "/token");
    let asking = Case { method, path, credential: Credential::Asking(TOKEN), ..Case::resource(TOKEN_PROOF) };
    assert_eq!(asking.take(EngineAnswer::Unavailable), Ok((key, until_ms - 2000)), "section 5");
    let bound = Case { credential: Credential::Bound(TOKEN), ..asking };
    assert_eq!(bound.refusal(), Some(Reason::DpopProofMalformed), "without `ath`, where it is needed");
}

#[test]
fn every_algorithm_is_verified_here_or_by_an_engine() {
    let rsa_of = |index: usize| if index == 0 { RSA } else { OTHER_RSA };
    for algorithm in Algorithm::ALL {
        let [own, other] = [0, 1].map(|index| signed(algorithm, "k", &json!({}), rsa_of(index)).1);
        let claims = base64url(claims(json!({})).to_string().as_bytes());
        let proof = |jwk: &Value, signature: &str| {
            let header = json!({ "typ": "dpop+jwt", "alg": algorithm.name(), "jwk": jwk }).to_string();
            format!("{}.{claims}.{signature}", base64url(header.as_bytes()))
        };
        // A signature of the right length, which is nobody's.
        let length = if matches!(own["kty"].as_str(), Some("RSA")) { 256 } else { 64 };
        let length = if algorithm == Algorithm::ES384 { 96 } else { length };
        let forged = base64url(&vec![1; length]);
        let invalid = Err(Reason::DpopProofSignatureInvalid);
        for jwk in [&own, &other] {
            let case = Case::resource(proof(jwk, &forged));
            assert_eq!(case.take(EngineAnswer::Unavailable), invalid, "{}", algorithm.name());
            assert_eq!(case.take(EngineAnswer::Invalid), invalid, "{}", algorithm.name());
        }
    }
    let signer = RawSigner::generate("k");
    let case = Case::resource(signer.proof(&claims(json!({}))));
    assert_eq!(case.take(EngineAnswer::Unavailable).map(|(key, _)| key), Ok(signer.thumbprint()));
    assert_eq!(
        Case::resource(RESOURCE_PROOF).take(EngineAnswer::Invalid).err(),
        Some(Reason::DpopProofSignatureInvalid)
    );
    assert!(Case::resource(RESOURCE_PROOF).take(EngineAnswer::Valid).is_ok());
}

#[test]
fn a_proof_is_for_one_request() {
    let signer = RawSigner::generate("k");
    let (mismatch, malformed) = (Some(Reason::DpopProofMismatch), Some(Reason::DpopProofMalformed));
    let out_of_time = Some(Reason::DpopProofOutOfTime);
    for (change, want, note) in [
        (json!({}), None, "as it should be"),
        (json!({ "nonce": "n", "other": [1] }), None, "what is not asked for"),
        (json!({ "htm": "POST" }), mismatch, "another method"),
        (json!({ "htm": "get" }), mismatch, "the method in small letters"),
        (json!({ "htm": null }), malformed, "no method"),
        (
            json!({ "htu": "https://resource.example.org/protectedresource?other" }),
            None,
            "a query does not count",
        ),
        (json!({ "htu": "https://resource.example.org/other" }), mismatch, "another path"),
        (
            json!({ "htu": "https://evil.example/protectedresource" }),
            mismatch,
            "the host that the request names",
        ),
        (json!({ "htu": "http://resource.example.org/protectedresource" }), mismatch, "another scheme"),
        (json!({ "htu": ["https://resource.example.org/protectedresource"] }), malformed, "a list"),
        (json!({ "htu": null }), malformed, "no URL"),
        (json!({ "ath": HASH.replace("fU", "fV") }), mismatch, "another credential"),
        (json!({ "ath": format!("{HASH}=") }), mismatch, "padding"),
        (json!({ "ath": null }), malformed, "no credential"),
        (json!({ "jti": "" }), malformed, "an empty id"),
        (json!({ "jti": 7 }), malformed, "an id that is a number"),
        (json!({ "jti": null }), malformed, "no id"),
        (json!({ "jti": "i".repeat(256) }), None, "a long id"),
        (json!({ "jti": "i".repeat(257) }), malformed, "a longer one"),
        (json!({ "iat": NOW - 59 }), None, "old enough"),
        (json!({ "iat": NOW - 60 }), out_of_time, "too old"),
        (json!({ "iat": NOW + 10 }), None, "by a clock that is ahead"),
        (json!({ "iat": NOW + 11 }), out_of_time, "too far ahead"),
        (json!({ "iat": NOW as f64 - 0.5 }), None, "a fraction of a second"),
        (json!({ "iat": null }), malformed, "no time"),
        (json!({ "iat": "now" }), malformed, "a time that is a text"),
        (json!({ "iat": NOW * 1000 }), malformed, "milliseconds"),
        (json!({ "exp": NOW }), out_of_time, "over by its own word"),
        (json!({ "exp": NOW + 1 }), None, "nearly over"),
        (json!({ "nbf": NOW + 11 }), out_of_time, "not begun by its own word"),
    ] {
        let refusal = Case::resource(signer.proof(&claims(change.clone()))).refusal();
        assert_eq!(refusal, want, "{note}: {change}");
    }
}

#[test]
fn a_proof_is_one_jwt_with_a_public_key() {
    let signer = RawSigner::generate("k");
    let plain = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": signer.jwk() });
    let private: Value = serde_json::from_str(&signer.private_jwk()).unwrap();
    let with = |name: &str, value: Value| {
        let mut jwk = signer.jwk();
        jwk[name] = value;
        json!({ "jwk": jwk })
    };
    let malformed = Some(Reason::DpopProofMalformed);
    for (change, want, note) in [
        (json!({}), None, "as it should be"),
        (json!({ "typ": "DPoP+JWT", "kid": "k" }), None, "the type in capitals, and a name of the key"),
        (json!({ "typ": "JWT" }), malformed, "another type"),
        (json!({ "typ": null }), malformed, "no type"),
        (json!({ "alg": "none" }), malformed, "no algorithm"),
        (json!({ "alg": "HS256" }), malformed, "a secret's algorithm"),
        (json!({ "alg": "ES256" }), malformed, "another key's algorithm"),
        (json!({ "alg": null }), malformed, "no `alg`"),
        (json!({ "jwk": null }), malformed, "no key"),
        (json!({ "jwk": "key" }), malformed, "a text for a key"),
        (json!({ "jwk": private }), malformed, "a private key"),
        (with("k", json!("c2VjcmV0")), malformed, "a key with a secret"),
        (with("alg", json!("ES256")), malformed, "a key for another algorithm"),
        (with("x", json!("AA")), malformed, "a key of another length"),
        (with("x", json!(base64url(&[0; 32]))), malformed, "a weak key"),
        (json!({ "crit": ["b64"] }), malformed, "`crit`"),
        (json!({ "b64": false }), malformed, "`b64`"),
        (json!({ "jku": "https://evil.example" }), malformed, "`jku`"),
        (json!({ "x5c": [] }), malformed, "`x5c`"),
    ] {
        let header = merged(plain.clone(), change.clone()).to_string();
        let case = Case::resource(signer.sign(&header, &claims(json!({})).to_string()));
        assert_eq!(case.refusal(), want, "{note}: {change}");
    }
}

#[test]
fn exactly_one_proof_is_sent() {
    let proof = || RawSigner::generate("k").proof(&claims(json!({})));
    let malformed = Some(Reason::DpopProofMalformed);
    let (one, long) = (proof(), format!("{}{}", proof(), "a".repeat(4096)));
    for (proofs, want, note) in [
        (vec![], Some(Reason::DpopProofMissing), "none"),
        (vec![one.clone()], None, "one"),
        (vec![one.clone(), proof()], malformed, "two"),
        (vec![one.clone(), one.clone()], malformed, "the same twice"),
        (vec![format!("{one},{}", proof())], malformed, "two, joined"),
        (vec![format!("{one},")], malformed, "a comma behind it"),
        (vec![String::new()], malformed, "an empty one"),
        (vec!["a.b.c".to_owned()], malformed, "no JWT"),
        (vec![format!("{one}.a")], malformed, "four parts"),
        (vec![format!(" {one}")], malformed, "a space before it"),
        (vec![long], malformed, "a long one"),
    ] {
        assert_eq!(Case { proofs, ..Case::resource("") }.refusal(), want, "{note}");
    }
}

#[test]
fn a_signature_is_of_the_proof_and_its_key() {
    let (signer, other) = (RawSigner::generate("k"), RawSigner::generate("k"));
    let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": signer.jwk() }).to_string();
    let claims = claims(json!({})).to_string();
    let good = signer.sign(&header, &claims);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let moved = format!(
        "{}.{}.{signature}",
        signed.split_once('.').unwrap().0,
        base64url(claims.replace("\"1\"", "\"2\"").as_bytes())
    );
    for (proof, note) in [
        (other.sign(&header, &claims), "signed by another key"),
        (moved, "the signature of other claims"),
        (format!("{signed}.{}", base64url(&[0; 64])), "zeros"),
    ] {
        assert_eq!(Case::resource(proof).refusal(), Some(Reason::DpopProofSignatureInvalid), "{note}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = Case::resource(text).refusal();
    }

    #[test]
    fn no_json_panics(header in ".{0,80}", claims in ".{0,80}") {
        let proof = format!("{}.{}.AA", base64url(header.as_bytes()), base64url(claims.as_bytes()));
        let _ = Case::resource(proof).refusal();
    }
}
