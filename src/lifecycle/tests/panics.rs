//! What becomes of exchanges when something panics.

use serde_json::json;

use super::{BODY, Scene, remote_issuer, token};
use crate::identity::signing::RawSigner;

#[test]
fn an_exchange_whose_event_panicked_is_refused() {
    let scene = Scene::new(json!({}));
    let playing = scene.chat(1).begins(false);
    playing.stream.panicked(&*playing.exchange, "index out of bounds");
    playing.is_refused(503, "internal_error");
    let record = playing.ends();
    assert_eq!(
        (&record["claimgate.decision"], &record["claimgate.reason"]),
        (&json!("deny"), &json!("internal_error"))
    );
    assert_eq!(scene.house.counted("claimgate.panics"), 1);
    assert!(scene.house.logged().contains("index out of bounds"));
    scene.chat(2).sends(BODY).is_through(BODY.as_bytes());
}

#[test]
fn one_that_panicked_before_its_first_event_is_refused_too() {
    let scene = Scene::new(json!({}));
    let playing = scene.chat(1);
    playing.stream.panicked(&*playing.exchange, "out of memory");
    playing.is_refused(503, "internal_error");
    assert_eq!(playing.ends()["claimgate.reason"], "internal_error");
}

#[test]
fn an_answer_that_has_begun_is_cut_off() {
    let scene = Scene::new(json!({}));
    let playing = scene.chat(1).sends(BODY);
    playing.answered("200", &[], false);
    playing.stream.panicked(&*playing.exchange, "in the answer");
    assert!(playing.exchange.is_cut());
    assert_eq!(playing.exchange.refusal(), None);
    assert_eq!(playing.ends()["claimgate.reason"], "internal_error");
}

#[test]
fn a_panic_between_exchanges_ends_those_that_are_held() {
    let scene = Scene::new(remote_issuer());
    let signer = RawSigner::generate("k");
    let held = scene.bearing(1, &token(&signer)).sends(BODY);
    let passed = scene.chat(2).sends(BODY);
    scene.worker.panicked("in a tick");
    for playing in [&held, &passed] {
        playing.stream.end_held(&*playing.exchange);
    }
    held.is_refused(503, "internal_error");
    assert_eq!((passed.exchange.refusal(), passed.exchange.is_cut()), (None, false));
}
