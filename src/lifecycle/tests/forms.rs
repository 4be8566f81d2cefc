//! Forms that are too long to be held: decided by their beginning, and watched to their end.

use serde_json::json;

use super::{KIB, Playing, Scene};
use crate::policy::fixture::key;

fn part(name: &str, value: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn upload(scene: &Scene, length: usize) -> Playing<'_> {
    let (credential, length) = (format!("Bearer {}", key(1)), length.to_string());
    let headers = [
        ("authorization", credential.as_str()),
        ("content-type", "multipart/form-data; boundary=b"),
        ("content-length", &length),
    ];
    scene.request(1, "POST", "/v1/audio/transcriptions", &headers).begins(false)
}

fn scene() -> Scene {
    Scene::new(json!({ "policies": [{ "file": "model.cel", "expression": "llm.model == 'whisper-1'" }] }))
}

/// Sends it in pieces of so many bytes.
fn send(playing: &mut Playing<'_>, form: &str, piece: usize) {
    let mut pieces = form.as_bytes().chunks(piece).peekable();
    while let Some(piece) = pieces.next() {
        playing.chunk(piece, pieces.peek().is_none());
    }
}

#[test]
fn a_form_goes_on_as_soon_as_its_beginning_has_been_read() {
    let form = format!("{}{}--b--\r\n", part("model", "whisper-1"), part("file", &"s".repeat(300 * KIB)));
    for piece in [10 * KIB, 64 * KIB, 100 * KIB, form.len()] {
        let scene = scene();
        let mut playing = upload(&scene, form.len());
        playing.waits();
        send(&mut playing, &form, piece);
        playing.is_through(form.as_bytes());
        assert_eq!(scene.held_bytes(), 0, "pieces of {piece}");
        assert_eq!(playing.ends()["gen_ai.request.model"], "whisper-1");
    }
}

#[test]
fn what_the_decision_should_have_rested_on_is_refused_before_it_goes_on() {
    let file = part("file", &"s".repeat(300 * KIB));
    let form = format!("{}{file}{}--b--\r\n", part("model", "whisper-1"), part("model", "other"));
    let scene = scene();
    let mut playing = upload(&scene, form.len());
    send(&mut playing, &form, 10 * KIB);
    assert_eq!(playing.exchange.refusal(), Some((400, "body_ambiguous".to_owned())));
    let passed = String::from_utf8(playing.passed.clone()).unwrap();
    assert!(!passed.contains("other"), "the second model has not left");
    let record = playing.ends();
    assert_eq!(record["claimgate.reason"], "body_ambiguous");
}

#[test]
fn a_form_without_an_early_model_is_held_up_to_its_limit() {
    let form = format!("{}{}--b--\r\n", part("file", &"s".repeat(300 * KIB)), part("model", "whisper-1"));
    let scene = scene();
    let mut playing = upload(&scene, form.len());
    send(&mut playing, &form, 16 * KIB);
    playing.is_refused(413, "body_too_large");
    assert!(playing.passed.is_empty());
}
