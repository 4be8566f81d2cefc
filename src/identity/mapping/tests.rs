use serde_json::{Value, json};

use super::{Mapped, principal_of};
use crate::config::Issuer;
use crate::denial::Reason;
use crate::identity::signing::RawSigner;
use crate::identity::{Claims, Kind, Principal, Verifier};
use crate::request::Moment;

const NOW: u64 = 1_800_000_000;

/// Claims that went through the whole verification, as there is no other way to get some.
fn verified(change: Value) -> Claims {
    let mut claims = json!({ "iss": "https://idp.example", "aud": "gateway", "exp": NOW + 60 });
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let signer = RawSigner::generate("k");
    let issuer: Issuer = serde_json::from_value(json!({
        "issuer": "https://idp.example", "audiences": ["gateway"], "algorithms": ["EdDSA"],
        "jwks": { "inline": { "keys": [signer.jwk()] } }, "principal": { "subject": "claims.sub" },
    }))
    .unwrap();
    let token = signer.sign(r#"{"alg":"EdDSA","kid":"k"}"#, &claims.to_string());
    let moment = Moment { unix_ms: NOW * 1000, entropy: [0; 16] };
    Verifier::compile(&[issuer]).unwrap().verify(&token, &Vec::new(), &moment).unwrap()
}

fn of(change: Value) -> Principal {
    principal_of(verified(change), Mapped::default()).unwrap()
}

#[test]
fn the_defaults_follow_rfc_9068() {
    let principal = of(json!({
        "sub": "alice", "scope": "llm:chat  llm:embed", "client_id": "app", "azp": "other", "roles": ["admin"],
        "jti": "t-1", "tenant": "acme", "org_id": "acme",
    }));
    assert_eq!(principal.kind, Kind::Jwt);
    assert_eq!(principal.subject, "alice");
    assert_eq!(principal.scopes, ["llm:chat", "llm:embed"]);
    assert_eq!(principal.client.as_deref(), Some("app"));
    assert_eq!(principal.roles, ["admin"]);
    assert_eq!(principal.credential_id, "t-1");
    assert_eq!(principal.issuer.as_deref(), Some("https://idp.example"));
    assert_eq!(principal.expires_at, Some(NOW + 60));
    assert_eq!(principal.claims.get("org_id"), Some(&json!("acme")));
    assert_eq!(principal.tenant, None, "a tenant is never taken from a claim nobody named");
    assert_eq!((principal.project, principal.service_account, principal.key), (None, None, None));
}

#[test]
fn other_forms_of_the_same_claims_are_read() {
    for (claims, scopes, note) in [
        (json!({ "sub": "a", "scp": "x y" }), vec!["x", "y"], "`scp` as text"),
        (json!({ "sub": "a", "scp": ["x", "y"] }), vec!["x", "y"], "`scp` as list"),
        (json!({ "sub": "a", "scope": ["x", "y"] }), vec!["x", "y"], "`scope` as list"),
        (json!({ "sub": "a", "scope": "x", "scp": "y" }), vec!["x"], "`scope` before `scp`"),
        (json!({ "sub": "a", "scope": "", "scp": "y" }), vec![], "an empty `scope` is still the answer"),
        (json!({ "sub": "a", "scope": null, "scp": "y" }), vec!["y"], "a null counts as absent"),
        (json!({ "sub": "a" }), vec![], "none at all"),
    ] {
        assert_eq!(of(claims).scopes, scopes, "{note}");
    }
    assert_eq!(of(json!({ "sub": "a", "azp": "app" })).client.as_deref(), Some("app"));
    assert!(of(json!({ "sub": "a", "roles": { "admin": {} } })).roles.is_empty(), "roles of another shape");
}

#[test]
fn what_the_configuration_maps_wins() {
    let mapped = Mapped {
        subject: Some("s".to_owned()),
        tenant: Some("t".to_owned()),
        scopes: Some(vec!["x".to_owned()]),
        client: Some("c".to_owned()),
        project: Some("p".to_owned()),
        service_account: Some("a".to_owned()),
        roles: Some(Vec::new()),
    };
    let claims = json!({ "sub": "alice", "scope": 7, "client_id": 7, "roles": ["admin"] });
    let principal = principal_of(verified(claims), mapped).unwrap();
    assert_eq!(principal.subject, "s");
    assert_eq!(principal.tenant.as_deref(), Some("t"));
    assert_eq!(principal.scopes, ["x"], "a claim that is not needed is not read");
    assert_eq!(principal.client.as_deref(), Some("c"));
    assert_eq!(principal.project.as_deref(), Some("p"));
    assert_eq!(principal.service_account.as_deref(), Some("a"));
    assert!(principal.roles.is_empty());
}

#[test]
fn the_delegation_chain_is_outermost_first() {
    let principal = of(json!({ "sub": "alice", "act": { "sub": "agent", "act": { "sub": "planner" } } }));
    assert_eq!(principal.actor.as_deref(), Some("agent"));
    assert_eq!(principal.actors, ["agent", "planner"]);
    let chain = |length: usize| {
        (0..length).fold(json!({ "sub": "a" }), |inner, _| json!({ "sub": "a", "act": inner }))
    };
    assert_eq!(of(json!({ "sub": "alice", "act": chain(7) })).actors.len(), 8, "the longest chain");
}

#[test]
fn claims_that_cannot_be_read_are_refused() {
    let chain = (0..8).fold(json!({ "sub": "a" }), |inner, _| json!({ "sub": "a", "act": inner }));
    for (claims, reason, note) in [
        (json!({}), Reason::TokenClaimMissing, "no subject, and none mapped"),
        (json!({ "sub": "a", "scope": 7 }), Reason::TokenClaimInvalid, "a number as scope"),
        (json!({ "sub": "a", "scp": ["x", 7] }), Reason::TokenClaimInvalid, "a number among the scopes"),
        (json!({ "sub": "a", "client_id": ["app"] }), Reason::TokenClaimInvalid, "a list of clients"),
        (json!({ "sub": "a", "roles": ["admin", 7] }), Reason::TokenClaimInvalid, "a number among the roles"),
        (json!({ "sub": "a", "act": "agent" }), Reason::TokenClaimInvalid, "an actor that is no object"),
        (json!({ "sub": "a", "act": null }), Reason::TokenClaimInvalid, "a null actor"),
        (
            json!({ "sub": "a", "act": { "client_id": "x" } }),
            Reason::TokenClaimInvalid,
            "an actor without a name",
        ),
        (json!({ "sub": "a", "act": { "sub": "x", "act": {} } }), Reason::TokenClaimInvalid, "an inner one"),
        (json!({ "sub": "a", "act": chain }), Reason::TokenClaimInvalid, "a chain that is too long"),
    ] {
        let outcome = principal_of(verified(claims), Mapped::default());
        assert_eq!(outcome.err().map(|denial| denial.reason()), Some(reason), "{note}");
    }
}
