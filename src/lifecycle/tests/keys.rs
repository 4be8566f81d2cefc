//! Requests that wait for the keys of an issuer.

use serde_json::json;

use super::{BODY, KIB, Playing, Scene, remote_issuer, token};
use crate::identity::signing::RawSigner;
use crate::lifecycle::HouseEvent;

fn scene() -> (Scene, RawSigner) {
    (Scene::new(remote_issuer()), RawSigner::generate("k"))
}

#[test]
fn a_newer_key_set_wakes_a_request_wherever_its_body_has_come_to() {
    type Come = fn(&mut Playing<'_>);
    let steps: [(&str, Come, bool); 4] = [
        ("the headers alone", |_| {}, false),
        ("a piece", |playing| playing.chunk(&BODY.as_bytes()[..9], false), false),
        ("all of it", |playing| playing.chunk(BODY.as_bytes(), true), true),
        (
            "all of it, ended by trailers",
            |playing| {
                playing.chunk(BODY.as_bytes(), false);
                playing.trailers(&[("x-checksum", "1")]);
            },
            true,
        ),
    ];
    for (note, come, is_complete) in steps {
        let (scene, signer) = scene();
        let mut playing = scene.bearing(1, &token(&signer)).begins(false);
        come(&mut playing);
        playing.waits();
        scene.tick_after(1);
        scene.answer_keys(&signer);
        if !is_complete {
            // It waits for the rest of its body now.
            playing.waits();
            let come = playing.exchange.buffer(crate::lifecycle::Side::Request).borrow().len();
            playing.chunk(&BODY.as_bytes()[come..], true);
        }
        playing.is_through(BODY.as_bytes());
        assert_eq!(scene.held_bytes(), 0, "{note}");
        assert_eq!(playing.ends()["claimgate.principal.subject"], "alice", "{note}");
        assert_eq!(scene.house.counted("claimgate.key_fetches.outcome.ok"), 1, "{note}");
    }
}

#[test]
fn a_request_without_a_body_is_woken_too() {
    let (scene, signer) = scene();
    let credential = format!("Bearer {}", token(&signer));
    let mut playing = scene.request(1, "GET", super::MODELS, &[("authorization", &credential)]).begins(true);
    playing.waits();
    scene.tick_after(1);
    scene.answer_keys(&signer);
    playing.is_through(b"");
    assert_eq!(playing.exchange.resumes(), 1);
}

#[test]
fn one_worker_fetches_and_another_reads() {
    let (first, signer) = scene();
    let second = Scene::beside(&first.shared, remote_issuer());
    let mut waiting = [first.bearing(1, &token(&signer)), second.bearing(1, &token(&signer))]
        .map(|playing| playing.sends(BODY));
    for scene in [&first, &second] {
        scene.tick_after(1);
    }
    assert!(second.house.take_fetches().is_empty(), "the lease is the first one's");
    first.answer_keys(&signer);
    waiting[1].waits();
    second.tick_after(1);
    for playing in &mut waiting {
        playing.is_through(BODY.as_bytes());
    }
}

#[test]
fn the_issuers_timeout_ends_the_wait() {
    let (scene, signer) = scene();
    let mut playing = scene.bearing(1, &token(&signer)).sends(BODY);
    scene.tick_after(1999);
    playing.waits();
    scene.tick_after(1);
    playing.is_refused(503, "identity_unavailable");
    assert_eq!(playing.ends()["claimgate.reason"], "identity_unavailable");
}

#[test]
fn a_fetch_that_is_not_even_taken_ends_the_wait_at_once() {
    let (scene, signer) = scene();
    scene.house.refuse_dispatch();
    let playing = scene.bearing(1, &token(&signer)).sends(BODY);
    scene.tick_after(1);
    playing.is_refused(503, "identity_unavailable");
    assert!(scene.house.logged().contains("cannot fetch keys through the cluster `idp`: BadArgument"));
    assert_eq!(scene.house.counted("claimgate.key_fetches.outcome.undispatched"), 1);
}

#[test]
fn an_answer_that_is_none_wakes_nobody() {
    for (status, body, why) in
        [("500", "", "status 500"), ("200", "[]", "the last good ones stay"), ("304", "", "status 304")]
    {
        let (scene, signer) = scene();
        let mut playing = scene.bearing(1, &token(&signer)).sends(BODY);
        scene.tick_after(1);
        scene.answer_fetch(status, body);
        playing.waits();
        assert!(scene.house.logged().contains(why), "{}", scene.house.logged());
        scene.tick_after(2000);
        playing.is_refused(503, "identity_unavailable");
    }
}

#[test]
fn an_answer_that_broke_off_is_not_read() {
    let (scene, signer) = scene();
    let mut playing = scene.bearing(1, &token(&signer)).sends(BODY);
    scene.tick_after(1);
    let token = scene.house.take_fetches()[0].token;
    let delivery = crate::lifecycle::Delivery { headers: 0, body_size: 0 };
    scene.worker.on(HouseEvent::Fetched { token, delivery });
    playing.waits();
    assert!(scene.house.logged().contains("the answer broke off"));
}

#[test]
fn a_body_that_grows_too_long_meanwhile_is_refused() {
    let (scene, signer) = scene();
    let mut playing = scene.bearing(1, &token(&signer)).begins(false);
    playing.chunk(&vec![b' '; 128 * KIB], false);
    playing.waits();
    playing.chunk(b" ", false);
    playing.is_refused(503, "identity_unavailable");
    assert_eq!(scene.held_bytes(), 0);
}

#[test]
fn strangers_who_wait_have_half_of_the_room() {
    let (scene, signer) = scene();
    let token = token(&signer);
    let mut room = 0;
    let mut waiting = Vec::new();
    for id in 0..64 {
        let mut playing = scene.bearing(id, &token).begins(false);
        playing.chunk(&vec![b' '; 60 * KIB], false);
        match playing.exchange.refusal() {
            None => room += 1,
            Some(refusal) => assert_eq!(refusal, (503, "overloaded".to_owned())),
        }
        waiting.push(playing);
    }
    assert_eq!(room, 6, "512 KiB for strangers, of which each takes 76 and its headers");
    // Whoever is known still has room.
    let mut known = scene.chat(100).begins(false);
    known.chunk(BODY.as_bytes(), true);
    known.is_through(BODY.as_bytes());
    waiting.iter().for_each(|playing| drop(playing.ends()));
    assert_eq!(scene.held_bytes(), 0);
}

#[test]
fn the_hold_timeout_comes_first_where_it_is_shorter() {
    let slow = json!({ "hold_timeout": "1s" });
    let mut change = remote_issuer();
    change.as_object_mut().unwrap().extend(slow.as_object().unwrap().clone());
    let scene = Scene::new(change);
    let playing = scene.bearing(1, &token(&RawSigner::generate("k"))).sends(BODY);
    scene.tick_after(1000);
    playing.is_refused(503, "hold_timeout");
}
