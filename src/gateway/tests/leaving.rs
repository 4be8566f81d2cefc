//! What a call is charged that nobody was told the cost of.

use serde_json::{Value, json};

use super::reports::ending;
use super::spending::{costing, money, tokens};
use super::{Body, NOW_MS, Request, Scene, rule};
use crate::audit::AnsweredBy;
use crate::denial::Reason;
use crate::dialect::recognise;
use crate::gateway::{Ending, Known, Outcome};
use crate::meter::{End, Meter, Unknown, Usage};
use crate::policy::fixture::{head, merged};
use crate::request::{Dialect, Headers};

const CUT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"0123456789abcdef\"}}]}\n\n";

/// Rules that read the body of each request.
fn reading() -> Value {
    json!({ "policies": [rule("llm.model == 'gpt-4o'", json!({}))] })
}

fn chat(content: &Value) -> Request {
    let body = json!({ "model": "gpt-4o", "messages": [{ "content": content }] });
    Request::chat().body(&body.to_string()).with("content-type", "application/json")
}

/// The record of a call that is let through and ends so.
fn settled(scene: &Scene, request: &Request, body_bytes: u64, mut ended: Ending) -> Value {
    let (mut call, _) = scene.decide(request);
    assert_eq!(call.denial().map(|denial| denial.reason()), None);
    call.body_came(body_bytes);
    scene.gateway.settle_call(&mut call, &mut ended, &scene.store, &scene.memory);
    serde_json::from_str(&call.record(&ended)).unwrap()
}

fn charged(record: &Value) -> u64 {
    record["claimgate.charged"][0]["amount"].as_u64().unwrap()
}

/// The end of a call whose stream was broken off behind so many events.
fn broken_off(events: usize) -> Ending {
    let operation = recognise(Dialect::Openai, &head("POST", "/v1/chat/completions", &[]), None, &[]);
    let headers: Headers = [("content-type", "text/event-stream")].into_iter().collect();
    let mut meter = Meter::open(&operation.unwrap(), 200, &headers).unwrap();
    meter.take(CUT.repeat(events).as_bytes());
    Ending { usage: Some(meter.settle(End::CutOff)), now_ms: NOW_MS, ..ending() }
}

