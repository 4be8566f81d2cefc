//! Requests that are decided by their headers, and those that wait for their body.

use serde_json::json;

use super::{BODY, BODY_LIMIT, HOLD_MS, KIB, MODELS, Scene, unread};
use crate::lifecycle::Part;
use crate::policy::fixture::key;

fn bearer() -> String {
    format!("Bearer {}", key(1))
}

#[test]
fn a_request_without_a_body_is_decided_by_its_headers() {
    let scene = Scene::new(json!({}));
    let credential = bearer();
    for (id, end_of_stream, note) in [(1, true, "ended"), (2, false, "a body may come")] {
        let mut playing = scene.request(id, "GET", MODELS, &[("authorization", &credential)]);
        playing = playing.begins(end_of_stream);
        if end_of_stream {
            playing.is_through(b"");
        } else {
            // Nobody reads it here, so it must turn out to be none.
            playing.waits();
            playing.chunk(b"", true);
            playing.is_through(b"");
        }
        assert_eq!(playing.ends()["claimgate.decision"], "allow", "{note}");
    }
    let refused = scene.request(3, "GET", MODELS, &[]).begins(true);
    refused.is_refused(401, "credential_missing");
    assert_eq!(refused.ends()["claimgate.decision"], "deny");
}

#[test]
fn an_upgrade_is_complete_at_its_headers() {
    let scene = Scene::new(json!({}));
    let headers = [
        ("authorization", &*bearer()),
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("content-type", ""),
    ];
    let mut playing = scene.request(1, "GET", "/v1/realtime?model=gpt-realtime", &headers).begins(false);
    playing.is_through(b"");
}

#[test]
fn a_body_is_held_until_its_end_and_goes_on_whole() {
    let scene = Scene::new(json!({}));
    for (id, cuts, has_trailers, note) in [
        (1, vec![BODY.len()], false, "in one piece"),
        (2, vec![5, 20, BODY.len()], false, "in pieces"),
        (3, vec![0, BODY.len(), BODY.len()], false, "with pieces of nothing"),
        (4, vec![7, BODY.len()], true, "ended by trailers"),
    ] {
        let mut playing = scene.chat(id).begins(false);
        playing.waits();
        let mut from = 0;
        for (place, cut) in cuts.iter().enumerate() {
            let is_last = !has_trailers && place + 1 == cuts.len();
            playing.chunk(&BODY.as_bytes()[from..*cut], is_last);
            from = *cut;
            if !is_last {
                playing.waits();
            }
        }
        if has_trailers {
            playing.trailers(&[("x-checksum", "1")]);
        }
        playing.is_through(BODY.as_bytes());
        assert_eq!(scene.held_bytes(), 0, "{note}");
        assert_eq!(playing.ends()["gen_ai.request.model"], "gpt-4o", "{note}");
    }
}

