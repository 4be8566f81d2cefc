use serde_json::{Value, json};

use super::ListedOperation;
use crate::config::ExtraOperation;
use crate::denial::Reason;
use crate::dialect::body::{Wanted, read_body};
use crate::dialect::operation::{BodyForm, ModelPlace, Operation};
use crate::dialect::recognition::recognise;
use crate::request::{Dialect, RequestHead};

fn listed(more: Value) -> Result<ListedOperation, String> {
    let mut entry = json!({ "method": "POST", "path": "/api/chat", "operation": "mine" });
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let entry: ExtraOperation = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    ListedOperation::compile(&entry, "operations[0]").map_err(|error| error.to_string())
}

fn head(method: &str, path: &str, more: &[(&str, &str)]) -> RequestHead {
    let pseudo = [(":method", method), (":path", path)];
    let headers = pseudo.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).into()));
    RequestHead::new(headers.collect())
}

fn found(more: Value, head: &RequestHead) -> Result<Operation, Reason> {
    let listed = [listed(more).unwrap()];
    recognise(Dialect::Openai, head, None, &listed).map_err(|denial| denial.reason())
}

#[test]
fn an_entry_says_where_model_body_and_stream_stand() {
    use BodyForm::{Json, Multipart, Opaque, Upgrade};
    let path = |path: &str| json!({ "path": path, "model": "path" });
    let plain: &[(&str, &str)] = &[];
    let rows = [
        ("nothing", json!({}), "/api/chat", plain, ModelPlace::Elsewhere, Opaque, None),
        ("in a body of JSON", json!({ "model": "body" }), "/api/chat", plain, ModelPlace::Body, Json, None),
        (
            "in a form",
            json!({ "model": "body", "body": "form" }),
            "/api/chat",
            plain,
            ModelPlace::Multipart,
            Multipart,
            None,
        ),
        ("in the path", path("/run/*/{model}"), "/run/a/m", plain, ModelPlace::Path, Opaque, Some("m")),
        (
            "in the query",
            json!({ "model": "query" }),
            "/api/chat?model=m",
            plain,
            ModelPlace::Query,
            Opaque,
            Some("m"),
        ),
        (
            "nowhere",
            json!({ "model": "none", "body": "none" }),
            "/api/chat",
            plain,
            ModelPlace::None,
            BodyForm::None,
            None,
        ),
        (
            "read, with the model elsewhere",
            json!({ "body": "json" }),
            "/api/chat",
            plain,
            ModelPlace::Elsewhere,
            Json,
            None,
        ),
        (
            "a WebSocket",
            json!({ "method": "GET", "body": "websocket", "model": "query" }),
            "/api/chat?model=m",
            &[("upgrade", "websocket")],
            ModelPlace::Query,
            Upgrade,
            Some("m"),
        ),
    ];
    for (note, entry, path, more, place, form, model) in rows {
        let method = if form == Upgrade { "GET" } else { "POST" };
        let operation = found(entry, &head(method, path, more)).unwrap();
        assert_eq!((operation.model_place(), operation.body_form()), (place, form), "{note}");
        assert_eq!((operation.path_model(), operation.name()), (model, "mine"), "{note}");
    }
}

#[test]
fn an_entry_says_what_it_costs() {
    for (note, entry, metered, later) in [
        ("nothing", json!({}), true, false),
        ("told by the answer", json!({ "metered": "by_answer", "usage": "cohere" }), true, false),
        ("later", json!({ "metered": "later" }), true, true),
        ("free", json!({ "metered": "free" }), false, false),
        ("kept, and unseen", json!({ "stateful": true }), true, true),
        ("kept, and seen", json!({ "stateful": true, "model": "body" }), true, false),
    ] {
        let operation = found(entry, &head("POST", "/api/chat", &[])).unwrap();
        assert_eq!((operation.is_metered(), operation.is_done_later()), (metered, later), "{note}");
    }
    let streams = |stream: &str| {
        found(json!({ "stream": stream }), &head("POST", "/api/chat", &[])).unwrap().path_streams()
    };
    assert_eq!([streams("as_asked"), streams("always"), streams("never")], [None, Some(true), Some(false)]);
}

#[test]
fn a_body_that_an_entry_has_read_is_read_as_any_other() {
    let request = head("POST", "/api/chat", &[("content-type", "application/json")]);
    let operation = found(json!({ "model": "body" }), &request).unwrap();
    let read = |body: &str| {
        read_body(&operation, &request, body.as_bytes(), &Wanted::default()).map_err(|denial| denial.reason())
    };
    let facts = read(r#"{"model":"m","stream":true}"#).unwrap();
    assert_eq!((facts.model.as_deref(), facts.stream), (Some("m"), Some(true)));
    assert_eq!(read(r#"{"model":"a","model":"b"}"#), Err(Reason::BodyAmbiguous), "two models");
    assert_eq!(read(r#"{"Model":"a"}"#), Err(Reason::BodyAmbiguous), "another case");
    assert_eq!(read(r#"{"model":"#), Err(Reason::BodyMalformed), "half a body");
    assert!(read(r#"{"model":"m","messages":[{"file_id":"f"}]}"#).unwrap().is_stateful, "a stored file");
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert!(read(&deep).is_err(), "too deep");
}

#[test]
fn what_does_not_match_is_unknown() {
    let entry = || json!({ "path": "/run/*/{model}", "model": "path" });
    for (note, method, path, more) in [
        ("another method", "GET", "/run/a/m", &[][..]),
        ("a segment less", "POST", "/run/a", &[]),
        ("a segment more", "POST", "/run/a/m/x", &[]),
        ("another beginning", "POST", "/runs/a/m", &[]),
        ("an upgrade", "POST", "/run/a/m", &[("upgrade", "websocket")]),
    ] {
        assert_eq!(found(entry(), &head(method, path, more)), Err(Reason::OperationUnknown), "{note}");
    }
    let websocket = json!({ "method": "GET", "body": "websocket" });
    assert_eq!(found(websocket, &head("GET", "/api/chat", &[])), Err(Reason::OperationUnknown), "no upgrade");
}

#[test]
fn an_entry_that_contradicts_itself_is_refused() {
    for (entry, want) in [
        (json!({ "model": "path" }), "operations[0].path: `/api/chat` must have one segment `{model}`"),
        (json!({ "model": "path", "path": "/{model}/{model}" }), "operations[0].path: "),
        (json!({ "path": "/x/{model}" }), "operations[0].model: the path has a segment `{model}`"),
        (json!({ "path": "/x/{model}", "model": "body" }), "operations[0].model: "),
        (json!({ "model": "body", "body": "opaque" }), "operations[0].body: "),
        (json!({ "model": "body", "body": "none" }), "operations[0].body: "),
        (json!({ "method": "GET", "model": "body", "body": "websocket" }), "operations[0].body: "),
        (json!({ "body": "websocket" }), "operations[0].method: a WebSocket begins with `GET`"),
        (json!({ "usage": "openai", "metered": "free" }), "operations[0].usage: "),
        (json!({ "modle": "body" }), "unknown field `modle`"),
        (json!({ "model": "header" }), "unknown variant `header`"),
    ] {
        let error = listed(entry.clone()).unwrap_err();
        assert!(error.starts_with(want), "{entry}: {error}");
    }
}
