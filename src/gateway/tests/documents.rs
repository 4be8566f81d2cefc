//! What the gateway tells everybody.

use serde_json::{Value, json};

use super::{Request, Scene, minting, possession};
use crate::denial::Reason;
use crate::gateway::Outcome;
use crate::identity::signing::RawSigner;
use crate::policy::fixture::merged;

fn told(scene: &Scene, path: &str) -> Option<Value> {
    let request = Request::new("GET", path).to(None);
    let (call, outcome) = scene.decide(&request);
    match outcome {
        Outcome::Answer => Some(serde_json::from_str(&call.answer().unwrap().body).unwrap()),
        _ => None,
    }
}

fn discovery(resource: &str) -> Value {
    json!({ "discovery": { "resource": resource, "scopes_supported": ["chat"], "resource_name": "AI" } })
}

fn challenge(scene: &Scene, request: &Request) -> Option<String> {
    let answer = scene.decide(request).0.answer()?;
    answer.headers.into_iter().find(|(name, _)| name == "www-authenticate").map(|(_, value)| value)
}

#[test]
fn the_metadata_is_where_the_rfc_has_it_and_challenges_name_it() {
    const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
    for (resource, path, url) in [
        ("https://ai.example", WELL_KNOWN.to_owned(), "https://ai.example"),
        ("https://ai.example/", WELL_KNOWN.to_owned(), "https://ai.example"),
        ("https://ai.example:8443/v1/", format!("{WELL_KNOWN}/v1"), "https://ai.example:8443"),
    ] {
        let scene = Scene::new(discovery(resource));
        let metadata = told(&scene, &path).unwrap();
        assert_eq!(
            metadata,
            json!({
                "resource": resource, "bearer_methods_supported": ["header"], "scopes_supported": ["chat"],
                "authorization_servers": ["https://idp.example", "https://remote.example"], "resource_name": "AI",
            })
        );
        let missing = challenge(&scene, &Request::new("POST", "/v1/chat/completions")).unwrap();
        assert_eq!(missing, format!("Bearer realm=\"claimgate\", resource_metadata=\"{url}{path}\""));
        let unknown = challenge(&scene, &Request::chat().keyed(9)).unwrap();
        assert!(unknown.ends_with(&format!(", resource_metadata=\"{url}{path}\"")), "{unknown}");
    }
}

#[test]
fn the_metadata_says_what_tokens_must_be_bound_to() {
    let told = |bound_by: &str, dpop: Value| {
        let section = json!({ "discovery": { "resource": "https://ai.example" }, "dpop": dpop });
        let issuers = json!([possession::issuer(json!({ "bound_by": bound_by }))]);
        let scene = Scene::new(merged(section, json!({ "issuers": issuers })));
        told(&scene, "/.well-known/oauth-protected-resource").unwrap()
    };
    let dpop = json!({ "public_origins": ["https://ai.example"], "algorithms": ["ES256"] });
    let names = [
        "dpop_signing_alg_values_supported",
        "dpop_bound_access_tokens_required",
        "tls_client_certificate_bound_access_tokens",
    ];
    for (bound_by, dpop, want) in [
        ("dpop", dpop.clone(), [json!(["ES256"]), json!(true), Value::Null]),
        ("either", dpop, [json!(["ES256"]), Value::Null, json!(true)]),
        ("certificate", Value::Null, [Value::Null, Value::Null, json!(true)]),
    ] {
        let metadata = told(bound_by, dpop);
        assert_eq!(names.map(|name| metadata[name].clone()), want, "{bound_by}");
    }
}

#[test]
fn the_keys_of_the_tokens_are_told_where_they_are_public() {
    const PATH: &str = "/.well-known/jwks.json";
    assert_eq!(told(&Scene::new(minting::tokens(json!({}))), PATH), None, "a shared secret");
    assert_eq!(told(&Scene::new(json!({})), PATH), None, "no tokens");
    let signer = RawSigner::generate("e");
    let scene = Scene::with_signing_key(minting::tokens(json!({})), &signer.private_jwk());
    let keys = told(&scene, PATH).unwrap();
    assert_eq!(keys, json!({ "keys": [signer.jwk()] }));
}

#[test]
fn nothing_else_is_told_without_a_credential() {
    let scene = Scene::new(discovery("https://ai.example/"));
    let path = "/.well-known/oauth-protected-resource";
    for (request, want, note) in [
        (Request::new("POST", path), Some(Reason::CredentialMissing), "another method"),
        (Request::new("GET", &format!("{path}?x=1")), Some(Reason::CredentialMissing), "a query"),
        (Request::new("GET", &format!("{path}/other")), Some(Reason::CredentialMissing), "below"),
        (
            Request::new("GET", path).with("upgrade", "websocket"),
            Some(Reason::CredentialMissing),
            "an upgrade",
        ),
        (
            Request::new("GET", "/.well-known/openid-configuration"),
            Some(Reason::CredentialMissing),
            "another",
        ),
        (Request::new("HEAD", path), None, "only the headers"),
    ] {
        assert_eq!(scene.refusal(&request), want, "{note}");
    }
    let (call, _) = scene.decide(&Request::new("GET", path));
    let record: Value = serde_json::from_str(&call.record(&super::reports::ending())).unwrap();
    assert_eq!(record["claimgate.decision"], "open");
}

#[test]
fn a_resource_is_a_url() {
    let signer = RawSigner::generate("k");
    for resource in [
        "ai.example",
        "http://ai.example/",
        "https://",
        "https://a/?b",
        "https://a/#b",
        "https://a\"/",
        "https://u@a/",
    ] {
        let error = super::compile(&signer, discovery(resource)).unwrap_err();
        assert_eq!(error.at, "discovery.resource", "{resource}");
    }
}
