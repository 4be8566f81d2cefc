//! What is metered, and what requests get for it.

use serde_json::{Value, json};

use super::{Body, Request, Scene, compile, setting};
use crate::gateway::{Need, Outcome};
use crate::identity::signing::RawSigner;
use crate::meter::{End, Unknown};
use crate::request::Headers;

const STREAM: &str = r#"{"model":"gpt-4o","stream":true,"messages":[]}"#;
const WISHED: &str =
    r#"{"stream_options":{"include_usage":true},"model":"gpt-4o","stream":true,"messages":[]}"#;
const EMBEDDINGS: &str = "/v1/embeddings";

fn metering(section: Value) -> Scene {
    Scene::new(json!({ "metering": section, "quotas": [] }))
}

fn answer_headers(content_type: &str) -> Headers {
    let mut headers = Headers::default();
    headers.push("content-type", content_type.as_bytes());
    headers
}

#[test]
fn an_answer_is_asked_for_plain_where_it_is_metered() {
    let (on, off) = (metering(json!({})), metering(json!({ "usage": "ignore" })));
    let compressed = Request::chat().with("accept-encoding", "gzip, br");
    for (scene, request, want, note) in [
        (&on, compressed.clone(), Some("identity"), "a caller who takes compressed answers"),
        (&on, Request::chat().with("accept-encoding", "identity"), None, "one who does not"),
        (&on, Request::chat(), None, "one who says nothing"),
        (&on, compressed.clone().at("GET", "/v1/models"), None, "what costs nothing"),
        (&off, compressed, None, "nothing is metered"),
    ] {
        assert_eq!(setting(&scene.patch(&request), "accept-encoding").as_deref(), want, "{note}");
        // What is remembered of the first says nothing of the header of the next.
        assert_eq!(setting(&scene.patch(&request), "accept-encoding").as_deref(), want, "{note}, again");
    }
}

#[test]
fn answers_are_metered_unless_that_is_left_off() {
    let headers = answer_headers("application/json");
    for (section, is_metered) in [(json!({}), true), (json!({ "usage": "ignore" }), false)] {
        let scene = metering(section);
        let (call, _) = scene.decide(&Request::chat());
        assert_eq!(scene.gateway.meter(&call, 200, &headers).is_some(), is_metered);
        let (refused, _) = scene.decide(&Request::new("POST", "/v1/chat/completions"));
        assert!(scene.gateway.meter(&refused, 200, &headers).is_none(), "what it asks was not read");
    }
}

#[test]
fn the_record_says_what_the_answer_cost() {
    let scene = metering(json!({}));
    let (call, _) = scene.decide(&Request::chat());
    for (body, end, want) in [
        (
            r#"{"model":"gpt-4o-2","usage":{"prompt_tokens":0,"completion_tokens":2}}"#,
            End::Whole,
            json!({
                "gen_ai.response.model": "gpt-4o-2", "gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 2,
                "claimgate.usage.total_tokens": 2, "claimgate.usage.complete": true,
            }),
        ),
        (
            "{",
            End::CutOff,
            json!({ "claimgate.usage.complete": false, "claimgate.usage.unknown": "cut_off" }),
        ),
    ] {
        let mut meter = scene.gateway.meter(&call, 200, &answer_headers("application/json")).unwrap();
        meter.take(body.as_bytes());
        let ending = super::reports::ending();
        let usage = Some(meter.settle(end));
        let line: Value =
            serde_json::from_str(&call.record(&crate::gateway::Ending { usage, ..ending })).unwrap();
        let told = line.as_object().unwrap().iter();
        let told = told.filter(|(name, _)| name.contains("usage") || name.contains("response.model"));
        assert_eq!(told.map(|(name, value)| (name.clone(), value.clone())).collect::<Value>(), want);
        assert_eq!(line["claimgate.decision"], "allow");
        assert_eq!(line["claimgate.principal.tenant"], "acme");
    }
}

#[test]
fn a_stream_is_asked_for_its_usage_where_that_is_wanted() {
    let (add, plain) = (metering(json!({ "stream_usage": "always" })), metering(json!({})));
    let counting = |section: Value| {
        Scene::new(json!({
            "metering": section,
            "quotas": [{ "id": "tokens", "unit": "tokens", "limit": 100_000, "window": "60s", "per": ["'a'"] }],
        }))
    };
    let (needed, unwanted) = (counting(json!({})), counting(json!({ "stream_usage": "as_asked" })));
    let stream = Request::chat().body(STREAM);
    for (scene, request, want, note) in [
        (&add, stream.clone(), Some(WISHED), "a stream"),
        (&add, stream.clone(), Some(WISHED), "the same caller again"),
        (&add, Request::chat().body(WISHED), None, "one that asks itself"),
        (&add, Request::chat(), None, "no stream"),
        (&add, stream.clone().at("POST", EMBEDDINGS), None, "another operation"),
        (&plain, stream.clone(), None, "no quota needs it"),
        (&needed, stream.clone(), Some(WISHED), "a quota counts model tokens"),
        (&unwanted, stream, None, "though one does, nobody wants it added"),
    ] {
        let (mut call, outcome) = scene.decide(&request);
        assert!(matches!(outcome, Outcome::Forward(_)), "{note}: {outcome:?}");
        assert_eq!(call.rewritten(), want.map(str::as_bytes), "{note}");
        call.was_rewritten();
        assert_eq!(call.rewritten(), None, "it is put in place once");
    }
}

