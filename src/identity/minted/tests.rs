use serde_json::{Map, Value, json};

use super::Mint;
use crate::config::{Config, Thumbprint, Tokens};
use crate::denial::Reason;
use crate::identity::signing::{RawSigner, base64url, hs256};
use crate::identity::{Binding, Holder, Kind, Limits, MINTED_PREFIX, Minted, Parent, Principal};
use crate::request::Moment;
use crate::secret::Secret;
use crate::unique_json;

const NOW: u64 = 1_767_268_800;
const ISSUER: &str = "https://gateway.example/";
const OCT: &str = r#"{"kty":"oct","kid":"h","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U"}"#;

fn ed25519(kid: &str) -> String {
    RawSigner::generate(kid).private_jwk()
}

fn at(unix_seconds: u64) -> Moment {
    Moment { unix_ms: unix_seconds.saturating_mul(1000), entropy: [7; 16] }
}

fn tokens(issuer: &str, signing_key: &str) -> Tokens {
    let tokens =
        json!({ "issuer": issuer, "signing_key": { "env": signing_key }, "other_key": { "env": "OTHER" } });
    serde_json::from_value(tokens).unwrap()
}

/// A mint whose environment has these keys.
fn mint(own: Option<&str>, other: Option<&str>) -> Result<Mint, String> {
    let environment = |name: &str| if name == "OWN" { own } else { other }.map(Secret::new);
    Mint::compile(&tokens(ISSUER, "OWN"), &[], &environment).map_err(|error| error.to_string())
}

fn principal() -> Principal {
    let claims =
        json!({ "sub": "alice", "region": "eu", "act": { "sub": "agent", "act": { "sub": "first" } } });
    let Value::Object(mut claims) = claims else { panic!() };
    let [certificate, key] = [1, 2].map(|byte| Some(Thumbprint::of_digest([byte; 32])));
    let binding = Binding::to(&Holder { certificate, key });
    claims.extend(binding.confirmation().map(|confirmation| ("cnf".to_owned(), confirmation)));
    Principal {
        kind: Kind::Jwt,
        subject: "alice".to_owned(),
        tenant: Some("acme".to_owned()),
        project: None,
        service_account: Some("robot".to_owned()),
        client: Some("app".to_owned()),
        scopes: vec!["chat".to_owned(), "models".to_owned()],
        roles: vec!["staff".to_owned()],
        claims,
        key: None,
        issuer: Some("https://idp.example".to_owned()),
        credential_id: "token-1".to_owned(),
        actor: Some("agent".to_owned()),
        actors: vec!["agent".to_owned(), "first".to_owned()],
        expires_at: Some(NOW + 60),
        issued_at: Some(NOW),
        binding,
        minted: Some(Minted {
            parents: vec![
                Parent {
                    kind: Kind::Jwt,
                    id: "jti".to_owned(),
                    issuer: Some("https://idp.example".to_owned()),
                    issued_at: Some(NOW - 5),
                },
                Parent { kind: Kind::ApiKey, id: "k1".to_owned(), issuer: None, issued_at: None },
            ],
            limits: Limits { models: Some(vec!["gpt-4o*".to_owned()]), operations: None, requests: Some(3) },
            provider_key: Some(Secret::new("cgs_a.b.c.d.e")),
        }),
    }
}

fn signed(mint: &Mint) -> String {
    let token = mint.sign(&principal(), &at(NOW), NOW + 60).unwrap();
    String::from_utf8(token.expose().to_vec()).unwrap()
}

fn refusal(mint: &Mint, token: &str, seconds: u64) -> Option<Reason> {
    mint.verify(token, &at(seconds)).err().map(|denial| denial.reason())
}

#[test]
fn a_token_is_its_principal() {
    for key in [ed25519("e"), OCT.to_owned()] {
        let mint = mint(Some(&key), None).unwrap();
        let token = signed(&mint);
        assert!(token.starts_with(MINTED_PREFIX));
        assert_eq!(mint.verify(&token, &at(NOW)).unwrap(), principal());
    }
}

#[test]
fn a_token_lives_until_its_last_second_is_over() {
    let mint = mint(Some(OCT), None).unwrap();
    let token = signed(&mint);
    for (seconds, want, note) in [
        (NOW + 59, None, "its last second"),
        (NOW + 60, Some(Reason::TokenExpired), "over"),
        (NOW + 61, Some(Reason::TokenExpired), "no clock is allowed for"),
        (NOW - 5, None, "another gateway's clock is behind"),
    ] {
        assert_eq!(refusal(&mint, &token, seconds), want, "{note}");
    }
}

