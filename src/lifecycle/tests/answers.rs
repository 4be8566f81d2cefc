//! The way back.

use serde_json::{Value, json};

use super::{BODY, Playing, Scene, remote_issuer, token};
use crate::identity::signing::RawSigner;
use crate::lifecycle::{Attribute, Event, Part};

const USAGE: &str =
    r#"{"model":"gpt-4o-2","usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#;

fn through<'a>(scene: &'a Scene) -> Playing<'a> {
    let mut playing = scene.chat(1).sends(BODY);
    playing.is_through(BODY.as_bytes());
    playing
}

fn body_of(chunk: &str) -> Value {
    serde_json::from_str(chunk).unwrap()
}

#[test]
fn an_answer_loses_what_names_the_account_and_tells_what_it_cost() {
    let scene = Scene::new(json!({}));
    let playing = through(&scene);
    let headers = [
        ("content-type", "application/json"),
        ("openai-organization", "the-account"),
        ("x-request-id", "req_provider"),
    ];
    assert!(playing.answered("200", &headers, false));
    let left = |name| playing.exchange.header(Part::ResponseHeaders, name);
    assert_eq!(left("openai-organization"), None);
    assert_ne!(left("x-request-id").as_deref(), Some("req_provider"));
    let (begin, rest) = USAGE.split_at(20);
    assert_eq!(playing.answer_chunk(begin, false), begin);
    assert_eq!(playing.answer_chunk(rest, true), rest);
    let record = playing.ends();
    assert_eq!(record["claimgate.answered_by"], "provider");
    assert_eq!(record["claimgate.usage.total_tokens"], 12);
    assert_eq!(record["claimgate.usage.complete"], true);
    assert_eq!(record["gen_ai.response.model"], "gpt-4o-2");
    assert_eq!(record["claimgate.upstream.request_id"], "req_provider");
    assert_eq!(record["claimgate.aborted"], false);
}

#[test]
fn an_answers_trailers_lose_it_too_and_end_it() {
    let scene = Scene::new(json!({}));
    let playing = through(&scene);
    playing.answered("200", &[("content-type", "application/json")], false);
    playing.answer_chunk(USAGE, false);
    playing.exchange.put(Part::ResponseTrailers, &[("openai-organization", "the-account"), ("x-sum", "1")]);
    playing.stream.on(&*playing.exchange, Event::ResponseTrailers);
    assert_eq!(playing.exchange.header(Part::ResponseTrailers, "openai-organization"), None);
    assert_eq!(playing.exchange.header(Part::ResponseTrailers, "x-sum").as_deref(), Some("1"));
    assert_eq!(playing.ends()["claimgate.usage.complete"], true);
}

#[test]
fn an_answer_from_another_cluster_does_not_reach_the_caller() {
    let scene = Scene::new(json!({}));
    let playing = through(&scene);
    playing.exchange.texts.borrow_mut().push((Attribute::Cluster, "elsewhere".to_owned()));
    assert!(!playing.answered("200", &[("content-type", "application/json")], false));
    assert_eq!(playing.exchange.refusal(), Some((502, "route_changed".to_owned())));
    assert_eq!(playing.ends()["claimgate.reason"], "route_changed");
}

#[test]
fn the_usage_that_only_the_gateway_asked_for_is_taken_out() {
    let scene = Scene::new(json!({ "metering": { "stream_usage": "always" } }));
    let mut playing = scene.chat(1).sends(r#"{"model":"gpt-4o","messages":[],"stream":true}"#);
    playing.settle();
    assert!(String::from_utf8(playing.passed.clone()).unwrap().contains("include_usage"));
    playing.answered("200", &[("content-type", "text/event-stream")], false);
    let first = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n";
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}}\n\n";
    let mut told = playing.answer_chunk(first, false);
    told += &playing.answer_chunk(usage, false);
    told += &playing.answer_chunk("data: [DONE]\n\n", true);
    assert_eq!(told, format!("{first}data: [DONE]\n\n"));
    assert_eq!(playing.ends()["claimgate.usage.total_tokens"], 12);
}

