//! Requests that wait for what an issuer says of an opaque token.

use serde_json::{Value, json};

use super::{BODY, KIB, Scene};
use crate::policy::fixture::NOW_MS;

fn scene() -> Scene {
    Scene::new(json!({ "issuers": [{
        "issuer": "https://idp.example", "audiences": ["gateway"], "principal": { "tenant": "claims.org" },
        "introspection": {
            "cluster": "idp", "host": "idp.example", "path": "/introspect", "client_id": "gateway",
            "client_secret": { "env": "CLIENT" }, "prefix": "op_", "timeout": "2s",
        },
    }] }))
}

fn active() -> Value {
    let now = NOW_MS / 1000;
    json!({
        "active": true, "iss": "https://idp.example", "aud": "gateway", "sub": "alice", "org": "acme",
        "client_id": "app", "scope": "chat", "iat": now - 10, "exp": now + 300,
    })
}

#[test]
fn its_answer_wakes_all_who_wait_for_it() {
    let scene = scene();
    let mut waiting: Vec<_> = (1..=3).map(|id| scene.bearing(id, "op_1").sends(BODY)).collect();
    scene.tick_after(1);
    scene.answer_fetch("200", &active().to_string());
    for playing in &mut waiting {
        playing.is_through(BODY.as_bytes());
        assert_eq!(playing.ends()["claimgate.principal.subject"], "alice");
    }
    let mut known = scene.bearing(4, "op_1").sends(BODY);
    known.is_through(BODY.as_bytes());
    assert!(scene.house.take_fetches().is_empty(), "it is remembered");
    assert_eq!(scene.house.counted("claimgate.introspections.outcome.active"), 1);
}

#[test]
fn a_token_that_is_not_active_is_refused() {
    let scene = scene();
    let playing = scene.bearing(1, "op_1").sends(BODY);
    scene.tick_after(1);
    scene.answer_fetch("200", r#"{"active":false}"#);
    playing.is_refused(401, "token_inactive");
    assert_eq!(scene.house.counted("claimgate.introspections.outcome.refused"), 1);
}

#[test]
fn no_answer_is_a_denial_for_all_who_wait() {
    for note in ["a status that is none", "a body that is none", "a question refused at dispatch"] {
        let scene = scene();
        if note == "a question refused at dispatch" {
            scene.house.refuse_dispatch();
        }
        let waiting: Vec<_> = (1..=2).map(|id| scene.bearing(id, "op_1").sends(BODY)).collect();
        scene.tick_after(1);
        match note {
            "a status that is none" => scene.answer_fetch("502", ""),
            "a body that is none" => scene.answer_fetch("200", "<html>"),
            _ => {}
        }
        for playing in &waiting {
            playing.is_refused(503, "identity_unavailable");
        }
        assert_eq!(scene.held_bytes(), 0, "{note}");
    }
}

#[test]
fn its_body_is_kept_meanwhile_and_refused_where_it_grows_too_long() {
    let scene = scene();
    let mut playing = scene.bearing(1, "op_1").begins(false);
    for piece in BODY.as_bytes().chunks(7) {
        playing.chunk(piece, false);
        playing.waits();
    }
    playing.trailers(&[]);
    playing.waits();
    let mut long = scene.bearing(2, "op_2").begins(false);
    long.chunk(&vec![b' '; 128 * KIB + 1], false);
    long.is_refused(503, "identity_unavailable");
    scene.tick_after(1);
    let fetches = scene.house.take_fetches();
    assert!(fetches.iter().all(|fetch| fetch.path == "/introspect"), "{fetches:?}");
    scene.answer_token(fetches[0].token, "200", &active().to_string());
    playing.is_through(BODY.as_bytes());
}
