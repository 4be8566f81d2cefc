//! Attacks on tokens, one sentence each. Where it can be, the signature is good, so that only the flaw in
//! question can be what refuses the token.

use serde_json::{Value, json};

use super::{HEADER, NOW, claims, merge, outcome, verifier};
use crate::config::Algorithm;
use crate::denial::Reason;
use crate::identity::signing::{OTHER_RSA, RSA, RawSigner, base64url, hs256, public_forms, signed};

#[test]
fn claims_that_are_wrong_are_refused_behind_a_good_signature() {
    let signer = RawSigner::generate("k");
    let change = json!({ "max_lifetime": "10m", "required_claims": ["team"] });
    let verifier = verifier(change, &[signer.jwk()]);
    for (change, reason, note) in [
        (json!({ "iss": "https://evil.example" }), Reason::TokenIssuerUnknown, "another issuer"),
        (json!({ "iss": "https://idp.example/" }), Reason::TokenIssuerUnknown, "almost the issuer"),
        (json!({ "iss": "HTTPS://IDP.EXAMPLE" }), Reason::TokenIssuerUnknown, "the issuer in another case"),
        (json!({ "iss": ["https://idp.example"] }), Reason::TokenClaimInvalid, "a list of issuers"),
        (json!({ "iss": "REMOVE" }), Reason::TokenClaimMissing, "no issuer"),
        (json!({ "aud": "provider" }), Reason::TokenAudienceMismatch, "another audience"),
        (json!({ "aud": "gateway-eu2" }), Reason::TokenAudienceMismatch, "an audience that begins like ours"),
        (json!({ "aud": [] }), Reason::TokenAudienceMismatch, "an empty list of audiences"),
        (json!({ "aud": ["gateway", 1] }), Reason::TokenClaimInvalid, "a list that is not all texts"),
        (json!({ "aud": { "gateway": true } }), Reason::TokenClaimInvalid, "an object as audience"),
        (json!({ "aud": "REMOVE" }), Reason::TokenClaimMissing, "no audience"),
        (json!({ "exp": "REMOVE" }), Reason::TokenClaimMissing, "no expiry"),
        (json!({ "exp": (NOW + 300).to_string() }), Reason::TokenClaimInvalid, "an expiry in a text"),
        (json!({ "exp": null }), Reason::TokenClaimInvalid, "a null expiry"),
        (json!({ "exp": true }), Reason::TokenClaimInvalid, "a boolean expiry"),
        (json!({ "exp": -1 }), Reason::TokenClaimInvalid, "a negative expiry"),
        (json!({ "exp": (NOW + 300) * 1000 }), Reason::TokenClaimInvalid, "an expiry in milliseconds"),
        (json!({ "exp": 1e300 }), Reason::TokenClaimInvalid, "an absurd expiry"),
        (json!({ "exp": u64::MAX }), Reason::TokenClaimInvalid, "the greatest integer as expiry"),
        (json!({ "exp": NOW - 30 }), Reason::TokenExpired, "expired for just the leeway"),
        (json!({ "exp": 0 }), Reason::TokenExpired, "expired since 1970"),
        (json!({ "nbf": NOW + 31 }), Reason::TokenNotYetValid, "not before a time beyond the leeway"),
        (json!({ "iat": NOW + 31 }), Reason::TokenNotYetValid, "issued beyond the leeway"),
        (json!({ "nbf": "0" }), Reason::TokenClaimInvalid, "not before a text"),
        (json!({ "iat": "REMOVE" }), Reason::TokenClaimMissing, "no issue time where a lifetime is bounded"),
        (json!({ "iat": NOW - 301 }), Reason::TokenLifetimeExceeded, "a second too long a life"),
        (json!({ "sub": "REMOVE" }), Reason::TokenClaimMissing, "no subject"),
        (json!({ "sub": "" }), Reason::TokenClaimInvalid, "an empty subject"),
        (json!({ "sub": 7 }), Reason::TokenClaimInvalid, "a number as subject"),
        (json!({ "jti": 7 }), Reason::TokenClaimInvalid, "a number as token id"),
        (json!({ "team": "REMOVE" }), Reason::TokenClaimMissing, "no required claim"),
        (json!({ "team": null }), Reason::TokenClaimMissing, "a null required claim"),
        (
            json!({ "nonce": 7 }),
            Reason::TokenClaimInvalid,
            "a registered claim of a shape jwt-simple refuses",
        ),
    ] {
        let mut claims = claims(json!({ "team": "a" }));
        merge(&mut claims, change);
        assert_eq!(outcome(&verifier, &signer.sign(HEADER, &claims.to_string())), Err(reason), "{note}");
    }
}

