//! What is held of calls that wait: within bounds, and given back however the wait ends.

use serde_json::json;

use super::{Request, Scene, compiled, rule};
use crate::denial::Reason;
use crate::gateway::{Body, Call, Known, Need, Outcome, Pending};

const KIB: u64 = 1024;
const BODY: u64 = 64 * KIB;

fn scene() -> Scene {
    Scene::new(json!({
        "policies": [rule("llm.model == 'gpt-4o'", json!({}))],
        "quotas": [],
        "body_limit": "64KiB",
        "form_limit": "64KiB",
        "held_bytes_per_caller": "256KiB",
        "held_bytes": "512KiB",
    }))
}

fn come(bytes: u64) -> Pending {
    Pending { come: bytes, most: Some(BODY) }
}

/// Opens a call that has been walked as far as its body.
fn waiting(scene: &Scene, request: &Request) -> Call {
    let mut call = scene.open(request);
    let known = Known { body: Body::Coming, ..scene.known(request) };
    let outcome = scene.gateway.decide(&mut call, &known);
    assert!(matches!(outcome, Outcome::Need(Need::Body { .. })), "{outcome:?}");
    call
}

fn hold(scene: &Scene, call: &mut Call, bytes: u64, source: &str) -> Option<Reason> {
    let held = scene.gateway.hold(call, &scene.memory, come(bytes), &|| Some(source.to_owned()));
    held.err().map(|denial| denial.reason())
}

#[test]
fn a_known_caller_takes_what_it_announces_at_its_headers() {
    let scene = scene();
    let announcing = Request::chat().with("content-length", "60000");
    let mut calls = Vec::new();
    for place in 0..6 {
        let mut call = waiting(&scene, &announcing);
        let refused = hold(&scene, &mut call, 0, "");
        assert_eq!(refused, (place >= 3).then_some(Reason::Overloaded), "call {place}");
        calls.push(call);
    }
    // What is small still fits, and so does another caller.
    for request in [Request::chat().with("content-length", "100"), announcing.keyed(7)] {
        let mut call = waiting(&scene, &request);
        assert_eq!(hold(&scene, &mut call, 0, ""), None);
        calls.push(call);
    }
    drop(calls);
    assert_eq!(scene.memory.held_bytes(), 0, "all of it comes back with the calls");
}

#[test]
fn what_comes_without_being_announced_counts_as_it_comes() {
    let scene = scene();
    let mut calls: Vec<_> = (0..4).map(|_| waiting(&scene, &Request::chat())).collect();
    for call in &mut calls {
        assert_eq!(hold(&scene, call, 0, ""), None);
    }
    let refused: Vec<_> = calls.iter_mut().map(|call| hold(&scene, call, 60_000, "")).collect();
    assert_eq!(refused, [None, None, None, Some(Reason::Overloaded)]);
}

#[test]
fn a_share_ends_with_the_wait() {
    type End = fn(&Scene, &mut Call, &Request);
    let ends: [(&str, End); 3] = [
        ("refused by the host", |scene, call, _| scene.gateway.refuse(call, Reason::HoldTimeout)),
        ("let through", |scene, call, request| {
            assert!(matches!(scene.gateway.decide(call, &scene.known(request)), Outcome::Forward(_)));
        }),
        ("refused by a rule", |scene, call, _| {
            let request = Request::chat().body(r#"{"model":"other"}"#);
            assert!(matches!(scene.gateway.decide(call, &scene.known(&request)), Outcome::Refuse));
        }),
    ];
    for (what, end) in ends {
        let scene = scene();
        let request = Request::chat();
        let mut call = waiting(&scene, &request);
        assert_eq!(hold(&scene, &mut call, 1000, ""), None);
        assert!(scene.memory.held_bytes() > 1000, "{what}");
        end(&scene, &mut call, &request);
        assert_eq!(scene.memory.held_bytes(), 0, "{what}");
        // A decided call waits for nothing.
        assert_eq!(hold(&scene, &mut call, 1000, ""), None, "{what}");
        assert_eq!(scene.memory.held_bytes(), 0, "{what}");
    }
}

#[test]
fn strangers_are_bound_by_where_they_come_from_and_all_together() {
    let scene = scene();
    let stranger = Request::bearing("nobody").with("content-length", "60000");
    let mut calls = Vec::new();
    let mut open = |source: &str, bytes: u64| {
        let mut call = scene.open(&stranger);
        let refused = hold(&scene, &mut call, bytes, source);
        calls.push(call);
        refused
    };
    for _ in 0..3 {
        assert_eq!(open("192.0.2.1", 60_000), None);
    }
    assert_eq!(open("192.0.2.1", 60_000), Some(Reason::Overloaded), "one source, or all of them");
    assert_eq!(open("192.0.2.2", 60_000), Some(Reason::Overloaded), "half of the whole is taken");
    // Those who are known have the other half.
    let mut call = waiting(&scene, &Request::chat().with("content-length", "60000"));
    assert_eq!(hold(&scene, &mut call, 0, ""), None);
}

#[test]
fn bounds_that_could_not_hold_one_body_are_refused() {
    let refused = |change: serde_json::Value| compiled(change).err().map(|error| error.to_string());
    for (change, at) in [
        (json!({ "held_bytes_per_caller": "16MiB" }), "held_bytes_per_caller: "),
        (json!({ "body_limit": "8MiB", "held_bytes_per_caller": "4MiB" }), "held_bytes_per_caller: "),
        (json!({ "held_bytes": "64MiB" }), "held_bytes: "),
        (
            json!({ "body_limit": "1MiB", "form_limit": "1MiB", "held_bytes_per_caller": "4MiB", "held_bytes": "3MiB" }),
            "held_bytes: ",
        ),
        (json!({ "body_limit": "500MiB" }), "body_limit: "),
        (json!({ "form_limit": "500MiB" }), "form_limit: "),
    ] {
        let why = refused(change.clone()).unwrap_or_else(|| panic!("{change}"));
        assert!(why.starts_with(at), "{change}: {why}");
    }
    for change in [
        json!({ "body_limit": "100MiB" }),
        json!({ "form_limit": "120MiB" }),
        json!({ "body_limit": "1MiB", "form_limit": "1MiB", "held_bytes_per_caller": "1MiB", "held_bytes": "2MiB" }),
    ] {
        assert_eq!(refused(change.clone()), None, "{change}");
    }
}

#[test]
fn a_form_that_waits_behind_its_decision_is_watched_over_what_came_meanwhile() {
    let scene =
        Scene::new(json!({ "policies": [rule("llm.model == 'whisper-1'", json!({}))], "quotas": [] }));
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let upload = Request::chat()
        .at("POST", "/v1/audio/transcriptions")
        .with("content-type", "multipart/form-data; boundary=b");
    let beginning = part("model", "whisper-1") + &part("file", &"s".repeat(100_000));
    let end = "--b--\r\n";
    for (meanwhile, refused) in [
        (part("language", "en"), None),
        (part("model", "other"), Some(Reason::BodyAmbiguous)),
        (String::new(), None),
    ] {
        let mut call = scene.open(&upload);
        let began = beginning.clone().into_bytes();
        let known = Known { body: Body::Beginning(&began), ..scene.known(&upload) };
        assert!(matches!(scene.gateway.decide(&mut call, &known), Outcome::Forward(_)));
        let all = format!("{beginning}{meanwhile}{end}").into_bytes();
        let caught_up = call.read_body_mut().unwrap().catch_up(Body::Complete(&all));
        assert_eq!(caught_up.err().map(|denial| denial.reason()), refused, "{meanwhile}");
    }
}