#[test]
fn who_leaves_before_the_usage_pays_by_the_text() {
    let long = "x".repeat(40_000);
    let picture =
        json!([{ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{long}") } }]);
    let nobody = Ending { usage: None, answered_by: AnsweredBy::Nobody, ..ending() };
    for (content, ended, least, most, note) in [
        (json!(long), broken_off(10), 10_040, 10_050, "a long prompt, and some text"),
        (json!(long), broken_off(0), 10_000, 10_010, "before anything came"),
        (json!(long), nobody.clone(), 10_000, 10_010, "before the answer"),
        (json!(long), costing(150, true), 150, 150, "a whole answer tells it"),
        (json!(long), costing(150, false), 400, 400, "the answer has told its input"),
        (picture, broken_off(10), 400, 400, "a picture is no text, and less than it held"),
        (json!("a"), broken_off(1000), 4000, 4010, "a long answer"),
        (json!("a"), nobody, 400, 400, "what it held"),
    ] {
        let scene = Scene::new(merged(tokens(json!({ "limit": 100_000 })), reading()));
        let charged = charged(&settled(&scene, &chat(&content), 0, ended));
        assert!((least..=most).contains(&charged), "{note}: {charged}");
    }
}

#[test]
fn a_body_that_nobody_reads_counts_as_it_came() {
    let scene = || Scene::new(tokens(json!({ "limit": 100_000 })));
    let form = Request::chat().at("POST", "/v1/audio/transcriptions").body("x");
    let own = json!({ "upstreams": [{ "cluster": "openai", "dialect": "openai", "credential": { "env": "KEY" },
        "operations": [{ "method": "POST", "path": "/api/chat", "operation": "own" }], "tenant": "acme" }] });
    for (scene, request, charged_for, note) in [
        (scene(), chat(&json!("a")), 10_000, "JSON"),
        (
            scene(),
            form.with("content-type", "multipart/form-data; boundary=b"),
            400,
            "a form is mostly a file",
        ),
        (
            Scene::new(merged(tokens(json!({ "limit": 100_000 })), own)),
            Request::chat().at("POST", "/api/chat").with("content-type", "application/json"),
            10_000,
            "an operation of the operator's",
        ),
    ] {
        assert_eq!(charged(&settled(&scene, &request, 40_000, broken_off(0))), charged_for, "{note}");
    }
}

#[test]
fn money_is_charged_likewise_and_the_record_says_what_is_estimated() {
    let mut configuration = money();
    configuration["quotas"][0]["limit"] = json!(1_000_000);
    let scene = Scene::new(configuration);
    let record = settled(&scene, &chat(&json!("x".repeat(40_000))), 0, broken_off(10));
    let (input, output) = (
        &record["claimgate.usage.estimated_input_tokens"],
        &record["claimgate.usage.estimated_output_tokens"],
    );
    assert_eq!((input.as_u64().unwrap() / 10, output), (1000, &json!(40)));
    let cost = input.as_u64().unwrap() + 2 * 40;
    assert_eq!((charged(&record), &record["claimgate.cost.microdollars"]), (cost, &json!(cost)));
    assert_eq!(record["claimgate.usage.complete"], false);
    assert_eq!(record.get("gen_ai.usage.input_tokens"), None, "what was not told is not there");
    let told = settled(&scene, &chat(&json!("a")), 0, costing(150, true));
    assert!(!told.to_string().contains("estimated"), "{told}");
    let nobody = Ending { usage: None, answered_by: AnsweredBy::Nobody, ..ending() };
    let left = settled(&scene, &chat(&json!("x".repeat(40_000))), 0, nobody);
    assert_eq!(charged(&left) / 10, 1000, "who left before the answer");
}

#[test]
fn speech_is_charged_by_the_text_that_is_to_be_spoken() {
    let speech = |model: &str| {
        let body =
            json!({ "model": model, "input": "Grüße, \n中😀", "voice": "alloy", "instructions": "Slowly." });
        Request::chat().at("POST", "/v1/audio/speech").body(&body.to_string())
    };
    let mut configuration = money();
    configuration["prices"]["models"] = json!([
        { "model": "tts-1", "input": 0, "output": 0, "per_million_characters": 15 },
        { "model": "gpt-4o-mini-tts", "input": 1, "output": 2 },
    ]);
    let scene = Scene::new(configuration);
    let sound = Usage { unknown: Some(Unknown::ContentType), ..Usage::default() };
    let spoken = Ending { usage: Some(sound), now_ms: NOW_MS, ..ending() };
    let nobody = Ending { usage: None, answered_by: AnsweredBy::Nobody, ..ending() };
    for (model, ended, want, told, note) in [
        ("tts-1", spoken.clone(), 150, json!(10), "ten characters"),
        ("tts-1", nobody, 150, Value::Null, "who leaves pays the same"),
        ("gpt-4o-mini-tts", spoken, 400, json!(10), "what is charged by model tokens costs what it held"),
    ] {
        let record = settled(&scene, &speech(model), 0, ended);
        assert_eq!(charged(&record), want, "{note}");
        assert_eq!(record["claimgate.usage.input_characters"], told, "{note}");
    }
}

#[test]
fn what_costs_nothing_is_not_estimated() {
    let scene = Scene::new(tokens(json!({ "limit": 100_000 })));
    let models = Request::chat().at("GET", "/v1/models").body("");
    let record = settled(&scene, &models, 40_000, Ending { usage: None::<Usage>, ..ending() });
    assert_eq!(record.get("claimgate.charged"), None);
}

#[test]
fn work_that_is_done_later_is_refused_where_a_quota_counts_it() {
    let responses = |body: &str| Request::chat().at("POST", "/v1/responses").body(body);
    let later = |path: &'static str| Request::chat().at("POST", path).body(r#"{"model":"gpt-4o"}"#);
    let json = |request: Request| request.with("content-type", "application/json");
    for (request, is_refused, note) in [
        (responses(r#"{"model":"gpt-4o","background":true}"#), true, "a background response"),
        (
            responses(r#"{"model":"gpt-4o","background":true,"stream":true}"#),
            true,
            "one that is streamed too",
        ),
        (responses(r#"{"model":"gpt-4o","background":1}"#), true, "what some reader takes for true"),
        (responses(r#"{"model":"gpt-4o","background":false}"#), false, "one in the foreground"),
        (responses(r#"{"model":"gpt-4o","background":null}"#), false, "nothing"),
        (responses(r#"{"model":"gpt-4o"}"#), false, "nothing at all"),
        (later("/v1/batches"), true, "a batch"),
        (later("/v1/fine_tuning/jobs"), true, "a fine-tuning"),
        (later("/v1/fine_tuning/jobs/ftjob-1/resume"), true, "one that goes on"),
        (later("/v1/embeddings"), false, "what is done at once"),
    ] {
        let scene = Scene::new(tokens(json!({})));
        let (call, outcome) = scene.decide(&json(request.clone()));
        let reason = call.denial().map(|denial| denial.reason());
        assert_eq!(reason, is_refused.then_some(Reason::UsageUnknowable), "{note}: {outcome:?}");
        let free = Scene::new(json!({}));
        let (call, _) = free.decide(&json(request));
        assert_eq!(call.denial().map(|denial| denial.reason()), None, "{note}, where no quota counts it");
    }
}

#[test]
fn a_body_is_read_for_work_in_the_background_where_a_quota_counts_it() {
    let request = Request::chat().at("POST", "/v1/responses").body("");
    let held = |scene: &Scene| {
        let known = Known { body: Body::Coming, ..scene.known(&request) };
        matches!(scene.gateway.decide(&mut scene.open(&request), &known), Outcome::Need(_))
    };
    assert!(held(&Scene::new(tokens(json!({})))), "a quota that could refuse");
    assert!(!held(&Scene::new(tokens(json!({ "mode": "shadow" })))), "one that could not");
    assert!(!held(&Scene::new(json!({}))), "none");
    // Azure has a path for each deployment, so that its headers may leave first; a response is not in one.
    let azure =
        json!({ "cluster": "openai", "dialect": "azure", "credential": { "env": "KEY" }, "tenant": "acme" });
    let scene = Scene::new(merged(tokens(json!({})), json!({ "hold": "headers", "upstreams": [azure] })));
    let mut call = scene.open(&request.clone().at("POST", "/openai/responses?api-version=1"));
    scene.gateway.decide(&mut call, &Known { body: Body::Coming, ..scene.known(&request) });
    assert_eq!(
        call.denial().map(|denial| denial.reason()),
        Some(Reason::UsageUnknowable),
        "nobody could see it"
    );
}