#[test]
fn keys_are_rotated_without_a_gap() {
    let (old, new) = (ed25519("old"), ed25519("new"));
    let before = mint(Some(&old), Some(&new)).unwrap();
    let after = mint(Some(&new), Some(&old)).unwrap();
    let done = mint(Some(&new), None).unwrap();
    let (early, late) = (signed(&before), signed(&after));
    for (mint, token, want, note) in [
        (&before, &late, None, "a gateway that has the new key as the other one"),
        (&after, &early, None, "and one that still has the old one"),
        (&done, &early, Some(Reason::TokenKeyUnknown), "the old key is gone"),
        (&done, &late, None, "the new one stays"),
    ] {
        assert_eq!(refusal(mint, token, NOW), want, "{note}");
    }
    let bare = mint(None, None).unwrap();
    assert_eq!(refusal(&bare, &late, NOW), Some(Reason::IdentityUnavailable), "no key in the environment");
    let unsigned = bare.sign(&principal(), &at(NOW), NOW + 60).unwrap_err();
    assert_eq!(unsigned.reason(), Reason::TokensUnavailable);
    let names = |mint: &Mint| mint.public_keys().iter().map(|key| key["kid"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), [json!("old"), json!("new")]);
    assert!(before.public_keys().iter().all(|key| key.get("d").is_none()), "the private part stays here");
    assert!(mint(Some(OCT), None).unwrap().public_keys().is_empty(), "a shared secret is told to nobody");
}

/// The token with its header, claims and signature replaced by what `edit` makes of them.
fn edited(token: &str, edit: impl Fn(&mut Map<String, Value>, &mut Map<String, Value>)) -> String {
    let bare = token.strip_prefix(MINTED_PREFIX).unwrap();
    let segments: Vec<&str> = bare.split('.').collect();
    let object =
        |segment: &str| unique_json::object(&crate::identity::jose::base64url(segment).unwrap()).unwrap();
    let (mut header, mut claims) = (object(segments[0]), object(segments[1]));
    edit(&mut header, &mut claims);
    let encoded = |object: Map<String, Value>| base64url(Value::Object(object).to_string().as_bytes());
    format!("{MINTED_PREFIX}{}.{}.{}", encoded(header), encoded(claims), segments[2])
}

#[test]
fn what_this_gateway_did_not_write_is_refused() {
    let mint = mint(Some(OCT), None).unwrap();
    let token = signed(&mint);
    let claim = |name: &str, value: Value| {
        edited(&token, |_, claims| {
            claims.insert(name.to_owned(), value.clone());
        })
    };
    let header = |name: &str, value: Value| {
        edited(&token, |header, _| {
            header.insert(name.to_owned(), value.clone());
        })
    };
    let wide = json!(["*"]);
    for (token, want, note) in [
        (claim("scope", json!("chat models admin")), Reason::TokenSignatureInvalid, "a wider scope"),
        (claim("exp", json!(NOW + 6000)), Reason::TokenSignatureInvalid, "a longer life"),
        (claim("limits", json!({})), Reason::TokenSignatureInvalid, "no limits"),
        (claim("sub", json!("bob")), Reason::TokenSignatureInvalid, "another subject"),
        (claim("limits", json!({ "models": wide, "x": 1 })), Reason::TokenMalformed, "a limit nobody knows"),
        (claim("iss", json!("https://other.example/")), Reason::TokenIssuerUnknown, "another gateway's"),
        (claim("aud", json!("https://other.example/")), Reason::TokenAudienceMismatch, "for another gateway"),
        (claim("aud", json!([ISSUER])), Reason::TokenMalformed, "a list that it never writes"),
        (header("alg", json!("none")), Reason::TokenKeyUnknown, "no algorithm"),
        (header("alg", json!("EdDSA")), Reason::TokenKeyUnknown, "another algorithm"),
        (header("typ", json!("JWT")), Reason::TokenKeyUnknown, "another type"),
        (header("kid", json!("x")), Reason::TokenKeyUnknown, "another key"),
        (header("jwk", json!({})), Reason::TokenKeyUnknown, "a key of its own"),
        (format!("{token}A"), Reason::TokenSignatureInvalid, "a longer signature"),
        (format!("{token}.e30"), Reason::TokenSignatureInvalid, "a fourth segment"),
        (token.replacen("cgt_", "cgt_cgt_", 1), Reason::TokenMalformed, "the prefix twice"),
        ("cgt_".to_owned(), Reason::TokenMalformed, "the prefix alone"),
        ("cgt_e30.e30".to_owned(), Reason::TokenMalformed, "nothing in it"),
    ] {
        assert_eq!(refusal(&mint, &token, NOW), Some(want), "{note}");
    }
}