#[test]
fn headers_that_are_wrong_are_refused_behind_a_good_signature() {
    let signer = RawSigner::generate("k");
    let verifier = verifier(json!({}), &[signer.jwk()]);
    let jwk = signer.jwk();
    for (change, reason, note) in [
        (json!({ "alg": "none" }), Reason::TokenAlgorithmNotAllowed, "no algorithm"),
        (json!({ "alg": "None" }), Reason::TokenAlgorithmNotAllowed, "no algorithm, in another case"),
        (json!({ "alg": "NONE" }), Reason::TokenAlgorithmNotAllowed, "no algorithm, in capitals"),
        (json!({ "alg": "nOnE" }), Reason::TokenAlgorithmNotAllowed, "no algorithm, in mixed case"),
        (json!({ "alg": "" }), Reason::TokenAlgorithmNotAllowed, "an empty algorithm"),
        (json!({ "alg": "eddsa" }), Reason::TokenAlgorithmNotAllowed, "our algorithm in another case"),
        (json!({ "alg": "HS256" }), Reason::TokenAlgorithmNotAllowed, "HMAC"),
        (json!({ "alg": "ES256K" }), Reason::TokenAlgorithmNotAllowed, "an algorithm nobody may list"),
        (json!({ "alg": "RS256" }), Reason::TokenAlgorithmNotAllowed, "an algorithm of another issuer"),
        (json!({ "alg": "REMOVE" }), Reason::TokenMalformed, "no `alg` at all"),
        (json!({ "alg": ["EdDSA"] }), Reason::TokenMalformed, "a list of algorithms"),
        (json!({ "crit": ["exp"] }), Reason::TokenHeaderNotAllowed, "a critical extension"),
        (json!({ "crit": [] }), Reason::TokenHeaderNotAllowed, "an empty list of critical extensions"),
        (json!({ "b64": false, "crit": ["b64"] }), Reason::TokenHeaderNotAllowed, "an unencoded payload"),
        (json!({ "b64": true }), Reason::TokenHeaderNotAllowed, "`b64` without effect"),
        (json!({ "jwk": jwk }), Reason::TokenHeaderNotAllowed, "its own key in the header"),
        (json!({ "jwk": null }), Reason::TokenHeaderNotAllowed, "a null key in the header"),
        (json!({ "jku": "https://evil.example/jwks" }), Reason::TokenHeaderNotAllowed, "its own key set"),
        (
            json!({ "x5u": "https://evil.example/pem" }),
            Reason::TokenHeaderNotAllowed,
            "its own certificate by address",
        ),
        (json!({ "x5c": ["MIIB"] }), Reason::TokenHeaderNotAllowed, "its own certificate"),
        (json!({ "typ": "at+jwt+x" }), Reason::TokenTypeNotAllowed, "another type"),
        (json!({ "typ": "dpop+jwt" }), Reason::TokenTypeNotAllowed, "a token for another purpose"),
        (json!({ "typ": 1 }), Reason::TokenMalformed, "a number as type"),
        (json!({ "kid": 1 }), Reason::TokenMalformed, "a number as key id"),
        (json!({ "kid": "other" }), Reason::TokenKeyUnknown, "an unknown key id"),
        (json!({ "kid": "" }), Reason::TokenKeyUnknown, "an empty key id"),
        (json!({ "kid": "../../dev/null" }), Reason::TokenKeyUnknown, "a key id that is a path"),
    ] {
        let mut header: Value = serde_json::from_str(HEADER).unwrap();
        merge(&mut header, change);
        let token = signer.sign(&header.to_string(), &claims(json!({})).to_string());
        assert_eq!(outcome(&verifier, &token), Err(reason), "{note}");
    }
    for (typ, note) in [
        ("jwt", "the type in another case"),
        ("AT+JWT", "an access token (RFC 9068)"),
        ("application/at+jwt", "the whole media type"),
    ] {
        let header = json!({ "alg": "EdDSA", "kid": "k", "typ": typ }).to_string();
        assert_eq!(
            outcome(&verifier, &signer.sign(&header, &claims(json!({})).to_string())),
            Ok(()),
            "{note}"
        );
    }
    let untyped = signer.sign(r#"{"alg":"EdDSA"}"#, &claims(json!({})).to_string());
    assert_eq!(outcome(&verifier, &untyped), Ok(()), "no type, and no key id where there is one key");
}

#[test]
fn a_type_is_accepted_only_where_the_issuer_lists_it() {
    let signer = RawSigner::generate("k");
    let verifier = verifier(json!({ "types": ["application/Custom"] }), &[signer.jwk()]);
    for (header, want, note) in [
        (
            r#"{"alg":"EdDSA","kid":"k","typ":"custom"}"#,
            Ok(()),
            "a type that jwt-simple would refuse by itself",
        ),
        (HEADER, Err(Reason::TokenTypeNotAllowed), "`JWT` where it is not listed"),
        (r#"{"alg":"EdDSA","kid":"k"}"#, Err(Reason::TokenTypeNotAllowed), "no type counts as `JWT`"),
    ] {
        assert_eq!(outcome(&verifier, &signer.sign(header, &claims(json!({})).to_string())), want, "{note}");
    }
}

#[test]
fn tokens_of_another_shape_are_refused() {
    let signer = RawSigner::generate("k");
    let verifier = verifier(json!({}), &[signer.jwk()]);
    let payload = claims(json!({})).to_string();
    let token = signer.sign(HEADER, &payload);
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (header, middle) = head.split_once('.').unwrap();
    let truncated: String = token.chars().take(token.len() - 7).collect();
    let doubled_exp = payload.replace("\"exp\":", &format!("\"exp\":{},\"exp\":", NOW + 9000));
    let escaped_sub = payload.replace("\"sub\":", "\"s\\u0075b\":\"root\",\"sub\":");
    // 86 characters carry 516 bits, so the last one has four bits to spare.
    let spare_bits = {
        let mut characters: Vec<char> = signature.chars().collect();
        let last = characters.pop().unwrap();
        let alphabet: Vec<char> =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars().collect();
        let index = alphabet.iter().position(|character| *character == last).unwrap();
        characters.push(alphabet[index + 1]);
        characters.into_iter().collect::<String>()
    };
    let long = claims(json!({ "pad": "x".repeat(17_000) })).to_string();
    let other_alphabet = signature.replace(['-', '_'], "/");
    let unsigned = base64url(br#"{"alg":"none"}"#);
    for (token, reason, note) in [
        (format!("{unsigned}.{middle}."), Reason::TokenAlgorithmNotAllowed, "no algorithm and no signature"),
        (String::new(), Reason::TokenMalformed, "nothing"),
        ("..".to_owned(), Reason::TokenMalformed, "two dots"),
        (head.to_owned(), Reason::TokenMalformed, "two segments"),
        (format!("{head}."), Reason::TokenMalformed, "an empty signature"),
        (format!(".{middle}.{signature}"), Reason::TokenMalformed, "an empty header"),
        (format!("{header}..{signature}"), Reason::TokenMalformed, "empty claims"),
        (format!("{token}.{signature}"), Reason::TokenMalformed, "four segments"),
        (format!("{token}.a.b"), Reason::TokenMalformed, "five segments, as an encrypted token has"),
        (format!("{token}="), Reason::TokenMalformed, "padding"),
        (format!("{token} "), Reason::TokenMalformed, "a space behind"),
        (format!(" {token}"), Reason::TokenMalformed, "a space before"),
        (format!("{header}.{middle}\n.{signature}"), Reason::TokenMalformed, "a line break inside"),
        (format!("{head}.{spare_bits}"), Reason::TokenMalformed, "stray bits at the end of the signature"),
        (format!("{head}.{other_alphabet}/"), Reason::TokenMalformed, "the other base64 alphabet"),
        (format!("{head}.{}", base64url(&[0; 64])), Reason::TokenSignatureInvalid, "a signature of zeros"),
        (format!("{head}.AAAA"), Reason::TokenSignatureInvalid, "a signature that is too short"),
        (signer.sign(HEADER, "[]"), Reason::TokenMalformed, "claims that are no object"),
        (signer.sign(HEADER, "{}x"), Reason::TokenMalformed, "claims with something behind"),
        (signer.sign(HEADER, &doubled_exp), Reason::TokenMalformed, "two expiries"),
        (
            signer.sign(HEADER, &escaped_sub),
            Reason::TokenMalformed,
            "two subjects, one written with an escape",
        ),
        (
            signer.sign(HEADER, &payload.replace("300", "NaN")),
            Reason::TokenMalformed,
            "a number that is none",
        ),
        (signer.sign(r#"{"alg":"none","alg":"EdDSA"}"#, &payload), Reason::TokenMalformed, "two algorithms"),
        (signer.sign(r#"["EdDSA"]"#, &payload), Reason::TokenMalformed, "a header that is no object"),
        (
            signer.sign_segments(&format!("{header}="), middle),
            Reason::TokenMalformed,
            "a padded header, signed",
        ),
        (signer.sign(HEADER, &long), Reason::TokenTooLarge, "more than 16 KiB"),
    ] {
        assert_eq!(outcome(&verifier, &token), Err(reason), "{note}");
    }
    let cut = outcome(&verifier, &truncated);
    assert!(matches!(cut, Err(Reason::TokenSignatureInvalid | Reason::TokenMalformed)), "cut off: {cut:?}");
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    let (_, jwk) = signed(Algorithm::RS256, "k", &claims(json!({})), RSA);
    let verifier = verifier(json!({ "algorithms": ["RS256"] }), &[jwk]);
    for secret in public_forms(RSA) {
        let token = hs256(&secret, "k", &claims(json!({})));
        assert_eq!(outcome(&verifier, &token), Err(Reason::TokenAlgorithmNotAllowed));
    }
}

#[test]
fn keys_that_do_not_belong_to_the_token_are_refused() {
    let claims = claims(json!({}));
    let (rs256, rsa) = signed(Algorithm::RS256, "rsa", &claims, RSA);
    let (rs512, rsa_for_512) = signed(Algorithm::RS512, "rsa", &claims, RSA);
    let (_, other_rsa) = signed(Algorithm::RS256, "rsa", &claims, OTHER_RSA);
    let (_, second_rsa) = signed(Algorithm::RS256, "rsa-2", &claims, OTHER_RSA);
    let (es256, p256) = signed(Algorithm::ES256, "ec", &claims, RSA);
    let (_, p384) = signed(Algorithm::ES384, "ec", &claims, RSA);
    let (_, other_p256) = signed(Algorithm::ES256, "ec", &claims, RSA);
    let with = |jwk: &Value, change: Value| {
        let mut jwk = jwk.clone();
        merge(&mut jwk, change);
        jwk
    };
    let spare = |id: &str| with(&second_rsa, json!({ "kid": id }));
    for (token, keys, want, note) in [
        (
            &rs256,
            vec![other_rsa.clone()],
            Err(Reason::TokenSignatureInvalid),
            "the right key id on another key",
        ),
        (&es256, vec![other_p256], Err(Reason::TokenSignatureInvalid), "the same on a curve"),
        (&es256, vec![p384], Err(Reason::TokenAlgorithmNotAllowed), "ES256 with a key on P-384"),
        (
            &es256,
            vec![with(&rsa, json!({ "kid": "ec" }))],
            Err(Reason::TokenAlgorithmNotAllowed),
            "ES256 with an RSA key",
        ),
        (
            &rs256,
            vec![rsa_for_512.clone()],
            Err(Reason::TokenAlgorithmNotAllowed),
            "RS256 with a key for RS512",
        ),
        (&rs512, vec![rsa_for_512], Ok(()), "RS512 with it"),
        (&rs512, vec![with(&rsa, json!({ "alg": "REMOVE" }))], Ok(()), "a key that does not say for what"),
        (
            &rs256,
            vec![with(&rsa, json!({ "use": "enc" })), spare("x")],
            Err(Reason::TokenKeyUnknown),
            "a key for encryption",
        ),
        (
            &rs256,
            vec![with(&rsa, json!({ "key_ops": ["sign"] })), spare("x")],
            Err(Reason::TokenKeyUnknown),
            "a key that may not verify",
        ),
        (&rs256, vec![with(&rsa, json!({ "key_ops": ["verify"] }))], Ok(()), "a key that may"),
        (
            &rs256,
            vec![with(&rsa, json!({ "d": "AAAA" })), spare("x")],
            Err(Reason::TokenKeyUnknown),
            "a private key",
        ),
        (
            &rs256,
            vec![with(&rsa, json!({ "kid": "other" }))],
            Err(Reason::TokenKeyUnknown),
            "a key id that no key has",
        ),
        (&rs256, vec![rsa.clone(), second_rsa.clone()], Ok(()), "one of two keys, by its id"),
        (&rs256, vec![rsa.clone(), rsa.clone()], Ok(()), "the very same key twice"),
        (&rs256, vec![rsa.clone(), other_rsa.clone()], Ok(()), "two keys with one id"),
        (&rs256, vec![other_rsa], Err(Reason::TokenSignatureInvalid), "another key with its id"),
        (&es256, vec![rsa.clone(), p256], Ok(()), "the other kind of key beside it"),
    ] {
        let verifier = verifier(json!({ "algorithms": ["RS256", "RS512", "ES256", "ES384"] }), &keys);
        assert_eq!(outcome(&verifier, token), want, "{note}");
    }
}
