//! The JSON that is refused, and in which words.

use super::{JSON, chat, operation, read_as};
use crate::denial::Reason;
use crate::dialect::body::{Wanted, read_body};
use crate::request::{Dialect, RequestHead};

#[test]
fn a_body_that_is_not_one_well_formed_object_is_malformed() {
    let rows: [(&str, &[u8]); 38] = [
        ("nothing", b""),
        ("blanks", b"  "),
        ("an array", b"[]"),
        ("a text", b"\"x\""),
        ("null", b"null"),
        ("a number", b"1"),
        ("cut short", b"{\"model\":\"m\""),
        ("two objects", b"{}{}"),
        ("a trailing byte", b"{}x"),
        ("a trailing NUL", b"{}\0"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("not UTF-8", b"{\"a\":\"\xff\"}"),
        ("UTF-16", b"{\0}\0"),
        ("a surrogate in UTF-8", b"{\"a\":\"\xed\xa0\x80\"}"),
        ("a trailing comma", b"{\"a\":1,}"),
        ("a comment", b"{/**/}"),
        ("single quotes", b"{'model':'m'}"),
        ("a bare key", b"{model:\"m\"}"),
        ("NaN", b"{\"a\":NaN}"),
        ("Infinity", b"{\"a\":-Infinity}"),
        ("a number beyond doubles", b"{\"a\":1e999}"),
        ("a leading zero", b"{\"a\":01}"),
        ("a line break in a text", b"{\"a\":\"\n\"}"),
        ("a lone surrogate in the model", b"{\"model\":\"\\ud800\"}"),
        ("a lone surrogate in a key", b"{\"\\udc00\":1}"),
        ("a lone surrogate in an unread text", b"{\"a\":[\"\\ud800x\"]}"),
        ("a number as model", b"{\"model\":1}"),
        ("a list as model", b"{\"model\":[\"m\"]}"),
        ("an empty model", b"{\"model\":\"\"}"),
        ("a padded model", b"{\"model\":\"m \"}"),
        ("a byte order mark in the model", b"{\"model\":\"\xef\xbb\xbfm\"}"),
        ("NUL in the model", b"{\"model\":\"m\\u0000x\"}"),
        ("a text as stream", b"{\"stream\":\"true\"}"),
        ("a number as stream", b"{\"stream\":1}"),
        ("a negative limit", b"{\"max_tokens\":-1}"),
        ("a limit with a fraction", b"{\"max_tokens\":1.0}"),
        ("a limit with an exponent", b"{\"max_tokens\":1e2}"),
        ("a limit as text", b"{\"max_tokens\":\"1\"}"),
    ];
    let operation = operation(Dialect::Openai, "/v1/chat/completions");
    for (note, body) in rows {
        assert_eq!(read_as(&operation, JSON, body), Err(Reason::BodyMalformed), "{note}");
    }
    for limit in ["9007199254740992", "18446744073709551616", "-0", "null,\"max_completion_tokens\":true"] {
        let body = format!("{{\"max_tokens\":{limit}}}");
        assert_eq!(chat(&body), Err(Reason::BodyMalformed), "{limit}");
    }
}

#[test]
fn a_body_that_readers_read_differently_is_ambiguous() {
    let rows = [
        ("the model twice", r#"{"model":"a","model":"b"}"#),
        ("the model twice, once null", r#"{"model":"a","model":null}"#),
        ("the model twice, the same", r#"{"model":"a","model":"a"}"#),
        ("the model twice, once escaped", r#"{"model":"a","\u006dodel":"b"}"#),
        ("an unread key twice", r#"{"user":"a","user":"b"}"#),
        ("an unread key twice, once escaped", r#"{"us\u0065r":"a","user":"b"}"#),
        ("the model in another case", r#"{"Model":"a"}"#),
        ("the model in two cases", r#"{"model":"a","MODEL":"b"}"#),
        ("another case, escaped", r#"{"\u004dodel":"a"}"#),
        ("a long s", "{\"\u{17f}tream\":true}"),
        ("a Kelvin sign", "{\"max_to\u{212a}ens\":1}"),
        ("a limit in another case", r#"{"Max_Tokens":1}"#),
        ("options of a stream in another case", r#"{"Stream_Options":{"include_usage":false}}"#),
        ("options of a stream with a long s", "{\"\u{17f}tream_options\":{}}"),
        ("options of a stream twice", r#"{"stream_options":{},"stream_options":null}"#),
        ("an option twice", r#"{"stream_options":{"include_usage":false,"include_usage":true}}"#),
        ("an option in another case", r#"{"stream_options":{"include_usage":true,"Include_Usage":false}}"#),
        ("an option with a long s", "{\"stream_options\":{\"include_u\u{17f}age\":false}}"),
        (
            "an option twice, once escaped",
            r#"{"stream_options":{"include_usage":false,"include\u005fusage":1}}"#,
        ),
        ("a key that makes it stateful, in another case", r#"{"Previous_Response_Id":"r"}"#),
    ];
    for (note, body) in rows {
        assert_eq!(chat(body), Err(Reason::BodyAmbiguous), "{note}");
    }
}

/// Where it is and what should stand there; nothing of the body but short names of keys.
#[test]
fn a_refusal_says_what_is_wrong() {
    let long = "k".repeat(65);
    let twice = format!("{{\"{long}\":1,\"{long}\":2}}");
    let deep = format!("{{\"a\":{}", "[".repeat(64));
    let rows: [(&[u8], &str); 36] = [
        (b"", "the body is empty; it must be one JSON object"),
        (b" \n", "the body is empty; it must be one JSON object"),
        (b"[1]", "the body is JSON, but no object"),
        (b"null", "the body is JSON, but no object"),
        (b"hello", "the body is not JSON at byte 0: a value is expected"),
        (b"\xef\xbb\xbf{}", "the body begins with a byte order mark; send it without one"),
        (b"{\"a\":\"b\xff\"}", "the body is not UTF-8 at byte 7"),
        (b"{model:\"m\"}", "the body is not JSON at byte 1: a key stands without quotation marks"),
        (
            b"{'model':1}",
            "the body is not JSON at byte 1: a key stands in single quotation marks; write double ones",
        ),
        (
            b"{\"a\":'m'}",
            "the body is not JSON at byte 5: a text stands in single quotation marks; write double ones",
        ),
        (b"{\"a\":1,}", "the body is not JSON at byte 7: a comma is one too many"),
        (b"{\"a\":[1,]}", "the body is not JSON at byte 8: a value is missing, or a comma is one too many"),
        (b"{\"a\":}", "the body is not JSON at byte 5: a value is missing, or a comma is one too many"),
        (b"{\"a\" 1}", "the body is not JSON at byte 5: `:` is expected behind a key"),
        (b"{\"a\":1 \"b\":2}", "the body is not JSON at byte 7: `,` or `}` is expected"),
        (b"{\"a\":[1 2]}", "the body is not JSON at byte 8: `,` or `]` is expected"),
        (b"{/* hi */}", "the body is not JSON at byte 1: JSON has no comments"),
        (b"{\"a\":NaN}", "the body is not JSON at byte 5: `NaN` and `Infinity` are no numbers of JSON"),
        (b"{\"a\":-Infinity}", "the body is not JSON at byte 5: `NaN` and `Infinity` are no numbers of JSON"),
        (
            b"{\"a\": 01}",
            "the body is not JSON at byte 6: a number has a zero or a sign too many, lacks digits, or is too large",
        ),
        (
            b"{\"a\":1e999}",
            "the body is not JSON at byte 5: a number has a zero or a sign too many, lacks digits, or is too large",
        ),
        (b"{\"a\":True}", "the body is not JSON at byte 5: a value is expected"),
        (
            b"{\"a\":\"b\nc\"}",
            "the body is not JSON at byte 7: a control character stands in a text; write it as an escape",
        ),
        (
            b"{\"a\":\"\\x\"}",
            "the body is not JSON at byte 6: an escape stands for no letter, or for half of one",
        ),
        (
            b"{\"a\":\"\\ud800\"}",
            "the body is not JSON at byte 6: an escape stands for no letter, or for half of one",
        ),
        (b"{\"a\":\"b", "the body is not JSON at byte 7: the body ends within a text"),
        (b"{\"a\":1", "the body ends at byte 6, where `,` or `}` is expected"),
        (b"{\"a\":", "the body ends at byte 5, where a value is expected"),
        (b"{}{}", "the body is not JSON at byte 2: something follows the object"),
        (b"{\"model\":1}", "the key `model` must be a text"),
        (b"{\"stream\":\"true\"}", "the key `stream` must be `true` or `false`"),
        (b"{\"max_tokens\":\"5\"}", "the key `max_tokens` must be a whole number from 0 to 9007199254740991"),
        (b"{\"user\":1,\"us\\u0065r\":2}", "the key `user` comes twice"),
        (twice.as_bytes(), "a key comes twice"),
        (b"{\"Model\":\"m\"}", "the key `Model` differs from one that is read only by case"),
        (deep.as_bytes(), "the body is nested more than 64 levels deep"),
    ];
    let chat = operation(Dialect::Openai, "/v1/chat/completions");
    let request = RequestHead::new(vec![("content-type".to_owned(), JSON.into())]);
    for (body, want) in rows {
        let denial = read_body(&chat, &request, body, &Wanted::default()).unwrap_err();
        let message = denial.message();
        assert_eq!(message.split_once(": ").map(|(_, detail)| detail), Some(want), "{message}");
    }
}

#[test]
fn nesting_is_bounded_at_64() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(chat(&nested(63)).is_ok() && chat(&objects(64)).is_ok());
    for body in [nested(64), nested(100_000), objects(65), objects(100_000)] {
        assert_eq!(chat(&body), Err(Reason::BodyAmbiguous));
    }
    let unclosed = "[".repeat(100_000);
    assert_eq!(chat(&format!("{{\"a\":{unclosed}")), Err(Reason::BodyAmbiguous));
}
