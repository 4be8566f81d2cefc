//! What a provider says of the gateway's own credential is not told the caller as if it were the caller's.

use serde_json::{Value, json};

use super::{Request, Scene};
use crate::denial::Reason;
use crate::request::Headers;

#[test]
fn a_refused_credential_of_the_gateways_is_a_fault_of_the_gateways() {
    let scene = Scene::new(json!({}));
    for (status, is_replaced, note) in [
        (401, true, "the credential is not valid"),
        (407, true, "one for a proxy on the way is lacking"),
        (400, false, "the request is wrong"),
        (403, false, "the account may not do what was asked"),
        (404, false, "a model that the account does not have"),
        (429, false, "a rate limit"),
        (500, false, "an error of the provider's"),
        (200, false, "no error"),
    ] {
        let (mut call, _) = scene.decide(&Request::chat());
        let answer = call.answer_for_refused_credential(status, &no_headers());
        assert_eq!(answer.is_some(), is_replaced, "{note}");
        let Some(answer) = answer else { continue };
        let denial = call.refusal().unwrap();
        assert_eq!((answer.status, denial.reason()), (502, Reason::UpstreamCredentialRefused));
        let note = denial.note().unwrap();
        assert!(note.contains(&status.to_string()) && !answer.body.contains(note), "for the record alone");
        let header =
            |wanted: &str| answer.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        assert_eq!(header("x-should-retry").map(String::as_str), Some("false"), "no retry helps");
        assert_eq!(header("www-authenticate"), None, "nothing is asked of the caller");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["error"]["type"], "server_error", "not an error of authentication");
    }
}

fn no_headers() -> Headers {
    Headers::with_capacity(0, 0)
}

#[test]
fn aws_names_the_fault_in_a_header() {
    let scene = Scene::new(json!({}));
    for (status, kind, is_replaced, note) in [
        (403, "UnrecognizedClientException", true, "the credential is not known"),
        (
            403,
            "ExpiredTokenException:http://example/",
            true,
            "it has expired, with the address of a description",
        ),
        (403, "InvalidSignatureException", true, "its signature does not verify"),
        (403, "AccessDeniedException", false, "the account may not use the model"),
        (403, "unrecognizedclientexception", false, "no name of AWS's"),
        (400, "UnrecognizedClientException", false, "another status"),
    ] {
        let mut headers = no_headers();
        headers.push("x-amzn-errortype", kind.as_bytes());
        let (mut call, _) = scene.decide(&Request::chat());
        assert_eq!(call.answer_for_refused_credential(status, &headers).is_some(), is_replaced, "{note}");
    }
}

#[test]
fn it_does_not_matter_who_adds_the_credential() {
    let scene = Scene::new(json!({}));
    let (mut call, _) = scene.decide(&Request::chat().to(Some("envoy")));
    assert!(call.answer_for_refused_credential(401, &no_headers()).is_some());
}

#[test]
fn what_an_open_request_hears_is_about_nobodys_credential() {
    let scene = Scene::new(json!({ "open": [{ "method": "GET", "path": "/healthz" }] }));
    let (mut call, _) = scene.decide(&Request::new("GET", "/healthz").to(Some("shared")));
    assert!(call.is_open());
    assert_eq!(call.answer_for_refused_credential(401, &no_headers()), None);
}

#[test]
fn a_refusal_of_the_gateways_stays_what_it_is() {
    let scene = Scene::new(json!({}));
    let (mut call, _) = scene.decide(&Request::chat().keyed(9));
    assert_eq!(call.answer_for_refused_credential(401, &no_headers()), None);
    assert_eq!(call.refusal().unwrap().reason(), Reason::KeyUnknown);
}