#[test]
fn a_jwt_with_our_claims_by_another_key_is_refused() {
    let own = RawSigner::generate("e");
    let mint = mint(Some(&own.private_jwk()), None).unwrap();
    let token = signed(&mint);
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&crate::identity::jose::base64url(claims).unwrap()).unwrap();
    let header = r#"{"alg":"EdDSA","kid":"e","typ":"cgt+jwt"}"#;
    let stranger = RawSigner::generate("e").sign(header, &claims.to_string());
    assert_eq!(
        refusal(&mint, &format!("{MINTED_PREFIX}{stranger}"), NOW),
        Some(Reason::TokenSignatureInvalid)
    );
    let confused = hs256(own.jwk()["x"].as_str().unwrap().as_bytes(), "e", &claims);
    assert_eq!(refusal(&mint, &format!("{MINTED_PREFIX}{confused}"), NOW), Some(Reason::TokenKeyUnknown));
    let again = own.sign(header, &claims.to_string());
    assert_eq!(refusal(&mint, &format!("{MINTED_PREFIX}{again}"), NOW), None, "the same by the right key");
}

#[test]
fn a_key_that_cannot_be_used_is_an_error_that_does_not_show_it() {
    let short = r#"{"kty":"oct","k":"c2VjcmV0"}"#;
    let public = RawSigner::generate("e").jwk().to_string();
    for (own, other, why) in [
        (Some("secret-text"), None, "is not a JWK"),
        (Some(short), None, "less than 32 bytes"),
        (Some(r#"{"kty":"oct"}"#), None, "no `k`"),
        (Some(r#"{"kty":"RSA","n":"AQAB"}"#), None, "another kind"),
        (Some(public.as_str()), None, "not an Ed25519 key"),
        (Some(OCT), Some(OCT), "tokens.other_key: has the `kid`"),
    ] {
        let error = mint(own, other).unwrap_err();
        assert!(error.contains(why) && !error.contains("c2Vj") && !error.contains("secret-"), "{error}");
    }
}

#[test]
fn a_key_pasted_into_the_configuration_is_not_quoted() {
    for pasted in
        [json!(OCT), json!({ "kty": "oct", "k": "c2VjcmV0" }), json!({ "env": "A", "k": "c2VjcmV0" })]
    {
        let tokens = json!({ "issuer": ISSUER, "signing_key": pasted });
        let error = serde_json::from_value::<Tokens>(tokens).unwrap_err().to_string();
        assert!(error.contains("`{env: NAME}`") && !error.contains("c2Vj"), "{error}");
    }
}

#[test]
fn no_issuer_may_pass_for_the_gateway() {
    let compile = |issuer: &str, audience: &str, typ: &str| {
        let config: Config = serde_json::from_value(json!({
            "issuers": [{
                "issuer": issuer, "audiences": ["a", audience], "types": ["JWT", typ],
                "algorithms": ["EdDSA"], "jwks": { "inline": { "keys": [] } },
            }],
            "policies": [], "upstreams": [],
        }))
        .unwrap();
        Mint::compile(&tokens(ISSUER, "OWN"), &config.issuers, &|_| None).map_err(|error| error.at)
    };
    let idp = "https://idp.example";
    assert!(compile(idp, "b", "at+jwt").is_ok());
    assert_eq!(compile(ISSUER, "b", "at+jwt").unwrap_err(), "issuers[0]");
    assert_eq!(compile(idp, ISSUER, "at+jwt").unwrap_err(), "issuers[0]");
    assert_eq!(compile(idp, "b", "CGT+JWT").unwrap_err(), "issuers[0].types");
    assert_eq!(compile(idp, "b", "application/cgt+jwt").unwrap_err(), "issuers[0].types");
    for (issuer, key, at) in [("", "OWN", "tokens.issuer"), (ISSUER, "a secret", "tokens.signing_key")] {
        let error = Mint::compile(&tokens(issuer, key), &[], &|_| None).unwrap_err();
        assert!(error.at == at && !error.why.contains("a secret"), "{error}");
    }
}
