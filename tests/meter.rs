//! Recorded answers of every dialect, each with what the record must say of it: cut at every byte, broken off at every
//! byte, and byte by byte.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};

use claimgate::audit::{Line, Spent};
use claimgate::dialect::{Operation, recognise};
use claimgate::meter::{End, Meter, Usage};
use claimgate::request::{Dialect, Headers, RequestHead};
use serde::Deserialize;
use serde_json::Value;

/// One answer of a provider.
struct Recorded {
    name: String,
    operation: Operation,
    headers: Headers,
    body: Vec<u8>,
    record: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(rename = "note")]
    _note: String,
    dialect: Dialect,
    path: String,
    headers: std::collections::BTreeMap<String, String>,
    record: Value,
}

impl Recorded {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers");
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let (expected, bodies): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| file.to_str().unwrap().ends_with(".expected.json"));
        assert_eq!(expected.len(), bodies.len(), "an answer and what is expected of it");
        expected.iter().zip(&bodies).map(|(expected, body)| Self::read(expected, body)).collect()
    }

    fn read(expected: &Path, body: &Path) -> Self {
        let name = body.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(expected.to_str().unwrap().ends_with(&format!("/{name}.expected.json")), "{name}");
        let expected: Expected = serde_json::from_slice(&fs::read(expected).unwrap()).unwrap();
        let head = [(":method", "POST"), (":path", &expected.path)];
        let head = RequestHead::new(head.map(|(name, value)| (name.to_owned(), value.into())).into());
        let mut headers = Headers::default();
        expected.headers.iter().for_each(|(name, value)| headers.push(name, value.as_bytes()));
        Self {
            operation: recognise(expected.dialect, &head, None, &[]).unwrap(),
            headers,
            body: fs::read(body).unwrap(),
            record: expected.record,
            name,
        }
    }

    fn read_in<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>, end: End) -> Usage {
        let mut meter = Meter::open(&self.operation, 200, &self.headers).unwrap();
        pieces.into_iter().for_each(|piece| meter.take(piece));
        meter.settle(end)
    }
}

fn record(usage: &Usage) -> Value {
    let mut line = Line::with_room(0);
    Spent { usage, price: None }.write(&mut line);
    let mut record: Value = serde_json::from_str(&line.finish()).unwrap();
    // What an answer did not tell is estimated, in tests of its own.
    record.as_object_mut().unwrap().retain(|name, _| !name.starts_with("claimgate.usage.estimated_"));
    record
}

#[test]
fn every_answer_is_read_alike_wherever_it_is_cut() {
    for recorded in Recorded::all() {
        let body = recorded.body.as_slice();
        let whole = recorded.read_in([body], End::Whole);
        assert_eq!(record(&whole), recorded.record, "{}", recorded.name);
        for middle in 0..=body.len() {
            let (begin, rest) = body.split_at(middle);
            let halves = recorded.read_in([begin, rest], End::Whole);
            assert_eq!(halves, whole, "{} cut at {middle}", recorded.name);
            // The beginning in one piece, and what follows byte by byte.
            if middle % 97 == 0 {
                let bytes = recorded.read_in(std::iter::once(begin).chain(rest.chunks(1)), End::Whole);
                assert_eq!(bytes, whole, "{} byte by byte from {middle}", recorded.name);
            }
        }
        for length in 1..=64 {
            let pieces = recorded.read_in(body.chunks(length), End::Whole);
            assert_eq!(pieces, whole, "{} in pieces of {length}", recorded.name);
        }
    }
}

#[test]
fn an_answer_that_breaks_off_is_never_complete_and_tells_no_more_than_was_there() {
    for recorded in Recorded::all() {
        let whole = recorded.read_in([recorded.body.as_slice()], End::Whole);
        for end in 0..recorded.body.len() {
            let seen = &recorded.body[..end];
            let usage = recorded.read_in([seen], End::CutOff);
            let at = format!("{} broken off at {end}", recorded.name);
            // What was counted in the headers was complete before the body.
            assert!(!usage.is_complete, "{at}");
            assert_eq!(usage, recorded.read_in(seen.chunks(5), End::CutOff), "{at}");
            assert!(usage.counts.input.is_none_or(|input| Some(input) <= whole.counts.input), "{at}");
            assert!(usage.counts.cache_read.is_none_or(|read| Some(read) <= whole.counts.cache_read), "{at}");
        }
    }
}

/// Bytes are dropped, doubled, changed and exchanged, always in the same way.
fn damaged(body: &[u8], seed: u64) -> Vec<u8> {
    const TOKENS: &[&[u8]] = &[
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"\n\n",
        b"data: ",
        b"data",
        b"\"",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"null",
        b"\"usage\":",
        b"\"usage\" : null",
        b"\"model\":\"m\",",
        b"\"finish_reason\":\"x\"",
        b"\xef\xbb\xbf",
        b"\xff",
        b"7",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state.checked_rem(u64::try_from(limit).unwrap()).unwrap_or(0)).unwrap()
    };
    let mut body = body.to_vec();
    for _ in 0..=next(6) {
        let (begin, token) = (next(body.len()), TOKENS.get(next(TOKENS.len())).unwrap());
        let end = body.len().min(begin.saturating_add(next(12)));
        match next(4) {
            0 => drop(body.drain(begin..end)),
            1 => drop(body.splice(begin..end, token.iter().copied())),
            2 => drop(body.splice(begin..begin, token.iter().copied())),
            _ => {
                let piece = body.get(begin..end).unwrap().to_vec();
                let place = next(body.len());
                drop(body.splice(place..place, piece));
            }
        }
    }
    body
}

#[test]
fn a_damaged_answer_is_read_alike_wherever_it_is_cut() {
    for recorded in Recorded::all() {
        for seed in 0..300 {
            let body = damaged(&recorded.body, seed);
            // Where an event is damaged, its text is found by other means as a whole than in pieces.
            let but_for_text = |usage| Usage { text_bytes: 0, ..usage };
            let whole = but_for_text(recorded.read_in([body.as_slice()], End::Whole));
            for length in [1, 2, 7, 64, 300] {
                let pieces = but_for_text(recorded.read_in(body.chunks(length), End::Whole));
                assert_eq!(pieces, whole, "{} with seed {seed} in pieces of {length}", recorded.name);
            }
        }
    }
}

#[test]
fn every_metered_kind_of_answer_is_recorded() {
    let recorded = Recorded::all();
    let has = |dialect: Dialect, ending: &str| {
        recorded.iter().any(|answer| answer.operation.dialect() == dialect && answer.name.contains(ending))
    };
    for (dialect, names) in [
        (
            Dialect::Openai,
            ["chat", "responses", "completions", "embeddings", "images", "transcription", "speech", "rerank"]
                .as_slice(),
        ),
        (Dialect::Azure, &["chat"]),
        (Dialect::Anthropic, &["messages", "messages-document"]),
        (Dialect::Gemini, &["stream", "stream-list", "generate", "embeddings", "openai-chat"]),
        (Dialect::Bedrock, &["converse", "converse-stream", "invoke-stream", "invoke-titan"]),
    ] {
        names.iter().for_each(|name| assert!(has(dialect, name), "{dialect}: {name}"));
    }
}
