//! Orders of events that a real host produces seldom.

use serde_json::json;

use super::{BODY, HOLD_MS, Scene, remote_issuer, token, unread};
use crate::identity::signing::RawSigner;
use crate::lifecycle::{HouseEvent, Next};

#[test]
fn a_provider_may_answer_before_the_body_has_ended() {
    let scene = Scene::new(unread());
    let mut playing = scene.chat(1).begins(false);
    playing.chunk(b"{", false);
    assert!(playing.answered("400", &[("content-type", "application/json")], true));
    playing.chunk(b"}", true);
    playing.is_through(b"{}");
    let record = playing.ends();
    assert_eq!(record["claimgate.answered_by"], "provider");
    assert_eq!(record["http.response.status_code"], 400);
    assert_eq!(record["claimgate.aborted"], false);
}

#[test]
fn keys_that_come_with_the_last_tick_of_the_hold_are_too_late() {
    let scene = Scene::new(remote_issuer());
    let signer = RawSigner::generate("k");
    let playing = scene.bearing(1, &token(&signer)).sends(BODY);
    scene.tick_after(1);
    scene.house.pass(HOLD_MS);
    scene.answer_keys(&signer);
    playing.is_refused(503, "hold_timeout");
}

#[test]
fn keys_that_come_with_the_issuers_timeout_are_in_time() {
    let scene = Scene::new(remote_issuer());
    let signer = RawSigner::generate("k");
    let mut playing = scene.bearing(1, &token(&signer)).sends(BODY);
    scene.tick_after(1);
    scene.house.pass(1999);
    scene.answer_keys(&signer);
    playing.is_through(BODY.as_bytes());
}

#[test]
fn an_abort_while_it_is_held_leaves_nothing_behind() {
    let scene = Scene::new(remote_issuer());
    let signer = RawSigner::generate("k");
    let (gone, mut stays) =
        (scene.bearing(1, &token(&signer)).sends(BODY), scene.bearing(2, &token(&signer)).sends(BODY));
    scene.tick_after(1);
    let record = gone.ends();
    assert_eq!(
        (&record["claimgate.decision"], &record["claimgate.aborted"]),
        (&json!("undecided"), &json!(true))
    );
    scene.answer_keys(&signer);
    stays.is_through(BODY.as_bytes());
    assert_eq!((gone.exchange.resumes(), gone.exchange.refusal()), (0, None));
    assert_eq!(scene.held_bytes(), 0);
}

#[test]
fn an_exchange_that_the_host_has_dropped_is_not_acted_on() {
    let scene = Scene::new(remote_issuer());
    let signer = RawSigner::generate("k");
    let playing = scene.bearing(1, &token(&signer)).sends(BODY);
    scene.tick_after(1);
    // Its end has not been told of yet.
    scene.house.remove(1);
    scene.answer_keys(&signer);
    assert_eq!((playing.exchange.resumes(), playing.exchange.refusal()), (0, None));
    assert_eq!(playing.ends()["claimgate.decision"], "undecided");
    assert_eq!(scene.held_bytes(), 0);
}

#[test]
fn a_visit_that_comes_late_does_nothing_to_an_exchange_that_waits_no_more() {
    let scene = Scene::new(json!({}));
    scene.house.visit_later();
    let mut playing = scene.chat(1).begins(false);
    scene.tick_after(HOLD_MS);
    // The end of the body comes before the refusal.
    playing.chunk(BODY.as_bytes(), true);
    assert_eq!(scene.house.run_errands(), 1);
    playing.is_through(BODY.as_bytes());
}

#[test]
fn a_visit_that_comes_late_lets_what_has_come_meanwhile_go_on_too() {
    let scene = Scene::new(remote_issuer());
    scene.house.visit_later();
    let signer = RawSigner::generate("k");
    let mut playing = scene.bearing(1, &token(&signer)).begins(false);
    playing.chunk(&BODY.as_bytes()[..4], false);
    scene.tick_after(1);
    scene.answer_keys(&signer);
    playing.chunk(&BODY.as_bytes()[4..], true);
    playing.waits();
    assert_eq!(scene.house.run_errands(), 1);
    playing.is_through(BODY.as_bytes());
}

#[test]
fn a_configuration_that_ends_stays_for_those_who_wait_for_its_fetch() {
    let scene = Scene::new(remote_issuer());
    let signer = RawSigner::generate("k");
    let mut playing = scene.bearing(1, &token(&signer)).sends(BODY);
    scene.tick_after(1);
    scene.worker.on(HouseEvent::Closing);
    assert!(!scene.worker.is_over(), "its fetch is under way");
    // The next one reads what this one has fetched.
    let next = Scene::beside(&scene.shared, remote_issuer());
    next.tick_after(2);
    assert!(next.house.take_fetches().is_empty(), "the lease is still held");
    scene.answer_keys(&signer);
    playing.is_through(BODY.as_bytes());
    assert!(scene.worker.is_over());
    next.tick_after(1);
    next.bearing(1, &token(&signer)).sends(BODY).is_through(BODY.as_bytes());
}

#[test]
fn a_configuration_without_anything_under_way_is_over_at_once() {
    let scene = Scene::new(remote_issuer());
    let waiting = scene.chat(1).begins(false);
    scene.worker.on(HouseEvent::Closing);
    assert!(scene.worker.is_over());
    // What waits for its body is still decided, and still ends.
    scene.tick_after(HOLD_MS);
    waiting.is_refused(503, "hold_timeout");
    assert_eq!(waiting.ends()["claimgate.decision"], "deny");
}

#[test]
fn answers_of_nobodys_question_change_nothing() {
    let scene = Scene::new(remote_issuer());
    let mut playing = scene.chat(1).begins(false);
    scene.answer_token(99, "200", "{}");
    scene.worker.on(HouseEvent::Called { token: 99, message: Ok(Vec::new()) });
    scene.worker.on(HouseEvent::Woken);
    playing.waits();
}

#[test]
fn what_follows_an_answer_of_our_own_is_held() {
    let scene = Scene::new(json!({}));
    let mut playing = scene.request(1, "POST", super::CHAT, &[]).begins(false);
    playing.chunk(b"{}", false);
    playing.trailers(&[]);
    playing.is_refused(401, "credential_missing");
    assert!(playing.is_held && playing.passed.is_empty());
    assert_eq!(
        playing.stream.on(&*playing.exchange, crate::lifecycle::Event::ResponseTrailers),
        Next::Continue
    );
}
