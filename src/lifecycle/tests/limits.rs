//! Requests that wait for the rate limit service, and what it is told.

use serde_json::{Value, json};

use super::{BODY, HOLD_MS, KIB, Scene, unread};
use crate::lifecycle::HouseEvent;
use crate::policy::fixture::{NOW_MS, merged};
use crate::quota::scripted::Scripted;

const MINUTE: i32 = 2;

fn scene(change: Value) -> Scene {
    let quota = json!({
        "id": "r", "engine": "global", "limit": 2, "window": "60s", "window_kind": "fixed", "per": ["'all'"],
    });
    Scene::new(json!({
        "quotas": [merged(quota, change)], "rate_limit_service": { "cluster": "rate-limit" },
        "metering": { "stream_usage": "as_asked" },
    }))
}

fn service() -> Scripted {
    Scripted::new(&[("r", 2, MINUTE)])
}

impl Scene {
    /// The house is woken, and the service answers all that it asks.
    fn ask(&self, service: &Scripted) -> usize {
        self.worker.on(HouseEvent::Woken);
        let calls = self.house.take_calls();
        for (token, message) in &calls {
            let message = Ok(service.answer(message, NOW_MS));
            self.worker.on(HouseEvent::Called { token: *token, message });
        }
        calls.len()
    }

    /// The house is woken, and what it asks comes to nothing.
    fn ask_in_vain(&self, why: &str) {
        self.worker.on(HouseEvent::Woken);
        for (token, _) in self.house.take_calls() {
            self.worker.on(HouseEvent::Called { token, message: Err(why.to_owned()) });
        }
    }
}

#[test]
fn those_who_come_together_ask_together_and_go_on_by_one_answer() {
    let (scene, service) = (scene(json!({})), service());
    let mut waiting: Vec<_> = (1..=3).map(|id| scene.chat(id).sends(BODY)).collect();
    for playing in &mut waiting {
        playing.waits();
    }
    assert_eq!(scene.house.take_wakes(), 1);
    assert_eq!(scene.ask(&service), 1);
    let refusals: Vec<_> = waiting.iter().filter_map(|playing| playing.exchange.refusal()).collect();
    assert_eq!(refusals, [(429, "rate_limit_exceeded".to_owned())], "two of three pass");
    assert_eq!(scene.held_bytes(), 0);
    for playing in &mut waiting {
        if playing.exchange.refusal().is_none() {
            playing.is_through(BODY.as_bytes());
        }
        playing.ends();
    }
}

#[test]
fn no_answer_is_a_denial() {
    for (note, refuse) in [("a timeout", false), ("a question refused at dispatch", true)] {
        let scene = scene(json!({}));
        let playing = scene.chat(1).sends(BODY);
        if refuse {
            scene.house.refuse_dispatch();
        }
        scene.ask_in_vain("gRPC status 4");
        playing.is_refused(503, "quota_unavailable");
        assert!(scene.house.logged().contains("the rate limit service: "), "{note}");
        assert_eq!(playing.ends()["claimgate.reason"], "quota_unavailable", "{note}");
        let outcome = if refuse { "undispatched" } else { "failed" };
        assert_eq!(scene.house.counted(&format!("claimgate.rate_limit.questions.outcome.{outcome}")), 1);
    }
}

#[test]
fn where_the_house_cannot_be_woken_nobody_waits() {
    let scene = scene(json!({}));
    scene.house.refuse_waking();
    scene.chat(1).sends(BODY).is_refused(503, "quota_unavailable");
}

#[test]
fn an_operator_may_let_this_envoy_count_alone() {
    let scene = scene(json!({ "on_failure": "local" }));
    let mut playing = scene.chat(1).sends(BODY);
    scene.ask_in_vain("gRPC status 14");
    playing.is_through(BODY.as_bytes());
}

#[test]
fn its_body_is_kept_meanwhile_and_refused_where_it_grows_too_long() {
    let service = service();
    let scene = Scene::new(merged(scene(json!({})).config, unread()));
    let mut playing = scene.chat(1).begins(false);
    for piece in BODY.as_bytes().chunks(9) {
        playing.chunk(piece, false);
        playing.waits();
    }
    playing.trailers(&[]);
    playing.waits();
    let mut long = scene.chat(2).begins(false);
    long.chunk(&vec![b' '; 128 * KIB + 1], false);
    long.is_refused(503, "quota_unavailable");
    scene.ask(&service);
    playing.is_through(BODY.as_bytes());
    long.is_refused(503, "quota_unavailable");
}

#[test]
fn an_answer_to_one_who_has_left_wakes_nobody() {
    let (scene, service) = (scene(json!({})), service());
    let gone = scene.chat(1).sends(BODY);
    let mut stays = scene.chat(2).sends(BODY);
    assert_eq!(gone.ends()["claimgate.aborted"], true);
    scene.ask(&service);
    stays.is_through(BODY.as_bytes());
    assert_eq!(gone.exchange.resumes(), 0);
}

#[test]
fn an_answer_after_the_hold_timeout_changes_nothing() {
    let (scene, service) = (scene(json!({})), service());
    let playing = scene.chat(1).sends(BODY);
    scene.worker.on(HouseEvent::Woken);
    let (token, message) = scene.house.take_calls().remove(0);
    scene.tick_after(HOLD_MS);
    playing.is_refused(503, "hold_timeout");
    scene.worker.on(HouseEvent::Called { token, message: Ok(service.answer(&message, NOW_MS)) });
    playing.is_refused(503, "hold_timeout");
    playing.ends();
}

#[test]
fn what_requests_have_cost_is_reported_until_it_is_answered() {
    let (scene, service) = (scene(json!({ "unit": "tokens", "limit": 1000, "reserve": 100 })), service());
    let mut playing = scene.chat(1).sends(BODY);
    scene.ask(&service);
    playing.is_through(BODY.as_bytes());
    playing.answered("200", &[("content-type", "application/json")], false);
    playing.answer_chunk(
        r#"{"model":"gpt-4o","usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#,
        true,
    );
    let record = playing.ends();
    assert_eq!(record["claimgate.usage.total_tokens"], 12);
    for (answer, note) in [(false, "it is lost"), (true, "it arrives")] {
        scene.tick_after(2000);
        let calls = scene.house.take_calls();
        assert_eq!(calls.len(), 1, "{note}");
        let (token, message) = &calls[0];
        let message = if answer { Ok(service.answer(message, NOW_MS)) } else { Err("gRPC status 14".into()) };
        scene.worker.on(HouseEvent::Called { token: *token, message });
    }
    scene.tick_after(2000);
    assert!(scene.house.take_calls().is_empty(), "nothing is owed any more");
    assert_eq!(scene.house.counted("claimgate.rate_limit.charges_owed"), 0);
}
