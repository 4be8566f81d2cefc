//! Reads answers: however one is cut, it says the same; one that breaks off is never complete; and a document says what
//! it says to `serde_json`.

#![no_main]

use std::sync::LazyLock;

use claimgate::dialect::Operation;
use claimgate::meter::{End, Meter, Usage};
use claimgate::request::{Dialect, Headers};
use claimgate_fuzz::operations::posted;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const OPERATIONS: [(Dialect, &str); 6] = [
    (Dialect::Openai, "/v1/chat/completions"),
    (Dialect::Anthropic, "/v1/messages"),
    (Dialect::Gemini, "/v1beta/models/m:streamGenerateContent"),
    (Dialect::Bedrock, "/model/m/converse-stream"),
    (Dialect::Bedrock, "/model/m/invoke"),
    (Dialect::Azure, "/openai/deployments/d/audio/transcriptions"),
];
const CONTENT_TYPES: [&str; 3] =
    ["application/json", "text/event-stream", "application/vnd.amazon.eventstream"];

static KNOWN: LazyLock<Vec<Operation>> = LazyLock::new(|| OPERATIONS.map(posted).into());

// The first letter says the operation, the second the content type, the third where it is cut.
fuzz_target!(|data: &[u8]| {
    let [operation, content_type, cut, body @ ..] = data else { return };
    let operation = &KNOWN[usize::from(operation.wrapping_sub(b'A')) % OPERATIONS.len()];
    let content_type = CONTENT_TYPES[usize::from(content_type.wrapping_sub(b'A')) % CONTENT_TYPES.len()];
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>, end: End| read(operation, content_type, pieces, end);
    let whole = read(&mut std::iter::once(body), End::Whole);
    let middle = body.len() * usize::from(*cut) / 256;
    let (begin, rest) = body.split_at(middle);
    assert_eq!(read(&mut [begin, rest].into_iter(), End::Whole), whole, "cut at {middle}");
    assert_eq!(read(&mut body.chunks(1), End::Whole), whole, "byte by byte");
    assert_eq!(
        read(&mut std::iter::once(begin).chain(rest.chunks(7)), End::Whole),
        whole,
        "in sevens from {middle}"
    );
    assert!(!read(&mut std::iter::once(begin), End::CutOff).is_complete);
    if operation.dialect() == Dialect::Openai && content_type == CONTENT_TYPES[0] {
        agrees_with_tree(&whole, body);
    }
});

fn read(
    operation: &Operation,
    content_type: &str,
    pieces: &mut dyn Iterator<Item = &[u8]>,
    end: End,
) -> Usage {
    let mut headers = Headers::default();
    headers.push("content-type", content_type.as_bytes());
    let mut meter = Meter::open(operation, 200, &headers).expect("it is metered");
    pieces.for_each(|piece| meter.take(piece));
    // How much text went by is an estimate: of an event that comes in one piece only the first text is looked for.
    Usage { text_bytes: 0, ..meter.settle(end) }
}

/// Of a document in which no key comes twice, and none is written with escapes.
fn agrees_with_tree(usage: &Usage, body: &[u8]) {
    let count = |text: &str| body.windows(text.len()).filter(|window| *window == text.as_bytes()).count();
    if body.contains(&b'\\') || count("usage") > 1 || count("prompt_tokens") > 1 || count("input_tokens") > 0
    {
        return;
    }
    let Ok(Value::Object(document)) = serde_json::from_slice(body) else { return };
    let Some(Value::Object(figures)) = document.get("usage") else { return };
    if let Some(input) = figures.get("prompt_tokens").and_then(Value::as_u64) {
        assert_eq!(usage.counts.input, Some(input));
    }
}
