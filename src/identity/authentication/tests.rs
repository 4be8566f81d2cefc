use std::rc::Rc;

use serde_json::{Value, json};

use super::{Caller, Identity, Unproven};
use crate::cache::Cache;
use crate::config::Config;
use crate::denial::Reason;
use crate::expression::Engine;
use crate::identity::signing::RawSigner;
use crate::identity::{ApiKey, EngineAnswer, Kind, Principal};
use crate::request::{Connection, Moment, RequestHead};
use crate::secret::Secret;

const NOW: u64 = 1_800_000_000;
const HEADER: &str = r#"{"alg":"EdDSA","kid":"k"}"#;

fn minted() -> String {
    String::from_utf8(ApiKey::mint([1; 32]).expose().to_vec()).unwrap()
}

fn compile(jwks: Value, mapping: Value) -> Result<Identity, String> {
    let config: Config = serde_json::from_value(json!({
        "keys": [{
            "id": "k1", "hash": ApiKey::hash(&Secret::new(minted())).to_string(),
            "project": "search", "service_account": "indexer",
        }],
        "issuers": [{
            "issuer": "https://idp.example", "audiences": ["gateway"], "algorithms": ["EdDSA"],
            "jwks": jwks, "principal": mapping,
        }],
        "policies": [],
        "upstreams": [],
    }))
    .unwrap();
    Identity::compile(&config, &Engine::new().unwrap(), &|_| None).map_err(|error| error.to_string())
}

fn inline(signer: &RawSigner) -> Value {
    json!({ "inline": { "keys": [signer.jwk()] } })
}

fn prove(identity: &Identity, credential: &str, answer: EngineAnswer) -> Result<Principal, Reason> {
    let head =
        RequestHead::new(vec![("authorization".to_owned(), format!("Bearer {credential}").into_bytes())]);
    let keys = identity.key_ring();
    let moment = Moment { unix_ms: NOW * 1000, entropy: [0; 16] };
    let caller = Caller {
        connection: &Connection::default(),
        keys: &keys,
        fed: &identity.feeds().none_fed(),
        moment,
        verify: &|_| answer,
        proven: &Cache::new(0, &[0; 16]),
        introspected: &[],
        inactive: &Cache::new(0, &[0; 16]),
    };
    let proven = identity.authenticate(&Engine::new().unwrap(), &head, caller);
    proven.map(|proven| Rc::unwrap_or_clone(proven.principal)).map_err(|unproven| match unproven {
        Unproven::Denied(denial) => denial.reason(),
        Unproven::NeedsKeys { .. } | Unproven::NeedsIntrospection(_) => Reason::IdentityUnavailable,
    })
}

