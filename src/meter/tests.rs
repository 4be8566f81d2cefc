mod accents;
mod estimates;

use memchr::memmem::Finder;

use super::base64::Base64Decoder;
use super::json_reader::LONGEST;
use super::model_runs::{MODEL_BYTES, MOST_MODELS};
use super::server_sent_events::ServerSentEvents;
use super::usage_accumulator::{LONGEST_NAME, MOST_REASONS};
use super::{End, Meter, Unknown};
use crate::dialect::{Counts, Operation, recognise};
use crate::request::{Dialect, Headers, RequestHead};

const CHAT: (Dialect, &str) = (Dialect::Openai, "/v1/chat/completions");
const JSON: (&str, &str) = ("content-type", "application/json");
const EVENTS: (&str, &str) = ("content-type", "text/event-stream");

fn operation((dialect, path): (Dialect, &str)) -> Operation {
    let head = [(":method", "POST"), (":path", path)];
    let head = RequestHead::new(head.map(|(name, value)| (name.to_owned(), value.into())).into());
    recognise(dialect, &head, None, &[]).unwrap()
}

fn open(asked: (Dialect, &str), status: u32, headers: &[(&str, &str)]) -> Option<Meter> {
    let mut all = Headers::default();
    headers.iter().for_each(|(name, value)| all.push(name, value.as_bytes()));
    Meter::open(&operation(asked), status, &all)
}

fn read(asked: (Dialect, &str), content_type: (&str, &str), body: &[u8]) -> super::Usage {
    let mut meter = open(asked, 200, &[content_type]).unwrap();
    meter.take(body);
    meter.settle(End::Whole)
}

#[test]
fn only_what_costs_something_is_metered() {
    for (asked, status, is_metered, note) in [
        (CHAT, 200, true, "a chat"),
        (CHAT, 400, false, "a refusal of the provider's"),
        (CHAT, 503, false, "a failure"),
        (CHAT, 302, false, "a redirect"),
        ((Dialect::Anthropic, "/v1/messages/count_tokens"), 200, false, "what costs nothing"),
    ] {
        assert_eq!(open(asked, status, &[JSON]).is_some(), is_metered, "{note}");
    }
}

