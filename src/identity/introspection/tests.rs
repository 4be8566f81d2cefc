use serde_json::{Value, json};

use super::{Inquiry, Introspectors, read};
use crate::cache::Cache;
use crate::config::Issuer;
use crate::denial::Reason;
use crate::identity::CredentialName;
use crate::secret::Secret;

fn issuer(change: Value) -> Issuer {
    let mut introspection = json!({
        "cluster": "idp", "host": "idp.example", "path": "/introspect", "client_id": "gate way",
        "client_secret": { "env": "CLIENT" },
    });
    introspection.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let issuer = json!({
        "issuer": "https://idp.example", "audiences": ["gateway"], "introspection": introspection,
    });
    serde_json::from_value(issuer).unwrap()
}

fn compile(issuers: &[Issuer]) -> Result<Introspectors, String> {
    Introspectors::compile(issuers, &|_| Some(Secret::new("p:ss+w/rd"))).map_err(|error| error.to_string())
}

fn inquiry() -> Inquiry {
    let name = CredentialName::of(&Cache::<(), _>::new(0, &[0; 16]), b"a");
    Inquiry::new(0, name, &Secret::new("a+b/c=&d"))
}

#[test]
fn the_gateway_proves_itself_as_the_issuer_wants() {
    // RFC 6749 section 2.3.1: both halves are form-encoded before they are joined.
    let basic = "Basic Z2F0ZSUyMHdheTpwJTNBc3MlMkJ3JTJGcmQ=";
    for (method, authorization, end) in [
        ("client_secret_basic", Some(basic), ""),
        ("client_secret_post", None, "&client_id=gate+way&client_secret=p%3Ass%2Bw%2Frd"),
    ] {
        let all = compile(&[issuer(json!({ "client_authentication": method }))]).unwrap();
        let inquiry = inquiry();
        let request = all.request(&inquiry).unwrap();
        assert_eq!(request.authorization.as_deref(), authorization, "{method}");
        let form = format!("token=a%2Bb%2Fc%3D%26d&token_type_hint=access_token{end}");
        assert_eq!(request.body, form, "{method}");
    }
}

#[test]
fn a_wrong_section_is_named_by_its_path() {
    for (change, at) in [
        (json!({ "cluster": "" }), "issuers[0].introspection.cluster: "),
        (json!({ "host": " " }), "issuers[0].introspection.host: "),
        (json!({ "path": "introspect" }), "issuers[0].introspection.path: `introspect` is not a path"),
        (json!({ "client_id": "" }), "issuers[0].introspection.client_id: "),
        (json!({ "prefix": "" }), "issuers[0].introspection.prefix: "),
        (json!({ "prefix": "cgt_" }), "issuers[0].introspection.prefix: `cgt_` is what this gateway's own"),
        (
            json!({ "client_secret": { "env": "A B" } }),
            "issuers[0].introspection.client_secret: not the name",
        ),
    ] {
        let error = compile(&[issuer(change)]).unwrap_err();
        assert!(error.starts_with(at), "{error}");
    }
    for (change, note) in [(json!({ "prefix": "op_" }), "the same prefix"), (json!({}), "none")] {
        let error = compile(&[issuer(change.clone()), issuer(change)]).unwrap_err();
        assert!(error.starts_with("issuers[1].introspection.prefix: "), "{note}: {error}");
    }
}

#[test]
fn only_true_is_active() {
    assert_eq!(read(br#"{"active":true,"sub":"a"}"#).unwrap().unwrap()["sub"], "a");
    assert_eq!(read(br#"{"active":false,"sub":"a"}"#).unwrap().unwrap_err().reason(), Reason::TokenInactive);
}