fn token(signer: &RawSigner, more: &Value) -> String {
    let mut claims = json!({
        "iss": "https://idp.example", "aud": "gateway", "sub": "alice", "exp": NOW + 300,
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    signer.sign(HEADER, &claims.to_string())
}

#[test]
fn one_door_takes_both_kinds_of_credential() {
    let signer = RawSigner::generate("k");
    let identity = compile(inline(&signer), json!({})).unwrap();
    for (credential, kind, subject) in [
        (minted(), Kind::ApiKey, "indexer"),
        (token(&signer, &json!({ "tenant": "spoofed" })), Kind::Jwt, "alice"),
    ] {
        let principal = prove(&identity, &credential, EngineAnswer::Unavailable).unwrap();
        assert_eq!((principal.kind, principal.subject.as_str()), (kind, subject));
        assert_eq!(principal.tenant, None, "no claim is a tenant unless the configuration says so");
    }
}

#[test]
fn the_engines_answer_counts_and_its_silence_does_not() {
    let (signer, other) = (RawSigner::generate("k"), RawSigner::generate("k"));
    let identity = compile(inline(&signer), json!({})).unwrap();
    for (signer, answer, want, note) in [
        (&signer, EngineAnswer::Unavailable, None, "no engine: verified here"),
        (&other, EngineAnswer::Unavailable, Some(Reason::TokenSignatureInvalid), "and refused here"),
        // An engine is never asked about Ed25519, so what it says proves nothing.
        (&other, EngineAnswer::Valid, Some(Reason::TokenSignatureInvalid), "an answer nobody asked for"),
    ] {
        let proven = prove(&identity, &token(signer, &json!({})), answer);
        assert_eq!(proven.err(), want, "{note}");
    }
}

#[test]
fn a_mapping_makes_the_principal_of_claims() {
    let signer = RawSigner::generate("k");
    let claims = json!({ "org": "acme", "grp": ["a", "b"], "n": 5, "empty": "", "none": null });
    let invalid = Some(Reason::TokenClaimInvalid);
    for (mapping, want, note) in [
        (json!({ "tenant": "claims.org" }), None, "a claim"),
        (json!({ "tenant": "'acme'" }), None, "a constant"),
        (json!({ "subject": "'a'", "tenant": "claims.org" }), None, "a constant before a claim"),
        (json!({ "tenant": "claims.absent" }), invalid, "a claim that is absent"),
        (json!({ "tenant": "claims.n" }), invalid, "a number"),
        (json!({ "tenant": "claims.grp" }), invalid, "a list"),
        (json!({ "tenant": "claims.empty" }), invalid, "an empty text"),
        (json!({ "project": "claims.empty" }), invalid, "an empty project"),
        (json!({ "scopes": "claims.n", "tenant": "claims.org" }), invalid, "scopes that are a number"),
        (json!({ "roles": "claims.absent", "tenant": "claims.org" }), invalid, "roles that are absent"),
    ] {
        let identity = compile(inline(&signer), mapping).unwrap();
        let proven = prove(&identity, &token(&signer, &claims), EngineAnswer::Unavailable);
        match want {
            Some(reason) => assert_eq!(proven.err(), Some(reason), "{note}"),
            None => assert_eq!(proven.unwrap().tenant.as_deref(), Some("acme"), "{note}"),
        }
    }
    let none = json!({ "tenant": "has(claims.none) ? claims.none : claims.none" });
    let identity = compile(inline(&signer), none).unwrap();
    let principal = prove(&identity, &token(&signer, &claims), EngineAnswer::Unavailable).unwrap();
    assert_eq!(principal.tenant, None, "null is no tenant");
}

#[test]
fn a_configuration_that_proves_nobody_is_refused() {
    let signer = RawSigner::generate("k");
    for (mapping, want) in [
        (json!({ "tenant": "claim.org" }), "issuers[0].principal.tenant: there is no variable `claim`"),
        (json!({ "scopes": "claims.scp +" }), "issuers[0].principal.scopes:1:"),
        (
            json!({ "roles": "principal.roles" }),
            "issuers[0].principal.roles: there is no variable `principal`",
        ),
    ] {
        let error = compile(inline(&signer), mapping).unwrap_err();
        assert!(error.starts_with(want), "{error}");
    }
}

#[test]
fn a_fetched_document_that_cannot_be_read_replaces_nothing() {
    let signer = RawSigner::generate("k");
    let remote = json!({ "remote": { "cluster": "idp", "host": "idp.example", "path": "/jwks" } });
    let identity = compile(remote, json!({})).unwrap();
    let mut ring = identity.key_ring();
    let good = json!({ "keys": [signer.jwk()] }).to_string();
    identity.accept_keys(&mut ring, 0, good.as_bytes(), 7).unwrap();
    for (document, note) in [
        ("", "nothing"),
        ("<html>", "an error page"),
        (r#"{"keys":[]}"#, "no keys"),
        (r#"{"keys":[],"keys":[]}"#, "a name twice"),
    ] {
        assert!(identity.accept_keys(&mut ring, 0, document.as_bytes(), 9).is_err(), "{note}");
        assert_eq!(ring.fetched_ms(0), Some(7), "{note}");
    }
    assert!(identity.accept_keys(&mut ring, 3, good.as_bytes(), 9).is_err(), "no such issuer");
}
