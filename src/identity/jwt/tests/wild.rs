//! Tokens as providers write them: without `aud`, of many tenants, of workloads, and without `kid`.

use serde_json::{Value, json};

use super::{HEADER, JwtRefusal, NOW, Verifier, at, claims, issuer, merge, outcome, verifier};
use crate::denial::{Denial, Reason};
use crate::identity::signing::RawSigner;

const A: &str = "0a1b2c3d-0000-4000-8000-00000000000a";
const B: &str = "0a1b2c3d-0000-4000-8000-00000000000b";

fn sign(signer: &RawSigner, change: Value) -> String {
    signer.sign(HEADER, &claims(change).to_string())
}

#[test]
fn access_tokens_without_aud_are_told_from_id_tokens() {
    let signer = RawSigner::generate("k");
    let verifier = verifier(
        json!({ "audience_claim": "client_id", "claim_values": { "token_use": ["access"] } }),
        &[signer.jwk()],
    );
    for (change, want, note) in [
        (
            json!({ "aud": "REMOVE", "client_id": "gateway", "token_use": "access" }),
            Ok(()),
            "an access token",
        ),
        (
            json!({ "aud": "REMOVE", "client_id": "other", "token_use": "access" }),
            Err(Reason::TokenAudienceMismatch),
            "one that another client got",
        ),
        (json!({ "token_use": "id" }), Err(Reason::TokenClaimMismatch), "an id token, which has `aud`"),
        (json!({ "aud": "REMOVE", "client_id": "gateway" }), Err(Reason::TokenClaimMissing), "of no kind"),
    ] {
        assert_eq!(outcome(&verifier, &sign(&signer, change)), want, "{note}");
    }
}

#[test]
fn an_issuer_that_names_its_client_in_iss_alone_can_be_held_to_that() {
    let signer = RawSigner::generate("k");
    let name = "https://api.idp.example/user_management/client_1";
    let verifier =
        verifier(json!({ "issuer": name, "audiences": [name], "audience_claim": "iss" }), &[signer.jwk()]);
    assert_eq!(outcome(&verifier, &sign(&signer, json!({ "iss": name, "aud": "REMOVE" }))), Ok(()));
    let other = sign(&signer, json!({ "iss": name, "aud": "other" }));
    assert_eq!(outcome(&verifier, &other), Err(Reason::TokenAudienceMismatch), "`aud` goes before");
}

#[test]
fn a_tenants_token_is_of_a_listed_tenant_and_names_it_twice() {
    let signer = RawSigner::generate("k");
    let verifier = verifier(
        json!({ "issuer": "https://login.idp.example/{tenantid}/v2.0", "tenants": [A, B] }),
        &[signer.jwk()],
    );
    let iss = |tenant: &str| format!("https://login.idp.example/{tenant}/v2.0");
    let stranger = "0a1b2c3d-0000-4000-8000-00000000000c";
    for (change, want, note) in [
        (json!({ "iss": iss(A), "tid": A }), Ok(()), "a tenant"),
        (json!({ "iss": iss(B), "tid": B }), Ok(()), "the other tenant"),
        (
            json!({ "iss": iss(A), "tid": B }),
            Err(Reason::TokenClaimMismatch),
            "one tenant in the name of another",
        ),
        (json!({ "iss": iss(A) }), Err(Reason::TokenClaimMissing), "no `tid`"),
        (json!({ "iss": iss(A), "tid": null }), Err(Reason::TokenClaimMissing), "a null"),
        (json!({ "iss": iss(A), "tid": [A] }), Err(Reason::TokenClaimMismatch), "a list"),
        (json!({ "iss": iss(stranger), "tid": stranger }), Err(Reason::TokenIssuerUnknown), "not listed"),
        (
            json!({ "iss": iss("{tenantid}"), "tid": "{tenantid}" }),
            Err(Reason::TokenIssuerUnknown),
            "the template",
        ),
        (
            json!({ "iss": iss(&format!("{A}/../{B}")), "tid": A }),
            Err(Reason::TokenIssuerUnknown),
            "a detour",
        ),
        (json!({ "iss": iss(&A.to_uppercase()), "tid": A }), Err(Reason::TokenIssuerUnknown), "in capitals"),
        (json!({ "iss": "REMOVE", "tid": A }), Err(Reason::TokenClaimMissing), "no `iss`"),
    ] {
        assert_eq!(outcome(&verifier, &sign(&signer, change)), want, "{note}");
    }
    let verified = verifier.verify(&sign(&signer, json!({ "iss": iss(B), "tid": B })), &Vec::new(), &at(NOW));
    assert_eq!(verified.unwrap().issuer_name(), iss(B), "the principal's issuer is the tenant's");
    assert_eq!((verifier.index_of(&iss(B)), verifier.index_of(&iss(stranger))), (Some(0), None));
}

