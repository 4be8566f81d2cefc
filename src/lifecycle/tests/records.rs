//! The end of an exchange, however it comes: one record, and one count.

use serde_json::json;

use super::{BODY, Scene, remote_issuer, token};
use crate::identity::signing::RawSigner;
use crate::lifecycle::{Attribute, Event};

#[test]
fn an_exchange_without_any_event_before_has_a_record() {
    let scene = Scene::new(json!({}));
    let playing = scene.chat(1);
    playing.exchange.numbers.borrow_mut().push((Attribute::Status, 400));
    let record = playing.ends();
    assert_eq!(record["claimgate.decision"], "undecided");
    assert_eq!(record["claimgate.answered_by"], "envoy");
    assert_eq!(record["http.response.status_code"], 400);
    assert_eq!(scene.house.counted_under("claimgate.decisions."), 1);
}

#[test]
fn an_abort_in_any_phase_has_a_record_and_gives_back_what_was_held() {
    let scene = Scene::new(remote_issuer());
    let fresh = scene.chat(1);
    let awaits_body = scene.chat(2).begins(false);
    let awaits_keys = scene.bearing(3, &token(&RawSigner::generate("k"))).sends(BODY);
    let forwarded = scene.chat(4).sends(BODY);
    let answered = scene.request(5, "POST", super::CHAT, &[]).begins(false);
    for (playing, decision, answered_by) in [
        (fresh, "undecided", "nobody"),
        (awaits_body, "undecided", "nobody"),
        (awaits_keys, "undecided", "nobody"),
        (forwarded, "allow", "nobody"),
        (answered, "deny", "nobody"),
    ] {
        let record = playing.ends();
        assert_eq!(record["claimgate.decision"], decision);
        assert_eq!(record["claimgate.answered_by"], answered_by);
        assert_eq!(record["claimgate.aborted"], true);
    }
    assert_eq!(scene.held_bytes(), 0);
    assert_eq!(scene.house.counted_under("claimgate.decisions."), 5);
}

#[test]
fn an_answer_that_breaks_off_is_aborted() {
    let scene = Scene::new(json!({}));
    let playing = scene.chat(1).sends(BODY);
    playing.answered("200", &[("content-type", "application/json")], false);
    playing.answer_chunk(r#"{"model":"#, false);
    let record = playing.ends();
    assert_eq!(record["claimgate.aborted"], true);
    assert_eq!(record["claimgate.answered_by"], "provider");
    assert_eq!(record["claimgate.usage.complete"], false);
}

#[test]
fn what_comes_after_the_end_does_nothing() {
    let scene = Scene::new(json!({}));
    let playing = scene.chat(1).begins(false);
    playing.ends();
    scene.tick_after(super::HOLD_MS);
    playing.stream.on(&*playing.exchange, Event::RequestBody { size: 0, end_of_stream: true });
    assert_eq!((playing.exchange.refusal(), playing.exchange.resumes()), (None, 0));
}
