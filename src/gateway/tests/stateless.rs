//! Responses that a provider must not keep under an account that several tenants share.

use serde_json::{Value, json};

use super::{Request, Scene, compile};
use crate::denial::Reason;
use crate::gateway::{Call, Outcome};
use crate::identity::signing::RawSigner;

const RESPONSES: &str = "/v1/responses";
const BOTH: &str = r#""store":false,"include":["reasoning.encrypted_content"],"#;

fn scene(stateless: Value) -> Scene {
    let shared = json!({ "cluster": "shared", "dialect": "openai", "credential": { "env": "KEY" }, "stateless_responses": stateless });
    let own = json!({ "cluster": "own", "dialect": "openai", "credential": { "env": "OWN" }, "tenant": "acme", "stateless_responses": stateless });
    Scene::new(json!({ "upstreams": [shared, own], "quotas": [] }))
}

fn respond(cluster: &str, body: &str) -> Request {
    let request = Request::chat().at("POST", RESPONSES).to(Some(cluster));
    request.with("content-type", "application/json").body(body)
}

fn decided(scene: &Scene, request: &Request) -> Call {
    let (call, outcome) = scene.decide(request);
    assert!(matches!(outcome, Outcome::Forward(_)), "{outcome:?}: {:?}", call.denial());
    call
}

fn rewritten(scene: &Scene, request: &Request) -> Option<String> {
    decided(scene, request).rewritten().map(|body| String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn requests_at_a_shared_account_are_told_to_keep_nothing() {
    let (plain, named) =
        (scene(json!({})), scene(json!({ "reasoning_models": ["prod-*"], "other_models": ["*-mini"] })));
    let store = r#""store":false,"#;
    for (note, scene, model, added) in [
        ("a model that reasons", &plain, "o4-mini", BOTH),
        ("another", &plain, "gpt-5.1-codex", BOTH),
        ("one that does not", &plain, "gpt-4o", store),
        ("one that is named as if it did", &plain, "gpt-5-chat-latest", store),
        ("a deployment that the operator lists", &named, "prod-eu", BOTH),
        ("one that the operator takes out", &named, "prod-mini", store),
        ("one that the operator does not list", &named, "o3", store),
    ] {
        let body = format!(r#""model":"{model}","input":"hi"}}"#);
        let want = format!("{{{added}{body}");
        assert_eq!(rewritten(scene, &respond("shared", &format!("{{{body}"))), Some(want), "{note}");
    }
}

#[test]
fn all_else_goes_on_as_it_came() {
    let (on, off) = (scene(json!({})), Scene::new(json!({ "quotas": [] })));
    let body = r#"{"model":"o3","input":"hi"}"#;
    let whole = format!("{{{BOTH}\"model\":\"o3\"}}");
    let chat = Request::chat().to(Some("shared")).with("content-type", "application/json");
    let compact = respond("shared", body).at("POST", "/v1/responses/compact");
    for (note, scene, request) in [
        ("an account of the tenant's own", &on, respond("own", body)),
        ("nothing is configured", &off, respond("shared", body)),
        ("a caller who says so", &on, respond("shared", &whole)),
        ("a chat", &on, chat),
        ("what keeps nothing", &on, compact),
    ] {
        assert_eq!(rewritten(scene, &request), None, "{note}");
    }
}

#[test]
fn whoever_asks_to_be_kept_is_refused() {
    let scene = scene(json!({}));
    for body in [
        r#"{"model":"o3","store":true}"#,
        r#"{"model":"o3","background":true}"#,
        r#"{"model":"o3","previous_response_id":"r"}"#,
        r#"{"model":"o3","input":[{"type":"reasoning","id":"rs","summary":[]}]}"#,
    ] {
        let refusal = scene.refusal(&respond("shared", body));
        assert_eq!(refusal, Some(Reason::StatefulOperationSharedCredential), "{body}");
        assert_eq!(rewritten(&scene, &respond("own", body)), None, "{body}");
    }
}

#[test]
fn what_cannot_be_put_in_place_does_not_go_on() {
    let scene = scene(json!({}));
    let mut call = decided(&scene, &respond("shared", r#"{"model":"o3"}"#));
    let refused = call.was_not_rewritten().map_err(|denial| denial.reason());
    assert_eq!(refused, Err(Reason::ProxyRefused));
}

#[test]
fn a_refusal_of_an_earlier_turn_tells_the_way_out() {
    let scene = Scene::new(json!({ "quotas": [] }));
    for (body, is_told) in [
        (r#"{"model":"o3","input":[{"type":"item_reference","id":"rs_1"}]}"#, true),
        (r#"{"model":"o3","input":[{"type":"reasoning","id":"rs_1","summary":[]}]}"#, true),
        (r#"{"model":"o3","previous_response_id":"resp_1"}"#, true),
        (r#"{"model":"o3","input":[{"role":"user","content":[{"file_id":"f"}]}]}"#, false),
        (r#"{"model":"o3","store":true}"#, false),
    ] {
        let (call, _) = scene.decide(&respond("shared", body));
        let message = call.denial().unwrap().message();
        let told = ["`store: false`", "`include: [\"reasoning.encrypted_content\"]`"];
        assert_eq!(told.iter().all(|word| message.contains(word)), is_told, "{message}");
    }
}

#[test]
fn it_is_refused_where_it_could_not_hold() {
    let signer = RawSigner::generate("k");
    let upstream = |dialect: &str| json!([{ "cluster": "c", "dialect": dialect, "credential": { "env": "KEY" }, "stateless_responses": {} }]);
    for (change, at, why) in [
        (
            json!({ "upstreams": upstream("anthropic") }),
            "upstreams[0].stateless_responses",
            "has no responses",
        ),
        (json!({ "upstreams": upstream("bedrock") }), "upstreams[0].stateless_responses", "has no responses"),
        (
            json!({ "upstreams": upstream("azure"), "hold": "headers" }),
            "upstreams.stateless_responses",
            "hold: headers",
        ),
    ] {
        let error = compile(&signer, change).unwrap_err();
        assert!(error.at == at && error.why.contains(why), "{error}");
    }
}
