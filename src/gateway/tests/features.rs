//! Rules about what a request asks for, over whole calls.

use serde_json::{Value, json};

use super::{Request, Scene, rule};
use crate::denial::Reason;
use crate::gateway::{Body, Known, Need, Outcome};
use crate::policy::fixture::merged;

fn scene(expression: &str, change: Value) -> Scene {
    Scene::new(merged(json!({ "policies": [rule(expression, json!({}))], "quotas": [] }), change))
}

fn asking(body: Value) -> Request {
    Request::chat().body(&merged(json!({ "model": "gpt-4o" }), body).to_string())
}

fn images(count: usize) -> Value {
    let image = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==" } });
    json!({ "messages": [{ "role": "user", "content": vec![image; count] }] })
}

/// What the first walk waits for, which knows the headers alone.
fn waits_for(scene: &Scene, request: &Request) -> Option<Need> {
    let mut call = scene.open(request);
    match scene.gateway.decide(&mut call, &Known { body: Body::Coming, ..scene.known(request) }) {
        Outcome::Need(need) => Some(need),
        _ => None,
    }
}

#[test]
fn each_fact_decides() {
    let denied = Some(Reason::PolicyDenied);
    let tool = json!({ "tools": [{ "type": "function", "function": { "name": "sql" } }] });
    for (expression, body, want) in [
        ("llm.images <= 3", images(3), None),
        ("llm.images <= 3", images(4), denied),
        ("size(llm.tools) == 0", json!({}), None),
        ("size(llm.tools) == 0", tool.clone(), denied),
        ("llm.tools.all(tool, tool in ['sql'])", tool.clone(), None),
        ("llm.tools.all(tool, tool.startsWith('read_'))", tool, denied),
        ("!('image' in llm.modalities)", images(1), denied),
        ("llm.messages <= 2", json!({ "messages": [{}, {}, {}] }), denied),
        ("llm.input_bytes <= 9", json!({ "messages": [{ "content": "0123456789" }] }), denied),
        ("llm.input_bytes <= 10", json!({ "messages": [{ "content": "0123456789" }] }), None),
        ("has(llm.n) ? llm.n == 1 : true", json!({}), None),
        ("has(llm.n) ? llm.n == 1 : true", json!({ "n": 8 }), denied),
        ("llm.n == 1", json!({}), Some(Reason::PolicyError)),
        ("!has(llm.temperature) || llm.temperature <= 1.0", json!({ "temperature": 2 }), denied),
        ("!llm.web_search", json!({ "web_search_options": {} }), denied),
        ("llm.user == principal.subject", json!({ "user": "somebody else" }), denied),
        ("request.size < 100", json!({ "messages": "x".repeat(100) }), denied),
        ("request.body.metadata.case == 'c-1'", json!({ "metadata": { "case": "c-1" } }), None),
        ("request.body.metadata.case == 'c-1'", json!({ "metadata": { "case": "c-2" } }), denied),
        ("request.body.metadata.case == 'c-1'", json!({}), Some(Reason::PolicyError)),
        ("request.body.all(name, name in ['model', 'messages'])", json!({ "logprobs": true }), denied),
        ("llm.n == 1", json!({ "n": "many" }), Some(Reason::BodyMalformed)),
        ("llm.n == 1", json!({ "N": 1 }), Some(Reason::BodyAmbiguous)),
        ("has(request.body.n)", json!({ "N": 1 }), Some(Reason::BodyAmbiguous)),
        ("has(principal.subject)", json!({ "n": "many", "N": 1 }), None),
    ] {
        assert_eq!(scene(expression, json!({})).refusal(&asking(body.clone())), want, "{expression}: {body}");
    }
}