#[test]
fn a_tenants_name_is_nobody_elses() {
    let key = json!({ "inline": { "keys": [RawSigner::generate("k").jwk()] } });
    let template = json!({ "issuer": "https://i.example/{tenantid}/", "tenants": [A], "jwks": key });
    let exact = json!({ "issuer": format!("https://i.example/{A}/"), "jwks": key });
    let error = Verifier::compile(&[issuer(template.clone()), issuer(exact)]).unwrap_err();
    assert_eq!(error.at, "issuers[1].issuer");
    let mut twice = template;
    merge(&mut twice, json!({ "tenants": [A, A] }));
    assert_eq!(Verifier::compile(&[issuer(twice)]).unwrap_err().at, "issuers[0].issuer");
}

#[test]
fn a_workload_is_of_the_trust_domain_whose_keys_prove_it() {
    let (signer, federated) = (RawSigner::generate("k"), RawSigner::generate("k"));
    let domain = |name: &str, signer: &RawSigner| {
        issuer(json!({ "issuer": name, "jwks": { "inline": { "keys": [signer.jwk()] } } }))
    };
    let verifier = Verifier::compile(&[
        domain("spiffe://example.org", &signer),
        domain("spiffe://partner.example", &federated),
    ])
    .unwrap();
    let svid = |change: Value| {
        let mut svid = claims(json!({ "iss": "REMOVE", "sub": "spiffe://example.org/ns/a/sa/b" }));
        merge(&mut svid, change);
        svid.to_string()
    };
    for (change, want, note) in [
        (json!({}), Ok(()), "without `iss`"),
        (json!({ "iss": null }), Ok(()), "a null `iss` is none"),
        (json!({ "iss": "spiffe://example.org" }), Ok(()), "with the trust domain as `iss`"),
        (json!({ "iat": "REMOVE" }), Ok(()), "without `iat`"),
        (json!({ "aud": "REMOVE" }), Err(Reason::TokenClaimMissing), "without `aud`"),
        (json!({ "exp": "REMOVE" }), Err(Reason::TokenClaimMissing), "without `exp`"),
        (json!({ "aud": "elsewhere" }), Err(Reason::TokenAudienceMismatch), "for another"),
        (
            json!({ "sub": "spiffe://partner.example/b" }),
            Err(Reason::TokenSignatureInvalid),
            "of another domain",
        ),
        (
            json!({ "iss": "spiffe://example.org", "sub": "spiffe://partner.example/b" }),
            Err(Reason::TokenClaimMismatch),
            "of another domain, in the name of this one",
        ),
        (
            json!({ "sub": "spiffe://nobody.example/b" }),
            Err(Reason::TokenIssuerUnknown),
            "of a domain nobody listed",
        ),
        (json!({ "sub": "spiffe://example.org" }), Err(Reason::TokenClaimMismatch), "the domain itself"),
        (json!({ "sub": "spiffe://example.org/../a" }), Err(Reason::TokenClaimMissing), "no SPIFFE ID"),
        (json!({ "sub": "alice" }), Err(Reason::TokenClaimMissing), "nobody's workload"),
        (json!({ "sub": "REMOVE" }), Err(Reason::TokenClaimMissing), "neither `iss` nor `sub`"),
        (json!({ "iss": "https://evil.example" }), Err(Reason::TokenIssuerUnknown), "an `iss` nobody listed"),
    ] {
        assert_eq!(outcome(&verifier, &signer.sign(HEADER, &svid(change))), want, "{note}");
    }
    for (typ, want) in [
        (json!("JOSE"), Ok(())),
        (json!("JWT"), Ok(())),
        (json!("REMOVE"), Ok(())),
        (json!("dpop+jwt"), Err(Reason::TokenTypeNotAllowed)),
    ] {
        let mut header: Value = serde_json::from_str(HEADER).unwrap();
        merge(&mut header, json!({ "typ": typ }));
        assert_eq!(outcome(&verifier, &signer.sign(&header.to_string(), &svid(json!({})))), want, "{typ}");
    }
    let verified = verifier.verify(&signer.sign(HEADER, &svid(json!({}))), &Vec::new(), &at(NOW)).unwrap();
    assert_eq!(verified.issuer_name(), "spiffe://example.org");
}

