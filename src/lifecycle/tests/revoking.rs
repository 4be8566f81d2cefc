//! Exchanges whose credential is revoked while they are under way.

use serde_json::{Value, json};

use super::{BODY, Playing, Scene};

fn scene() -> Scene {
    let remote = json!({
        "cluster": "lists", "host": "lists.example", "path": "/revoked.json", "poll": "1s", "timeout": "1s",
    });
    let scene = Scene::new(json!({ "revocations": [{ "id": "main", "remote": remote }] }));
    revoke(&scene, json!([]));
    scene
}

/// The list comes, with these entries.
fn revoke(scene: &Scene, entries: Value) {
    scene.tick_after(1200);
    scene.answer_fetch("200", &json!({ "revoked": entries }).to_string());
}

fn through<'a>(scene: &'a Scene, id: u32) -> Playing<'a> {
    let mut playing = scene.chat(id).sends(BODY);
    playing.is_through(BODY.as_bytes());
    playing
}

#[test]
fn what_has_not_begun_is_refused_and_what_has_is_cut_off() {
    for entry in [json!({ "key": "k1" }), json!({ "model": "gpt-4o" })] {
        let scene = scene();
        let (silent, begun) = (through(&scene, 1), through(&scene, 2));
        begun.answered("200", &[("content-type", "application/json")], false);
        revoke(&scene, json!([entry]));
        assert_eq!(silent.exchange.refusal(), Some((401, "revoked_in_flight".to_owned())), "{entry}");
        assert!(!silent.exchange.is_cut());
        assert!(begun.exchange.is_cut() && begun.exchange.refusal().is_none(), "{entry}");
        for playing in [silent, begun] {
            assert_eq!(playing.ends()["claimgate.reason"], "revoked_in_flight");
        }
    }
}

#[test]
fn others_go_on_and_what_is_over_is_not_looked_at() {
    let scene = scene();
    let over = through(&scene, 1);
    let other = scene.request(
        2,
        "POST",
        super::CHAT,
        &[("authorization", &format!("Bearer {}", crate::policy::fixture::key(2)))],
    );
    let mut other = other.sends(BODY);
    other.is_through(BODY.as_bytes());
    over.answered("200", &[("content-type", "application/json")], true);
    assert_eq!(over.ends()["claimgate.decision"], "allow");
    revoke(&scene, json!([{ "key": "k1" }]));
    assert!(!over.exchange.is_cut() && over.exchange.refusal().is_none());
    assert!(!other.exchange.is_cut() && other.exchange.refusal().is_none());
}

#[test]
fn of_many_each_event_ends_a_few() {
    let scene = scene();
    let open: Vec<_> = (0..70).map(|id| through(&scene, id)).collect();
    revoke(&scene, json!([{ "key": "k1" }]));
    let ended = || open.iter().filter(|playing| playing.exchange.refusal().is_some()).count();
    for want in [32, 64, 70, 70] {
        assert_eq!(ended(), want);
        scene.tick_after(1);
    }
}

#[test]
fn one_that_waits_is_refused_when_it_is_walked_on() {
    let scene = scene();
    let mut playing = scene.chat(1).begins(false);
    revoke(&scene, json!([{ "key": "k1" }]));
    playing.waits();
    playing.chunk(BODY.as_bytes(), true);
    playing.is_refused(401, "credential_revoked");
}
