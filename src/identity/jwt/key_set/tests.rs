use proptest::prelude::{any, prop, proptest};
use serde_json::{Value, json};

use super::{ChosenBy, KeySet, NoKey};
use crate::config::Algorithm;
use crate::identity::jose::{ALGORITHMS, Header};
use crate::identity::signing::{RSA, base64url, signed};

fn jwk(algorithm: Algorithm, kid: &str) -> Value {
    signed(algorithm, kid, &json!({}), RSA).1
}

fn parse(keys: &[Value]) -> Result<KeySet, String> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), &ALGORITHMS)
}

fn with(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
    jwk.as_object_mut().unwrap().insert(name.to_owned(), value.into());
    jwk
}

#[test]
fn unusable_keys_are_passed_over_and_alone_they_are_refused() {
    let small: Value = serde_json::from_str(include_str!("../../testdata/rsa_1024.jwk.json")).unwrap();
    let (rsa, ec) = (jwk(Algorithm::RS256, "bad"), jwk(Algorithm::ES256, "bad"));
    let off_curve = base64url(&[7; 32]);
    for (bad, note) in [
        (small, "RSA of 1024 bits"),
        (json!({ "kty": "oct", "kid": "bad", "k": "AAAA" }), "a symmetric key"),
        (json!({ "kty": "OKP", "crv": "Ed448", "kid": "bad", "x": "AAAA" }), "Ed448"),
        (
            json!({ "kty": "OKP", "crv": "X25519", "kid": "bad", "x": base64url(&[9; 32]) }),
            "a key for agreement",
        ),
        (json!({ "kty": "OKP", "crv": "Ed25519", "kid": "bad", "x": base64url(&[0; 32]) }), "a weak point"),
        (json!({ "kty": "AKP", "kid": "bad", "alg": "ML-DSA-44", "pub": "AAAA" }), "a type of tomorrow"),
        (with(ec.clone(), "crv", "P-521"), "a curve of another size"),
        (with(ec.clone(), "use", "x509-svid"), "a key for certificates"),
        (with(ec.clone(), "crv", "secp256k1"), "another curve of the same size"),
        (with(ec.clone(), "x", off_curve), "a point beside the curve"),
        (with(ec.clone(), "x", "AAAA"), "a coordinate that is too short"),
        (with(ec.clone(), "alg", "ES384"), "an algorithm that the curve does not have"),
        (with(ec.clone(), "alg", Value::Null), "a null algorithm"),
        (with(ec.clone(), "use", "enc"), "a key for encryption"),
        (with(ec.clone(), "key_ops", json!([])), "a key for nothing"),
        (with(ec.clone(), "key_ops", "verify"), "operations that are no list"),
        (with(ec.clone(), "d", "AAAA"), "a private key"),
        (with(ec, "kid", 7), "a number as key id"),
        (with(rsa.clone(), "e", "Aw"), "the exponent 3"),
        (with(rsa.clone(), "n", "AAAA"), "a modulus of zeros"),
        (with(rsa.clone(), "n", 5), "a modulus that is a number"),
        (with(rsa, "alg", "RSA-OAEP"), "an algorithm for encryption"),
        (json!("key"), "no object"),
        (json!({}), "an empty object"),
    ] {
        let why = parse(std::slice::from_ref(&bad)).unwrap_err();
        assert!(why.contains("without a usable key"), "{note}: {why}");
        let set = parse(&[bad, jwk(Algorithm::ES256, "good")]).unwrap();
        assert_eq!(set.kids().collect::<Vec<_>>(), ["good"], "{note}");
    }
}