#[test]
fn what_a_body_asks_for_is_judged_anew_each_time() {
    let scene = scene("llm.images <= 3", json!({}));
    for (count, want) in
        [(1, None), (4, Some(Reason::PolicyDenied)), (2, None), (9, Some(Reason::PolicyDenied))]
    {
        assert_eq!(scene.refusal(&asking(images(count))), want, "{count} images");
    }
    let named = self::scene("variables.few", json!({ "variables": { "few": "size(llm.tools) < 2" } }));
    let tools = |count| json!({ "tools": vec![json!({ "type": "custom", "name": "t" }); count] });
    for (count, want) in [(1, None), (2, Some(Reason::PolicyDenied)), (0, None)] {
        assert_eq!(named.refusal(&asking(tools(count))), want, "{count} tools, by a variable");
    }
}

#[test]
fn a_body_is_read_for_what_a_rule_that_applies_names() {
    let twice = Request::chat().body(r#"{"model":"gpt-4o","n":1,"tools":[{"name":"a","name":"b"}]}"#);
    for (change, want) in [
        (json!({ "when": "llm.operation == 'chat'" }), Some(Reason::BodyAmbiguous)),
        (json!({ "when": "llm.operation == 'embeddings'" }), None),
    ] {
        let policies = [
            rule("size(llm.tools) == 1", change.clone()),
            merged(rule("has(llm.n)", json!({})), json!({ "file": "n.cel" })),
        ];
        let scene = Scene::new(json!({ "policies": policies, "quotas": [] }));
        assert_eq!(scene.refusal(&twice), want, "{change}");
    }
}

#[test]
fn a_size_is_counted_and_not_believed() {
    let scene = scene("request.size <= 64", json!({}));
    assert_eq!(scene.refusal(&Request::chat().at("GET", "/v1/models")), None, "no body has no bytes");
    let short = asking(json!({})).with("content-length", "4000000");
    assert_eq!(scene.refusal(&short), None);
    let long = asking(json!({ "messages": "x".repeat(100) })).with("content-length", "4");
    assert_eq!(scene.refusal(&long), Some(Reason::PolicyDenied));

    // What is passed on unread, and a form that is decided on by its beginning, are held for it.
    let opaque = Request::chat().at("POST", "/v1/files").with("content-type", "x/y");
    assert!(matches!(waits_for(&scene, &opaque), Some(Need::Body { look: None, .. })));
    let without = Request::chat().at("POST", "/v1/batches/b/cancel").body(&"x".repeat(100));
    assert_eq!(scene.refusal(&without), Some(Reason::PolicyDenied), "a body where none is expected");
    let form = Request::chat().at("POST", "/v1/audio/transcriptions");
    let form = form.with("content-type", "multipart/form-data; boundary=b");
    assert!(matches!(waits_for(&scene, &form), Some(Need::Body { look: None, .. })));
    let other = self::scene("has(llm.model)", json!({}));
    assert!(matches!(waits_for(&other, &form), Some(Need::Body { look: Some(_), .. })));
}

#[test]
fn what_a_form_may_say_is_not_taken_for_unsaid() {
    let form = Request::chat().at("POST", "/v1/images/edits");
    let form = form.with("content-type", "multipart/form-data; boundary=b");
    let form = form.body("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-4o\r\n--b--");
    for (expression, mode, want) in [
        ("!has(llm.n) || llm.n == 1", "enforce", Some(Reason::BodyUnsupported)),
        ("!has(llm.n) || llm.n == 1", "shadow", None),
        ("llm.model == 'gpt-4o'", "enforce", None),
    ] {
        let policies = [rule(expression, json!({ "mode": mode }))];
        let scene = Scene::new(json!({ "policies": policies, "quotas": [] }));
        assert_eq!(scene.refusal(&form), want, "{expression}: {mode}");
    }
}

#[test]
fn a_rule_in_shadow_mode_and_a_label_refuse_no_body() {
    let twice = Request::chat().body(r#"{"model":"gpt-4o","n":"many","tools":[{"name":"a","name":"b"}]}"#);
    let shadow = rule("size(llm.tools) == 1", json!({ "mode": "shadow" }));
    let label = json!({ "labels": { "n": "llm.n" } });
    let scene = Scene::new(json!({ "policies": [shadow], "record": label, "quotas": [] }));
    assert_eq!(scene.refusal(&twice), None);
    assert_eq!(scene.decide(&twice).0.shadow_denials(), ["tried"]);
}
