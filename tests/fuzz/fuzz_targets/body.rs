//! Reads bodies: what is accepted says the same to `serde_json`, and no name is there twice.

#![no_main]

use std::sync::LazyLock;

use claimgate::dialect::{
    BodyFacts, BodyForm, Feature, Fields, Operation, Wanted, read_beginning, read_body,
};
use claimgate::request::{Dialect, RequestHead};
use claimgate_fuzz::messages::cut;
use claimgate_fuzz::operations::posted;
use claimgate_fuzz::opinion::{agrees_with_form, agrees_with_tree};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

const OPERATIONS: [(Dialect, &str); 19] = [
    (Dialect::Openai, "/v1/chat/completions"),
    (Dialect::Openai, "/v1/responses"),
    (Dialect::Openai, "/v1/audio/transcriptions"),
    (Dialect::Openai, "/v1/images/edits"),
    (Dialect::Openai, "/v1/batches"),
    (Dialect::Azure, "/openai/deployments/d/chat/completions"),
    (Dialect::Azure, "/openai/deployments/d/audio/transcriptions"),
    (Dialect::Anthropic, "/v1/messages"),
    (Dialect::Anthropic, "/v1/messages/batches"),
    (Dialect::Gemini, "/v1beta/models/m:generateContent"),
    (Dialect::Gemini, "/v1beta/models/m:streamGenerateContent"),
    (Dialect::Gemini, "/v1beta/cachedContents"),
    (Dialect::Gemini, "/v1beta/openai/chat/completions"),
    (Dialect::Bedrock, "/model/m/converse"),
    (Dialect::Bedrock, "/model/m/invoke-with-response-stream"),
    (Dialect::Openai, "/v1/embeddings"),
    (Dialect::Vertex, "/v1/projects/p/locations/l/publishers/google/models/m:generateContent"),
    (Dialect::Vertex, "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict"),
    (Dialect::Vertex, "/v1/projects/p/locations/l/endpoints/openapi/chat/completions"),
];

static KNOWN: LazyLock<Vec<Operation>> = LazyLock::new(|| OPERATIONS.map(posted).into());

// The first byte says the operation, the rest of its line the content type: none is the usual one.
fuzz_target!(|data: &[u8]| {
    let Some((selector, rest)) = data.split_first() else { return };
    let operation = &KNOWN[usize::from(selector.wrapping_sub(b'A')) % OPERATIONS.len()];
    let (content_type, body) = cut(rest, b"\n");
    let content_type = match (content_type, operation.body_form()) {
        (b"", BodyForm::Multipart | BodyForm::JsonOrMultipart) => b"multipart/form-data; boundary=b",
        (b"", _) => b"application/json".as_slice(),
        (sent, _) => sent,
    };
    let head = RequestHead::new(vec![("content-type".to_owned(), content_type.to_vec())]);
    let nothing = Wanted::default();
    let read = read_body(operation, &head, body, &nothing);
    assert_eq!(read, read_body(operation, &head, body, &nothing), "two readings of the same body");
    let all = read_body(operation, &head, body, &everything());
    let form = operation.form_of(&head);
    if form == BodyForm::Multipart {
        // Cut somewhere, the same body is read in pieces.
        let middle = body.len() * usize::from(*selector) / 256;
        assert!(in_pieces(operation, &head, body, middle).is_none_or(|pieces| read == Ok(pieces)));
    }
    let Ok(facts) = read else {
        assert!(all.is_err(), "to ask for more lets no body pass");
        return;
    };
    match form {
        BodyForm::Json => {
            agrees_with_tree(operation, &facts, body);
            if let Ok(all) = all {
                says_as_much(&facts, &all, body);
                each_feature_by_itself(operation, &head, body, &all);
            }
        }
        BodyForm::Multipart => agrees_with_form(operation, &facts, boundary(body), body),
        form => panic!("`{form:?}` is no form of these operations"),
    }
});

fn everything() -> Wanted {
    let mut wanted = Wanted::default();
    wanted.demanded.add_body();
    Feature::ALL.into_iter().for_each(|feature| wanted.demanded.add_feature(feature));
    wanted
}

/// Who asks for more is told the same of the rest, and the body as `serde_json` reads it.
fn says_as_much(facts: &BodyFacts, all: &BodyFacts, body: &[u8]) {
    let tree: Map<String, Value> = serde_json::from_slice(body).expect("an accepted body is an object");
    assert_eq!(all.members.as_ref(), Some(&tree), "the body itself");
    let rest = BodyFacts { features: Map::new(), members: Some(Map::new()), ..all.clone() };
    assert_eq!(rest, *facts, "the facts that every decision rests on");
}

/// A feature that is found among all members is found among its own.
fn each_feature_by_itself(operation: &Operation, head: &RequestHead, body: &[u8], all: &BodyFacts) {
    for feature in Feature::ALL {
        let mut wanted = Wanted::default();
        wanted.demanded.add_feature(feature);
        let alone = read_body(operation, head, body, &wanted).expect("less is asked for");
        let name = feature.name();
        assert_eq!(alone.features.get(name), all.features.get(name), "`{name}`");
    }
}

/// The facts of a form that was decided on by its beginning, where nothing spoke against it later.
fn in_pieces(operation: &Operation, head: &RequestHead, body: &[u8], middle: usize) -> Option<BodyFacts> {
    let (beginning, rest) = body.split_at(middle);
    let (facts, mut form) = read_beginning(operation, head, beginning, Fields::All).ok()??;
    for piece in rest.chunks(7) {
        form.take(piece).ok()?;
    }
    form.finish().ok()?;
    Some(facts)
}

/// What an accepted form begins with, without the two hyphens.
fn boundary(body: &[u8]) -> &str {
    let line = cut(body, b"\r\n").0;
    let line = std::str::from_utf8(line).expect("a boundary is ASCII");
    // A form without parts is its closing delimiter.
    line[2..].strip_suffix("--").filter(|_| !body.contains(&b':')).unwrap_or(&line[2..])
}
