//! Recognises operations: what is accepted has one reading, and says what is forwarded.

#![no_main]

use std::sync::LazyLock;

use claimgate::dialect::{BodyForm, ListedOperation, ModelPlace, Operation, recognise};
use claimgate::request::{Dialect, RequestHead};
use claimgate_fuzz::messages::Message;
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode;

const PREFIXES: [Option<&str>; 3] = [None, Some("/openai"), Some("/a/b/")];

/// Operations that an operator might add.
static EXTRA: LazyLock<Vec<ListedOperation>> = LazyLock::new(|| {
    let extra = |entry: &str| {
        let entry = serde_json::from_str(entry).expect("it is an entry");
        ListedOperation::compile(&entry, "operations").expect("it does not contradict itself")
    };
    vec![
        extra(r#"{"method":"POST","path":"/v1/sort","operation":"extra","model":"body"}"#),
        extra(r#"{"method":"GET","path":"/v1/*/about","operation":"extra"}"#),
        extra(r#"{"method":"GET","path":"/live","operation":"extra","body":"websocket","model":"query"}"#),
        extra(r#"{"method":"PUT","path":"/run/{model}","operation":"extra","model":"path"}"#),
        extra(r#"{"method":"POST","path":"/*","operation":"extra"}"#),
        extra(r#"{"method":"POST","path":"/v1/projects/*/locations/*/endpoints/*","operation":"extra"}"#),
    ]
});

// The first byte says the dialect and the prefix: `A` is OpenAI without one; Vertex AI has those behind the other five.
fuzz_target!(|data: &[u8]| {
    let Some((selector, message)) = data.split_first() else { return };
    let selector = usize::from(selector.wrapping_sub(b'A'));
    let dialect = if selector < 30 { Dialect::ALL[selector % 5] } else { Dialect::Vertex };
    let prefix = PREFIXES[selector / 5 % 3];
    let extra: &[ListedOperation] = if selector / 15 % 2 == 1 { &EXTRA } else { &[] };
    let head = Message::read(message).head();
    let recognised = recognise(dialect, &head, prefix, extra);
    assert_eq!(recognised, recognise(dialect, &head, prefix, extra), "two readings of the same head");
    if let Ok(operation) = recognised {
        assert_eq!(operation.dialect(), dialect);
        has_one_reading(&head);
        names_its_model(&operation, &head);
        names_its_place(&operation, &head);
        assert_eq!(head.values(":path").count(), 1);
        assert_eq!(head.is_upgrade(), operation.body_form() == BodyForm::Upgrade);
    }
});

/// Nothing is left that a normaliser would change, decoded or not.
fn has_one_reading(head: &RequestHead) {
    let path = head.path_only();
    let decoded = percent_decode(path.as_bytes()).collect::<Vec<u8>>();
    let text = std::str::from_utf8(&decoded).expect("a decoded path is UTF-8");
    for reading in [path, text] {
        let segments = reading.strip_prefix('/').expect("a path begins with a slash").split('/');
        for segment in segments {
            assert!(!matches!(segment, "" | "." | ".."), "the segment `{segment}` of `{path}`");
        }
        assert!(!reading.chars().any(|c| c.is_control() || matches!(c, '\\' | ';' | '#' | '?')), "`{path}`");
    }
    assert!(!text.contains('%'), "a second decoding would change `{path}`");
    assert!(path.is_ascii() && !path.contains(' '));
}

/// The model is the one that the forwarded path or query names.
fn names_its_model(operation: &Operation, head: &RequestHead) {
    // A call that is joined by its id has its model elsewhere, whatever the query says of it.
    let names_in_query = operation.body_form() == BodyForm::Upgrade && operation.path_model().is_some();
    if operation.model_place() == ModelPlace::Query || names_in_query {
        let named = models_in_query(operation.dialect(), head);
        assert_eq!(operation.path_model().into_iter().collect::<Vec<_>>(), named);
    } else if let Some(model) = operation.path_model() {
        assert!(is_segment(model, head.path_only()), "`{model}` is not in `{}`", head.path_only());
    } else {
        assert!(operation.model_place() != ModelPlace::Path, "no model at a path that has one");
    }
}

/// Who pays is who the forwarded path names, to any reader that decodes once.
fn names_its_place(operation: &Operation, head: &RequestHead) {
    assert_eq!(operation.place().is_some(), operation.dialect() == Dialect::Vertex);
    let Some(place) = operation.place() else { return };
    let path = percent_decode(head.path_only().as_bytes()).decode_utf8().expect("a path is UTF-8");
    let named = format!("/projects/{}/locations/{}/", place.project, place.location);
    assert!(path.contains(&named), "`{named}` is not in `{path}`");
    assert!(!place.project.contains('/') && !place.location.contains('/'));
}

fn is_segment(model: &str, path: &str) -> bool {
    let whole = percent_decode(path.as_bytes()).decode_utf8().expect("a path is UTF-8");
    // A model's own slash may be one of the path's.
    if model.contains('/') && whole.ends_with(&format!("/{model}")) {
        return true;
    }
    path.split('/').any(|raw| {
        let decoded = percent_decode(raw.as_bytes()).decode_utf8().expect("a segment is UTF-8");
        let before_verb = decoded.rsplit_once(':').map_or(&*decoded, |(name, _)| name);
        [&*decoded, before_verb].iter().any(|name| *name == model || format!("tunedModels/{name}") == model)
    })
}

/// Every parameter that some reader takes for the model's.
fn models_in_query(dialect: Dialect, head: &RequestHead) -> Vec<String> {
    let is_model = |name: &str| {
        name.eq_ignore_ascii_case("model")
            || (dialect == Dialect::Azure && name.eq_ignore_ascii_case("deployment"))
    };
    let pairs = head
        .query()
        .unwrap_or_default()
        .split(['&', ';'])
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let decode =
        |text: &str| percent_decode(text.replace('+', " ").as_bytes()).decode_utf8_lossy().into_owned();
    pairs
        .map(|(name, value)| (decode(name), decode(value)))
        .filter(|(name, _)| is_model(name))
        .map(|(_, value)| value)
        .collect()
}
