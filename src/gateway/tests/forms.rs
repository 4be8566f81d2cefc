//! Long forms: decided by their beginning, watched to their end, and alike however they are cut on their way.

use serde_json::json;

use super::{Request, Scene, rule};
use crate::denial::Reason;
use crate::gateway::{Body, Known, Need, Outcome};

fn part(name: &str, value: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn scene() -> Scene {
    scene_of("llm.model == 'whisper-1'", "1MiB")
}

fn scene_of(expression: &str, form_limit: &str) -> Scene {
    let policies = [rule(expression, json!({}))];
    Scene::new(
        json!({ "policies": policies, "quotas": [], "body_limit": "1023KiB", "form_limit": form_limit }),
    )
}

#[test]
fn the_fields_of_a_form_may_stand_in_any_order_up_to_its_limit() {
    let (model, stream) = (part("model", "whisper-1"), part("stream", "true"));
    let (other, file) = (part("model", "other"), part("file", &"s".repeat(2_000_000)));
    let (of_model, of_stream) = ("llm.model == 'whisper-1'", "llm.model == 'whisper-1' && llm.stream");
    let of_plain = "llm.model == 'whisper-1' && !llm.stream";
    for (expression, limit, parts, want, note) in [
        (of_model, "3MiB", vec![&file, &model], None, "the model last"),
        (of_model, "3MiB", vec![&file, &other], Some(Reason::PolicyDenied), "another model last"),
        (of_model, "3MiB", vec![&file, &model, &other], Some(Reason::BodyAmbiguous), "two models last"),
        (of_model, "3MiB", vec![&file, &stream, &model], None, "both fields last"),
        (of_stream, "3MiB", vec![&file, &stream, &model], None, "both fields last, and a rule reads both"),
        (of_stream, "3MiB", vec![&model, &file, &stream], None, "the flag last, and a rule reads it"),
        (of_stream, "3MiB", vec![&stream, &file, &model], None, "the model last, and a rule reads both"),
        (of_stream, "3MiB", vec![&model, &file], Some(Reason::PolicyDenied), "no flag, and a rule reads it"),
        (
            of_plain,
            "3MiB",
            vec![&model, &file, &stream],
            Some(Reason::PolicyDenied),
            "a flag that a rule refuses",
        ),
        (
            of_plain,
            "1MiB",
            vec![&model, &file, &stream],
            Some(Reason::BodyAmbiguous),
            "the flag beyond the limit",
        ),
        (of_plain, "1MiB", vec![&model, &file], None, "no flag until the limit"),
        (of_stream, "1MiB", vec![&model, &stream, &file], None, "both before a file beyond the limit"),
        (of_model, "1MiB", vec![&file, &model], Some(Reason::BodyTooLarge), "the model beyond the limit"),
    ] {
        let scene = scene_of(expression, limit);
        let parts: String = parts.into_iter().map(String::as_str).collect();
        let whole = format!("{parts}--b--\r\n");
        let announced = upload().with("content-length", &whole.len().to_string());
        for (request, size) in [(upload(), 64 * 1024), (upload(), 10_000_000), (announced, 300_000)] {
            assert_eq!(send(&scene, &request, &whole, size), want, "{note}, in pieces of {size}");
        }
    }
}

fn upload() -> Request {
    let upload = Request::chat().at("POST", "/v1/audio/transcriptions");
    upload.with("content-type", "multipart/form-data; boundary=b")
}

/// What becomes of a body that comes in pieces, as the filter hands them on.
fn send(scene: &Scene, request: &Request, body: &str, size: usize) -> Option<Reason> {
    let mut call = scene.open(request);
    let mut outcome = scene.gateway.decide(&mut call, &Known { body: Body::Coming, ..scene.known(request) });
    let mut come = 0;
    while come < body.len() {
        let before = come;
        come = body.len().min(come.saturating_add(size));
        let is_last = come == body.len();
        let held = &body.as_bytes()[..come];
        let body = match &outcome {
            Outcome::Need(_) if is_last => Body::Complete(&held),
            Outcome::Need(Need::Body { look: Some(look), .. }) if come >= *look => Body::Beginning(&held),
            Outcome::Need(Need::Body { look: None, limit }) if come as u64 > *limit => {
                scene.gateway.refuse(&mut call, Reason::BodyTooLarge);
                break;
            }
            Outcome::Need(_) => continue,
            Outcome::Forward(_) => {
                if let Err(denial) = call.watch(&body.as_bytes()[before..come], is_last) {
                    scene.gateway.refuse(&mut call, denial);
                    break;
                }
                continue;
            }
            Outcome::Refuse | Outcome::Answer => break,
        };
        outcome = scene.gateway.decide(&mut call, &Known { body, ..scene.known(request) });
    }
    assert!(call.is_decided(), "{outcome:?}");
    call.denial().map(|denial| denial.reason())
}

#[test]
fn a_long_form_is_decided_alike_however_it_is_cut() {
    let (model, other) = (part("model", "whisper-1"), part("model", "other"));
    let file = |size: usize| part("file", &"s".repeat(size));
    let (short, middle, long) = (file(10_000), file(100_000), file(2_000_000));
    let headed = part("file", "s").replace("form-data", &format!("form-data; x={}", "y".repeat(20_000)));
    for (parts, want, note) in [
        (vec![&long], Some(Reason::BodyTooLarge), "no model in what can be held"),
        (vec![&model, &long], None, "the model before a recording"),
        (vec![&model, &long, &part("prompt", "x")], None, "a field behind it that nobody reads"),
        (vec![&other, &long], Some(Reason::PolicyDenied), "a model that is not allowed"),
        (vec![&long, &model], Some(Reason::BodyTooLarge), "the model behind what can be held"),
        (vec![&model, &long, &other], Some(Reason::BodyAmbiguous), "another model behind it"),
        (vec![&model, &long, &part("stream", "true")], None, "a flag behind it that no rule reads"),
        (vec![&model, &long, &part("Stream", "true")], Some(Reason::BodyAmbiguous), "a flag of another case"),
        (
            vec![&model, &part("stream", "true"), &long, &part("stream", "true")],
            Some(Reason::BodyAmbiguous),
            "a flag before and behind it",
        ),
        (vec![&short, &model], None, "a short one in the other order"),
        (vec![&middle, &model], None, "a longer one in the other order, which can still be held"),
        (vec![&model, &middle, &other], Some(Reason::BodyAmbiguous), "two models in one that can be held"),
        (
            vec![&model, &middle, &headed],
            Some(Reason::BodyMalformed),
            "headers of a part that nobody would send",
        ),
    ] {
        let parts: String = parts.into_iter().map(String::as_str).collect();
        for size in [997, 30_000, 64 * 1024, 100_000, 10_000_000] {
            let whole = format!("{parts}--b--\r\n");
            assert_eq!(send(&scene(), &upload(), &whole, size), want, "{note}, in pieces of {size}");
            let refused = send(&scene(), &upload(), &parts, size);
            assert!(refused.is_some(), "{note}, cut off, in pieces of {size}");
        }
    }
}

/// At a shared account a form passes unread, and JSON is read for what it names.
#[test]
fn what_is_remembered_of_a_form_says_nothing_of_json() {
    let scene = Scene::new(json!({ "quotas": [] }));
    let edits = Request::chat().at("POST", "/v1/images/edits").to(Some("shared"));
    let form = edits.clone().with("content-type", "multipart/form-data; boundary=b");
    let json = edits.with("content-type", "application/json");
    for _ in 0..2 {
        let form = form.clone().body(&format!("{}--b--", part("model", "m")));
        assert_eq!(scene.refusal(&form), None, "a form");
        let stored = json.clone().body(r#"{"model":"m","images":[{"file_id":"f"}]}"#);
        assert_eq!(scene.refusal(&stored), Some(Reason::StatefulOperationSharedCredential), "a stored image");
        assert_eq!(scene.refusal(&json.clone().body(r#"{"model":"m"}"#)), None, "JSON that brings all");
    }
}

#[test]
fn an_announced_length_says_whether_the_form_is_read_whole() {
    let (model, file) = (part("model", "whisper-1"), part("file", &"s".repeat(200_000)));
    let body = format!("{model}{file}{}--b--", part("stream", "true"));
    let announced = upload().with("content-length", &body.len().to_string());
    for size in [1_000, 70_000, 1_000_000] {
        assert_eq!(send(&scene(), &announced, &body, size), None, "held whole");
        let body = body.replace("--b--", &part("model", "whisper-1")) + "--b--";
        assert_eq!(
            send(&scene(), &upload(), &body, size),
            Some(Reason::BodyAmbiguous),
            "decided before its end"
        );
    }
}