#[test]
fn what_cannot_be_read_is_named_and_not_read() {
    for (status, headers, unknown, note) in [
        (200, [JSON, ("content-encoding", "gzip")].as_slice(), Some(Unknown::ContentEncoding), "compressed"),
        (
            200,
            &[JSON, ("content-encoding", "identity"), ("content-encoding", "br")],
            Some(Unknown::ContentEncoding),
            "twice",
        ),
        (200, &[JSON, ("content-encoding", "Identity")], None, "not compressed, and says so"),
        (200, &[("content-type", "audio/mpeg")], Some(Unknown::ContentType), "sound"),
        (200, &[("content-type", "application/jsonl")], Some(Unknown::ContentType), "lines of JSON"),
        (200, &[], Some(Unknown::ContentType), "no content type"),
        (200, &[("content-type", "Application/JSON ; charset=UTF-8")], None, "capitals and a parameter"),
        (200, &[("content-type", "application/problem+json")], None, "a kind of JSON"),
        (101, &[], Some(Unknown::Upgrade), "a WebSocket"),
    ] {
        let mut meter = open(CHAT, status, headers).unwrap();
        assert_eq!(meter.reads(), unknown.is_none(), "{note}");
        meter.take(br#"{"usage":{"prompt_tokens":1}}"#);
        let usage = meter.settle(End::Whole);
        assert_eq!((usage.unknown, usage.is_complete), (unknown, unknown.is_none()), "{note}");
    }
}

#[test]
fn why_nothing_is_known() {
    for (content_type, body, end, unknown, note) in [
        (JSON, "{}", End::Whole, Unknown::NotStated, "a document without usage"),
        (JSON, "", End::Whole, Unknown::Unreadable, "nothing at all"),
        (JSON, "<html>", End::Whole, Unknown::Unreadable, "not JSON"),
        (JSON, r#"{"choices": [{"mess"#, End::Whole, Unknown::Unreadable, "a document that stops"),
        (JSON, r#"{"choices": [{"mess"#, End::CutOff, Unknown::CutOff, "one that was cut off"),
        (JSON, r#"{"usage": 7}"#, End::Whole, Unknown::NotStated, "usage that is no object"),
        (
            JSON,
            r#"{"usage": {"prompt_tokens": "12"}}"#,
            End::Whole,
            Unknown::NotStated,
            "a text for a number",
        ),
        (JSON, r#"{"usage": {"prompt_tokens": -1}}"#, End::Whole, Unknown::NotStated, "less than nothing"),
        (JSON, r#"{"usage": {"prompt_tokens": nan}}"#, End::Whole, Unknown::NotStated, "no number"),
        (EVENTS, "data: {}\n\n", End::Whole, Unknown::NotStated, "events without usage"),
        (EVENTS, "", End::CutOff, Unknown::CutOff, "a stream that never began"),
    ] {
        let mut meter = open(CHAT, 200, &[content_type]).unwrap();
        meter.take(body.as_bytes());
        let usage = meter.settle(end);
        assert_eq!(usage.unknown, Some(unknown), "{note}");
        assert_eq!((usage.counts, usage.is_complete), (Counts::default(), false), "{note}");
    }
}

#[test]
fn a_stream_that_breaks_off_costs_at_least_its_events() {
    let delta = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let usage = "data: {\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n";
    for (stream, end, at_least, note) in [
        (delta.repeat(30), End::CutOff, (None, Some(30), Some(30)), "nothing but events"),
        (delta.repeat(30) + "data: {", End::CutOff, (None, Some(30), Some(30)), "and the beginning of one"),
        (delta.repeat(30), End::Whole, (None, Some(30), Some(30)), "a stream that does not tell"),
        (
            usage.to_owned() + &delta.repeat(30),
            End::CutOff,
            (Some(7), Some(31), Some(38)),
            "stated too early",
        ),
        (delta.repeat(30) + usage, End::Whole, (Some(7), Some(2), Some(9)), "one that states all"),
        (String::new(), End::CutOff, (None, None, None), "one that never began"),
    ] {
        let mut meter = open(CHAT, 200, &[EVENTS]).unwrap();
        meter.take(stream.as_bytes());
        let counts = meter.settle(end).at_least();
        assert_eq!((counts.input, counts.output, counts.total), at_least, "{note}");
    }
}

#[test]
fn a_piece_that_went_by_unseen_leaves_the_rest_unread() {
    let mut meter = open(CHAT, 200, &[EVENTS]).unwrap();
    meter.take(b"data: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n");
    meter.miss();
    assert!(!meter.reads());
    let mut nothing = open(CHAT, 200, &[JSON]).unwrap();
    nothing.miss();
    assert_eq!(nothing.settle(End::Whole).unknown, Some(Unknown::Unreadable));
}

#[test]
fn numbers_are_read_as_providers_write_them() {
    for (written, count, note) in [
        ("0", Some(0), "an explicit 0"),
        ("12", Some(12), "a whole number"),
        ("12.0", Some(12), "as a fraction"),
        ("1e3", Some(1000), "with an exponent"),
        ("null", None, "not stated"),
        ("1099511627776", Some(1 << 40), "the largest there is"),
        ("1099511627777", None, "a larger one"),
        ("[12]", None, "in a list that no key leads into"),
        ("{\"prompt_tokens\":12}", None, "below a key of its own name"),
    ] {
        let body = format!("{{\"usage\":{{\"prompt_tokens\":{written},\"completion_tokens\":0}}}}");
        assert_eq!(read(CHAT, JSON, body.as_bytes()).counts.input, count, "{note}");
    }
}

#[test]
fn only_the_keys_of_the_dialect_lead_to_usage() {
    for body in [
        r#"{"choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":9}"}}]}"#,
        r#"{"choices":[{"message":{"usage":{"prompt_tokens":9}}}]}"#,
        r#"{"a":{"usage":{"prompt_tokens":9}}}"#,
        r#"{"usage":{"a":{"prompt_tokens":9}}}"#,
        r#"{"usage":[[[[[[[[[{"prompt_tokens":9}]]]]]]]]]}"#,
        r#"{"usage\u0020":{"prompt_tokens":9}}"#,
        r#"{"usage":"prompt_tokens","x":9}"#,
        r#"{"Usage":{"prompt_tokens":9}}"#,
        r#"{"usageMetadata":{"promptTokenCount":9}}"#,
    ] {
        assert_eq!(read(CHAT, JSON, body.as_bytes()).counts, Counts::default(), "{body}");
        let events = format!("data: {body}\n\n");
        assert_eq!(read(CHAT, EVENTS, events.as_bytes()).counts, Counts::default(), "{events}");
    }
}

#[test]
fn a_message_whose_lengths_are_wrong_ends_the_reading() {
    let asked = (Dialect::Bedrock, "/model/m/converse-stream");
    let content_type = ("content-type", "application/vnd.amazon.eventstream");
    for (lengths, note) in [
        ([0, 0, 0, 20, 0, 0, 0, 0, 1, 2, 3, 4], "a wrong checksum"),
        ([0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0], "shorter than its framing"),
        ([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0], "longer than there may be"),
    ] {
        let usage = read(asked, content_type, &lengths);
        assert_eq!(usage.unknown, Some(Unknown::Unreadable), "{note}");
    }
}

/// Whatever comes, what is kept is a reader of fixed size, what one key or value may take, and the texts of the record.
#[test]
fn the_memory_of_one_answer_is_bounded() {
    let names = 3 * LONGEST_NAME + 2 * LONGEST;
    let runs = MOST_MODELS * (MODEL_BYTES + LONGEST) + LONGEST;
    let texts = (MOST_REASONS + 1) * (LONGEST + size_of::<String>()) + names + runs;
    let marks = 2 * size_of::<Finder<'static>>();
    // A vector may have twice the room that it needs.
    let by_form = (size_of::<ServerSentEvents>() + marks).max(size_of::<Base64Decoder>() + 2 * LONGEST);
    let most = size_of::<Meter>() + 2 * LONGEST + by_form + texts;
    assert!(most <= Meter::MOST_BYTES, "{most} bytes");
}

#[test]
fn hostile_answers_are_read_to_their_end() {
    let usage = r#""usage":{"prompt_tokens":5,"completion_tokens":2}"#;
    let long = "x".repeat(1 << 20);
    for (body, note) in [
        (format!("{{\"a\":{}{},{usage}}}", "[".repeat(1 << 17), "]".repeat(1 << 17)), "deep lists"),
        (format!("{{\"a\":{}1{},{usage}}}", "{\"b\":".repeat(1 << 17), "}".repeat(1 << 17)), "deep objects"),
        (format!("{{\"{long}\":1,{usage}}}"), "a long key"),
        (format!("{{\"model\":\"{long}\",{usage}}}"), "a long model"),
        (format!("{{\"n\":{},{usage}}}", "1".repeat(1 << 20)), "a long number"),
        (
            format!("{{\"choices\":[{}{{}}],{usage}}}", "{\"finish_reason\":\"a\"},".repeat(9999)),
            "many choices",
        ),
        (format!("{{\"t\":\"{}\",{usage}}}", "\\\"\\\\".repeat(9999)), "many escapes"),
    ] {
        for (content_type, body) in [(JSON, body.clone()), (EVENTS, format!("data: {body}\n\n"))] {
            let counts = read(CHAT, content_type, body.as_bytes()).counts;
            assert_eq!((counts.input, counts.output, counts.total), (Some(5), Some(2), Some(7)), "{note}");
        }
    }
}