#[test]
fn a_body_that_a_rule_refuses_goes_nowhere() {
    let scene = Scene::new(json!({}));
    let playing = scene.chat(1).sends(r#"{"model":"forbidden","messages":[]}"#);
    playing.is_refused(403, "policy_denied");
    assert!(playing.passed.is_empty());
    let record = playing.ends();
    assert_eq!(record["claimgate.reason"], "policy_denied");
    assert_eq!(record["claimgate.principal.tenant"], "acme");
}

#[test]
fn a_body_beyond_the_limit_is_refused_at_the_first_sign() {
    let scene = Scene::new(json!({}));
    let length = (BODY_LIMIT + 1).to_string();
    let announced =
        scene.request(1, "POST", super::CHAT, &[("authorization", &bearer()), ("content-length", &length)]);
    announced.begins(false).is_refused(413, "body_too_large");
    let mut playing = scene.chat(2).begins(false);
    playing.chunk(&vec![b' '; BODY_LIMIT], false);
    playing.waits();
    playing.chunk(b" ", false);
    playing.is_refused(413, "body_too_large");
    playing.chunk(b" ", true);
    playing.is_refused(413, "body_too_large");
    assert_eq!(scene.held_bytes(), 0);
    let mut exact = scene.chat(3).begins(false);
    let whole = format!("{BODY}{}", " ".repeat(BODY_LIMIT - BODY.len()));
    exact.chunk(whole.as_bytes(), true);
    exact.is_through(whole.as_bytes());
}

#[test]
fn what_has_no_room_is_refused_and_what_was_held_comes_back() {
    let scene = Scene::new(json!({ "held_bytes": "512KiB", "held_bytes_per_caller": "160KiB" }));
    // Two of them wait with 60 KiB each; what the third has more than its headers finds no room.
    let mut waiting: Vec<_> = (1..=3).map(|id| scene.chat(id).begins(false)).collect();
    for playing in &mut waiting[..2] {
        playing.chunk(&vec![b' '; 40 * KIB], false);
        playing.waits();
    }
    waiting[2].chunk(&vec![b' '; 60 * KIB], false);
    waiting[2].is_refused(503, "overloaded");
    let before = scene.held_bytes();
    waiting[0].ends();
    assert!(scene.held_bytes() < before, "an abort gives its room back");
    waiting[1].chunk(BODY.as_bytes(), true);
    waiting[1].is_through(format!("{}{BODY}", " ".repeat(40 * KIB)).as_bytes());
    assert_eq!(scene.held_bytes(), 0);
}

#[test]
fn a_wait_ends_with_the_hold_timeout() {
    let scene = Scene::new(json!({}));
    let mut playing = scene.chat(1).begins(false);
    playing.chunk(b"{", false);
    scene.tick_after(HOLD_MS - 1);
    playing.waits();
    scene.tick_after(1);
    playing.is_refused(503, "hold_timeout");
    assert_eq!(scene.held_bytes(), 0);
    // What still comes of it is held for as long as the answer is on its way.
    playing.chunk(b"}", true);
    assert!(playing.is_held && playing.passed.is_empty());
    assert_eq!(playing.ends()["claimgate.reason"], "hold_timeout");
}

#[test]
fn a_long_body_has_longer() {
    let scene = Scene::new(json!({}));
    let mut playing = scene.chat(1).begins(false);
    // 60 KiB at the slowest pace of 256 bytes a millisecond.
    playing.chunk(&vec![b' '; 60 * KIB], false);
    scene.tick_after(HOLD_MS + 239);
    playing.waits();
    scene.tick_after(1);
    playing.is_refused(503, "hold_timeout");
}

#[test]
fn a_forwarded_body_passes_unseen() {
    let scene = Scene::new(unread());
    let mut playing = scene.chat(1).begins(false);
    playing.is_through(b"");
    for piece in [b"not".as_slice(), b" JSON"] {
        playing.chunk(piece, false);
    }
    playing.chunk(b"", true);
    playing.is_through(b"not JSON");
    assert_eq!(playing.ends()["claimgate.decision"], "allow");
}

#[test]
fn trailers_lose_what_headers_lose_in_every_phase() {
    let scene = Scene::new(json!({}));
    let claims = [("x-claimgate-tenant", "other"), ("authorization", "Bearer x"), ("x-checksum", "1")];
    let mut waiting = scene.chat(1).begins(false);
    waiting.chunk(BODY.as_bytes(), false);
    let mut forwarded = scene.chat(2).sends(BODY);
    let mut answered = scene.request(3, "POST", super::CHAT, &[]).begins(false);
    for playing in [&mut waiting, &mut forwarded, &mut answered] {
        playing.trailers(&claims);
        let left = |name| playing.exchange.header(Part::RequestTrailers, name);
        assert_eq!(left("x-claimgate-tenant"), None);
        assert_eq!(left("authorization"), None);
        assert_eq!(left("x-checksum").as_deref(), Some("1"));
    }
    waiting.is_through(BODY.as_bytes());
    answered.is_refused(401, "credential_missing");
    assert!(answered.is_held, "the local reply is on its way");
}

#[test]
fn of_many_whose_wait_is_over_each_event_lets_a_few_go() {
    let scene = Scene::new(json!({ "held_bytes": "8MiB", "held_bytes_per_caller": "4MiB" }));
    let waiting: Vec<_> = (0..80).map(|id| scene.chat(id).begins(false)).collect();
    let refused = || waiting.iter().filter(|playing| playing.exchange.refusal().is_some()).count();
    for (milliseconds, want) in [(HOLD_MS, 32), (1, 64), (1, 80), (1, 80)] {
        scene.tick_after(milliseconds);
        assert_eq!(refused(), want);
        let is_behind = scene.house.period() == Some(std::time::Duration::from_millis(1));
        assert_eq!(is_behind, want < 80, "the next tick comes at once while some are left");
    }
}