#[test]
fn only_a_trust_domains_token_may_say_jose() {
    let signer = RawSigner::generate("k");
    let verifier = verifier(json!({}), &[signer.jwk()]);
    let token = signer.sign(r#"{"alg":"EdDSA","kid":"k","typ":"JOSE"}"#, &claims(json!({})).to_string());
    assert_eq!(outcome(&verifier, &token), Err(Reason::TokenTypeNotAllowed));
}

#[test]
fn a_token_that_does_not_name_its_key_is_tried_with_each() {
    let signers = ["1", "2", "3"].map(RawSigner::generate);
    let stranger = RawSigner::generate("3");
    let named = signers.each_ref().map(RawSigner::jwk);
    let mut unnamed = named.clone();
    for key in &mut unnamed {
        key.as_object_mut().unwrap().remove("kid");
    }
    let (ok, invalid) = (Ok(()), Err(Reason::TokenSignatureInvalid));
    let (bare, with_kid) = (r#"{"alg":"EdDSA"}"#, r#"{"alg":"EdDSA","kid":"3"}"#);
    for (keys, header, signer, want, note) in [
        (&named, bare, &signers[0], ok, "a token without `kid`, signed by the first"),
        (&named, bare, &signers[2], ok, "by the last"),
        (&named, bare, &stranger, invalid, "by none of them"),
        (&unnamed, bare, &signers[1], ok, "neither side has a `kid`"),
        (&unnamed, with_kid, &signers[2], ok, "the set has none"),
        (&unnamed, with_kid, &stranger, invalid, "the set has none, and none of them signed"),
        (&named, with_kid, &signers[1], invalid, "a named key is the only one that is tried"),
    ] {
        let token = signer.sign(header, &claims(json!({})).to_string());
        assert_eq!(outcome(&verifier(json!({}), keys), &token), want, "{note}");
    }
}

#[test]
fn where_no_id_tells_a_newer_set_may_have_the_key() {
    let (old, new) = (RawSigner::generate("1"), RawSigner::generate("1"));
    let remote =
        json!({ "jwks": { "remote": { "cluster": "idp", "host": "idp.example", "path": "/jwks" } } });
    let verifier = Verifier::compile(&[issuer(remote)]).unwrap();
    let mut key = old.jwk();
    key.as_object_mut().unwrap().remove("kid");
    let document = json!({ "keys": [key] }).to_string();
    let keys = vec![Some(verifier.read_key_set(0, document.as_bytes()).unwrap())];
    let refusal = |signer: &RawSigner, change: Value| {
        let token = signer.sign(r#"{"alg":"EdDSA"}"#, &claims(change).to_string());
        verifier.verify(&token, &keys, &at(NOW)).err()
    };
    assert_eq!(refusal(&old, json!({})), None);
    let reason = Reason::TokenSignatureInvalid;
    assert_eq!(refusal(&new, json!({})), Some(JwtRefusal::UnknownKey { issuer: 0, reason }), "a rotated key");
    let expired = Some(JwtRefusal::Denied(Denial::from(Reason::TokenExpired)));
    assert_eq!(
        refusal(&new, json!({ "exp": NOW - 60 })),
        expired,
        "an expired token makes nobody fetch keys"
    );
}