#[test]
fn an_upstream_says_for_itself_whether_its_streams_are_asked() {
    let upstream = |cluster: &str, stream_usage: Option<&str>| {
        json!({
            "cluster": cluster, "dialect": "openai", "tenant": "acme", "credential": { "env": "ACME" },
            "stream_usage": stream_usage,
        })
    };
    let upstreams = json!([
        upstream("openai", None),
        upstream("old", Some("as_asked")),
        upstream("new", Some("always")),
        upstream("other", Some("when_needed")),
    ]);
    let wanted = |stream_usage: &str| {
        Scene::new(json!({ "upstreams": upstreams, "metering": { "stream_usage": stream_usage } }))
    };
    let (always, never) = (wanted("always"), wanted("as_asked"));
    for (scene, cluster, is_asked, note) in [
        (&always, "openai", true, "as elsewhere"),
        (&always, "old", false, "an older server"),
        (&always, "other", false, "no quota needs it there"),
        (&never, "openai", false, "as elsewhere"),
        (&never, "new", true, "this one is asked"),
    ] {
        let (call, _) = scene.decide(&Request::chat().body(STREAM).to(Some(cluster)));
        assert_eq!(call.rewritten().is_some(), is_asked, "{cluster}: {note}");
    }
    let held = json!({ "hold": "headers", "upstreams": [{
        "cluster": "gemini", "dialect": "gemini", "tenant": "acme", "credential": { "env": "KEY" }, "stream_usage": "always",
    }] });
    assert_eq!(compile(&RawSigner::generate("k"), held).unwrap_err().at, "hold");
}

#[test]
fn the_extra_event_is_taken_out_only_where_it_was_asked_for() {
    let scene = metering(json!({ "stream_usage": "always" }));
    let decided = |body: &str| scene.decide(&Request::chat().body(body)).0;
    let (events, document) = (answer_headers("text/event-stream"), answer_headers("application/json"));
    let takes_out = |call: &crate::gateway::Call, headers: &Headers| {
        scene.gateway.extra_event(call, scene.gateway.meter(call, 200, headers).as_ref()).is_some()
    };
    let mut call = decided(STREAM);
    assert!(!takes_out(&call, &events), "the body has not been put in place");
    call.was_rewritten();
    assert!(takes_out(&call, &events));
    assert!(!takes_out(&call, &document), "a refusal in place of a stream");
    let mut failed = decided(STREAM);
    assert_eq!(failed.was_not_rewritten(), Ok(()));
    assert!(!takes_out(&failed, &events), "the body went on as it came");
    assert!(!takes_out(&decided(WISHED), &events), "the caller has asked for it");
}

#[test]
fn the_body_is_held_where_something_may_have_to_be_added() {
    let scene = metering(json!({ "stream_usage": "always" }));
    for (path, is_held) in [("/v1/chat/completions", true), (EMBEDDINGS, false)] {
        let request = Request::chat().at("POST", path);
        let mut call = scene.open(&request);
        let known = crate::gateway::Known { body: Body::Coming, ..scene.known(&request) };
        let outcome = scene.gateway.decide(&mut call, &known);
        assert_eq!(matches!(outcome, Outcome::Need(Need::Body { .. })), is_held, "{path}: {outcome:?}");
    }
}

#[test]
fn nothing_can_be_added_to_a_body_that_is_not_held() {
    let own = json!([{
        "cluster": "gemini", "dialect": "gemini", "tenant": "acme", "credential": { "env": "KEY" },
    }]);
    for (stream_usage, is_accepted) in [("as_asked", true), ("when_needed", true), ("always", false)] {
        let change =
            json!({ "hold": "headers", "upstreams": own, "metering": { "stream_usage": stream_usage } });
        let compiled = compile(&RawSigner::generate("k"), change);
        assert_eq!(compiled.is_ok(), is_accepted, "{stream_usage}");
        if let Err(error) = compiled {
            assert_eq!(error.at, "metering.stream_usage");
        }
    }
}

#[test]
fn a_websocket_is_told_to_be_unknown() {
    let scene = metering(json!({}));
    let upgrade = Request::chat()
        .at("GET", "/v1/realtime?model=gpt-realtime")
        .with("connection", "upgrade")
        .with("upgrade", "websocket");
    let (call, outcome) = scene.decide(&upgrade);
    assert!(matches!(outcome, Outcome::Forward(_)), "{outcome:?}: {:?}", call.denial());
    let meter = scene.gateway.meter(&call, 101, &Headers::default()).unwrap();
    assert_eq!(meter.settle(End::Whole).unknown, Some(Unknown::Upgrade));
}