#[test]
fn an_error_of_the_hosts_own_comes_in_the_callers_dialect() {
    let scene = Scene::new(json!({}));
    for (status, details, code) in [
        ("503", "no_healthy_upstream", "upstream_unreachable"),
        ("504", "response_timeout", "upstream_timeout"),
    ] {
        let playing = through(&scene);
        assert!(playing.replied(status, details));
        let body = playing.answer_chunk("no healthy upstream", false) + &playing.answer_chunk("", true);
        assert_eq!(body_of(&body)["error"]["code"], code);
        let length = playing.exchange.header(Part::ResponseHeaders, "content-length");
        assert_eq!(length, Some(body.len().to_string()));
        let record = playing.ends();
        assert_eq!(record["claimgate.answered_by"], "envoy");
        assert_eq!(record["claimgate.decision"], "allow");
        assert_eq!(record["error.type"], code);
    }
}

#[test]
fn an_error_of_the_hosts_own_ends_every_wait() {
    let scene = Scene::new(remote_issuer());
    let (awaits_body, awaits_keys) =
        (scene.chat(1).begins(false), scene.bearing(2, &token(&RawSigner::generate("k"))).begins(false));
    for playing in [awaits_body, awaits_keys] {
        assert!(playing.replied("408", "request_overall_timeout"));
        let body = playing.answer_chunk("stream timeout", true);
        assert!(body_of(&body)["error"]["code"].is_string(), "{body}");
        let record = playing.ends();
        assert_eq!(record["claimgate.answered_by"], "envoy");
        assert_eq!(record["claimgate.decision"], "undecided");
        assert_eq!(playing.exchange.refusal(), None);
    }
    assert_eq!(scene.held_bytes(), 0);
    // What they waited for comes to nobody.
    scene.tick_after(1);
    scene.answer_keys(&RawSigner::generate("k"));
}

#[test]
fn our_answer_takes_the_place_of_one_of_the_hosts_own() {
    let scene = Scene::new(json!({}));
    let playing = scene.request(1, "POST", super::CHAT, &[]).begins(false);
    playing.is_refused(401, "credential_missing");
    // Where a piece of the body is also more than the host holds, its 413 comes instead.
    assert!(playing.replied("413", "request_payload_too_large"));
    assert_eq!(playing.exchange.header(Part::ResponseHeaders, ":status").as_deref(), Some("401"));
    let body = playing.answer_chunk("Payload Too Large", true);
    assert_eq!(body_of(&body)["error"]["code"], "credential_missing");
    let record = playing.ends();
    assert_eq!(record["http.response.status_code"], 401);
    assert_eq!(record["claimgate.reason"], "credential_missing");
}

#[test]
fn our_own_answer_is_left_alone() {
    let scene = Scene::new(json!({}));
    let playing = scene.request(1, "POST", super::CHAT, &[]).begins(false);
    assert!(playing.responds("401", &[("x-claimgate-decision-id", "d"), ("x-request-id", "r")], false));
    assert_eq!(playing.answer_chunk("{}", true), "{}");
    assert_eq!(playing.exchange.header(Part::ResponseHeaders, "x-request-id").as_deref(), Some("r"));
}

#[test]
fn a_provider_that_refuses_the_gateways_credential_is_not_told_to_the_caller() {
    let scene = Scene::new(json!({}));
    let playing = through(&scene);
    assert!(playing.answered("401", &[("www-authenticate", "Bearer"), ("content-encoding", "gzip")], false));
    let left = |name| playing.exchange.header(Part::ResponseHeaders, name);
    assert_ne!(left(":status").as_deref(), Some("401"));
    assert_eq!((left("www-authenticate"), left("content-encoding")), (None, None));
    let body = playing.answer_chunk("you are not who you say", true);
    assert_eq!(body_of(&body)["error"]["code"], "upstream_credential_refused");
}