#[test]
fn what_is_no_bounded_key_set_is_refused() {
    let good = jwk(Algorithm::ES256, "k").to_string();
    let padded = format!("{{\"keys\":[{good}],\"pad\":\"{}\"}}", "x".repeat(256 * 1024));
    let many = json!({ "keys": vec![json!({}); 101] }).to_string();
    for (document, part, note) in [
        ("", "not a JWK Set", "nothing"),
        ("<html>503</html>", "not a JWK Set", "an error page"),
        ("[]", "not a JWK Set", "a list"),
        ("{}", "not a JWK Set", "no keys"),
        (r#"{"keys":{}}"#, "not a JWK Set", "keys that are no list"),
        (r#"{"keys":[],"keys":[]}"#, "not a JWK Set", "two lists"),
        (r#"{"keys":[]}"#, "without a usable key", "an empty list"),
        (good.as_str(), "not a JWK Set", "one key alone"),
        (&padded, "at most 262144 are read", "too large"),
        (&many, "at most 100 are read", "too many keys"),
    ] {
        let why = KeySet::parse(document.as_bytes(), &ALGORITHMS).unwrap_err();
        assert!(why.contains(part), "{note}: {why}");
    }
}

#[test]
fn a_modulus_with_a_leading_zero_is_the_same_modulus() {
    let rsa = jwk(Algorithm::RS256, "k");
    let modulus = crate::identity::jose::base64url(rsa["n"].as_str().unwrap()).unwrap();
    let padded = base64url(&[vec![0], modulus].concat());
    assert!(parse(&[with(rsa, "n", padded)]).is_ok(), "as some providers write it");
}

/// How many keys would be tried for a token with this `kid`, and how they were chosen.
fn chosen(set: &KeySet, kid: Option<&str>, algorithm: Algorithm) -> Result<(usize, ChosenBy), NoKey> {
    let header = Header { algorithm, typ: None, kid: kid.map(str::to_owned) };
    set.choose(&header, None).map(|chosen| (chosen.keys().count(), chosen.by))
}

#[test]
fn a_key_serves_only_the_algorithms_of_its_issuer() {
    let mut rsa = jwk(Algorithm::RS256, "k");
    rsa.as_object_mut().unwrap().remove("alg");
    let document = json!({ "keys": [rsa] }).to_string();
    let set = KeySet::parse(document.as_bytes(), &[Algorithm::RS256]).unwrap();
    assert!(chosen(&set, Some("k"), Algorithm::RS256).is_ok());
    assert!(chosen(&set, Some("k"), Algorithm::PS256).is_err());
    let both = KeySet::parse(document.as_bytes(), &[Algorithm::RS256, Algorithm::PS512]).unwrap();
    assert!(chosen(&both, Some("k"), Algorithm::PS512).is_ok());
}

#[test]
fn a_key_is_chosen_by_its_id_or_by_the_algorithm() {
    let ec = |kid: &str| jwk(Algorithm::ES256, kid);
    let (named, by_algorithm) = (ChosenBy::KeyId, ChosenBy::Algorithm);
    let bare = || {
        let mut key = ec("");
        key.as_object_mut().unwrap().remove("kid");
        key
    };
    for (keys, kid, want, note) in [
        (vec![ec("a"), ec("b")], Some("b"), Ok((1, named)), "the key that is named"),
        (vec![ec("a"), ec("b")], Some("c"), Err(NoKey::Unknown), "a key that is not there"),
        (vec![ec("a"), ec("b")], None, Ok((2, by_algorithm)), "a token that names none"),
        (vec![bare()], Some("c"), Ok((1, by_algorithm)), "a set whose only key has no id"),
        (vec![bare(), bare()], Some("c"), Ok((2, by_algorithm)), "a set whose keys have no ids"),
        (vec![bare(), bare()], None, Ok((2, by_algorithm)), "neither has any"),
        (vec![ec("a"), bare()], Some("a"), Ok((1, named)), "a mixed set, the named one"),
        (vec![ec("a"), bare()], Some("c"), Ok((1, by_algorithm)), "a mixed set, another one"),
        (vec![ec("a"), bare()], Some(""), Ok((1, by_algorithm)), "an empty id is an id that nobody has"),
        (vec![ec("a"), ec("a")], Some("a"), Ok((2, named)), "two keys of one id"),
        (
            vec![jwk(Algorithm::ES384, "a"), bare()],
            Some("a"),
            Err(NoKey::OtherAlgorithm),
            "one of another curve",
        ),
        (vec![jwk(Algorithm::ES384, "a")], None, Err(NoKey::Unknown), "none of this curve"),
        ((0..8).map(|_| bare()).collect(), None, Ok((8, by_algorithm)), "as many as are tried"),
        ((0..9).map(|_| bare()).collect(), None, Err(NoKey::Ambiguous), "more than are tried"),
    ] {
        assert_eq!(chosen(&parse(&keys).unwrap(), kid, Algorithm::ES256), want, "{note}");
    }
}

#[test]
fn a_bundle_of_a_trust_domain_is_a_key_set() {
    let svid = |kid: &str, usage: &str| {
        let mut key = with(jwk(Algorithm::ES256, kid), "use", usage);
        key.as_object_mut().unwrap().remove("alg");
        key
    };
    let mut certificate = with(svid("", "x509-svid"), "x5c", json!(["MIIB"]));
    certificate.as_object_mut().unwrap().remove("kid");
    let keys =
        [certificate.clone(), svid("jwt", "jwt-svid"), svid("later", "x509-svid"), svid("odd", "JWT-SVID")];
    let bundle = json!({ "spiffe_sequence": 7, "spiffe_refresh_hint": 300, "keys": keys }).to_string();
    let set = KeySet::parse(bundle.as_bytes(), &ALGORITHMS).unwrap();
    assert_eq!(set.kids().collect::<Vec<_>>(), ["jwt"]);
    assert_eq!(
        chosen(&set, None, Algorithm::ES256),
        Ok((1, ChosenBy::Algorithm)),
        "that of certificates is not tried"
    );
    assert!(parse(&[certificate]).unwrap_err().contains("without a usable key"));
}

#[test]
fn a_key_of_one_tenant_verifies_no_other_ones_tokens() {
    let of = |issuer: &str| with(jwk(Algorithm::ES256, "k"), "issuer", issuer);
    for (issuer, serves, note) in [
        ("https://login.example/a/v2.0", true, "the tenant's own"),
        ("https://sts.example/a/", true, "in the form of another version"),
        ("https://login.example/{tenantid}/v2.0", true, "every tenant's"),
        ("https://login.example/b/v2.0", false, "another tenant's"),
        ("https://login.example/ab/v2.0", false, "one whose id begins alike"),
    ] {
        let set = parse(&[of(issuer)]).unwrap();
        let header = Header { algorithm: Algorithm::ES256, typ: None, kid: Some("k".to_owned()) };
        assert_eq!(set.choose(&header, Some("a")).is_ok(), serves, "{note}");
        assert!(set.choose(&header, None).is_ok(), "{note}, of an issuer without tenants");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[A-Za-z0-9_=-]{0,90}") {
        let _ = KeySet::parse(&bytes, &ALGORITHMS);
        for (kty, crv) in [("RSA", ""), ("EC", "P-256"), ("EC", "P-384"), ("EC", "P-521"), ("OKP", "Ed25519")] {
            let _ = parse(&[json!({ "kty": kty, "crv": crv, "x": text, "y": text, "n": text, "e": "AQAB" })]);
        }
    }
}
