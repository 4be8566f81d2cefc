//! What an answer cost at least, where it does not tell.

use super::super::{End, Meter, Unknown, Usage};
use super::{CHAT, EVENTS, JSON, open, read};
use crate::dialect::Counts;
use crate::request::Dialect;

const COMPLETIONS: (Dialect, &str) = (Dialect::Openai, "/v1/completions");
const RESPONSES: (Dialect, &str) = (Dialect::Openai, "/v1/responses");
const MESSAGES: (Dialect, &str) = (Dialect::Anthropic, "/v1/messages");
const GENERATE: (Dialect, &str) = (Dialect::Gemini, "/v1beta/models/m:streamGenerateContent");
const CONVERSE: (Dialect, &str) = (Dialect::Bedrock, "/model/m/converse");

/// The events, and what a stream of them costs that is broken off behind the last one; however it is cut into pieces.
fn broken_off(asked: (Dialect, &str), events: &[String]) -> Usage {
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let in_pieces = |length: usize| {
        let mut meter: Meter = open(asked, 200, &[EVENTS]).unwrap();
        stream.as_bytes().chunks(length).for_each(|piece| meter.take(piece));
        meter.settle(End::CutOff)
    };
    let usage = in_pieces(stream.len().max(1));
    for length in [1, 7, 100, 1000] {
        assert_eq!(in_pieces(length).text_bytes, usage.text_bytes, "in pieces of {length}: {stream}");
    }
    usage
}

#[test]
fn the_text_that_went_by_is_counted_wherever_it_stands() {
    let long = "x".repeat(3000);
    let written =
        |text: &str| format!(r#"{{"model":"m","choices":[{{"delta":{{"content":"{text}"}},"x":1}}]}}"#);
    let tool = r#"{"model":"m","choices":[{"delta":{"content":null,"tool_calls":[{"function":{"arguments":"{\"a"}}]}}]}"#;
    let thought = r#"{"choices":[{"delta": {"content": null, "reasoning_content": "abcd"}}], "usage": null}"#;
    let event = |kind: &str, rest: &str| format!(r#"{{"type":"{kind}",{rest}}}"#);
    let generated = |text: &str, rest: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}]}}}}],"modelVersion":"m"{rest}}}"#
        )
    };
    let block = |delta: &str| event("content_block_delta", &format!(r#""index":0,"delta":{{{delta}}}"#));
    for (asked, events, want, note) in [
        (CHAT, vec![written("abcde"); 20], 100, "a chat"),
        (CHAT, vec![written(""), written(r#"\n\u00e9\""#), written("é")], 9, "escapes"),
        (CHAT, vec![written(&long), written(&long)], 6000, "long texts"),
        (CHAT, vec![tool.to_owned(); 9], 27, "a call of a tool"),
        (CHAT, vec![thought.to_owned(); 9], 36, "thoughts"),
        (CHAT, [vec![written("ab"); 9], vec![thought.to_owned(); 2]].concat(), 26, "one and then the other"),
        (
            COMPLETIONS,
            vec![r#"{"model":"m","choices":[{"index":0,"text":"abc"}]}"#.to_owned(); 9],
            27,
            "a text",
        ),
        (
            RESPONSES,
            [
                vec![event("response.created", r#""response":{"model":"m","usage":null}"#)],
                vec![event("response.output_text.delta", r#""delta":"abcd""#); 9],
                vec![event("response.output_text.done", r#""text":"abcdabcd""#)],
                vec![event("response.output_text.done", &format!(r#""text":"{long}""#))],
                vec![event("response.content_part.done", r#""part":{"text":"abcdabcd"}"#)],
            ]
            .concat(),
            36,
            "a response, and its text once more",
        ),
        (
            MESSAGES,
            vec![
                event(
                    "message_start",
                    r#""message":{"model":"m","usage":{"input_tokens":5,"output_tokens":1}}"#,
                ),
                event("content_block_start", r#""content_block":{"type":"text","text":""}"#),
                block(r#""type":"text_delta","text":"abc""#),
                block(r#""type":"thinking_delta","thinking":"abcd""#),
                block(r#""type":"input_json_delta","partial_json":"{\"a""#),
            ],
            10,
            "a message",
        ),
        (GENERATE, vec![generated("abc", ""), generated("d", "")], 4, "what Gemini does not tell"),
        (
            GENERATE,
            vec![generated("abc", r#","usageMetadata":{"candidatesTokenCount":1}"#), generated("de", "")],
            2,
            "and what it does",
        ),
        (CHAT, vec!["[DONE]".to_owned(), r#"{"a":"b"}"#.to_owned()], 0, "none"),
    ] {
        assert_eq!(broken_off(asked, &events).text_bytes, want, "{note}");
    }
}

#[test]
fn a_document_that_does_not_tell_is_taken_by_its_text() {
    for (asked, body, want) in [
        (CHAT, r#"{"choices":[{"message":{"content":"abcdefgh"}}]}"#, Some(2)),
        (MESSAGES, r#"{"content":[{"type":"text","text":"abcdefgh"}],"stop_reason":"end_turn"}"#, Some(2)),
        (CONVERSE, r#"{"delta":{"text":"abcdefgh"}}"#, Some(2)),
        (CHAT, r#"{"choices":[]}"#, None),
    ] {
        let usage = read(asked, JSON, body.as_bytes());
        assert_eq!((usage.is_complete, usage.at_least().output), (false, want), "{body}");
        assert_eq!(usage.counts, Counts::default(), "what the record has is what was stated: {body}");
    }
}

#[test]
fn what_was_stated_is_never_less_than_it_was() {
    let counts = |input, output, total| Counts { input, output, total, ..Counts::default() };
    let usage = |stated: Counts, text_bytes, events, asked| Usage {
        counts: stated,
        text_bytes,
        events,
        asked,
        ..Usage::default()
    };
    for (usage, want, note) in [
        (usage(counts(None, None, None), 0, 0, None), (None, None, None), "nothing at all"),
        (usage(counts(None, None, None), 0, 0, Some(9)), (Some(9), None, Some(9)), "the request alone"),
        (usage(counts(None, None, None), 43, 2, Some(9)), (Some(9), Some(10), Some(19)), "and the text"),
        (
            usage(counts(None, None, None), 43, 99, Some(9)),
            (Some(9), Some(99), Some(108)),
            "many small events",
        ),
        (
            usage(counts(Some(5), Some(1), Some(6)), 40, 2, Some(9)),
            (Some(5), Some(11), Some(16)),
            "a first count",
        ),
        (usage(counts(Some(5), Some(7), Some(12)), 0, 2, Some(9)), (Some(5), Some(7), Some(12)), "figures"),
        (usage(counts(None, None, Some(50)), 0, 2, Some(9)), (Some(9), Some(2), Some(50)), "a total alone"),
    ] {
        let least = usage.at_least();
        assert_eq!((least.input, least.output, least.total), want, "{note}");
    }
    let stated = counts(Some(5), Some(7), Some(12));
    let whole = Usage { is_complete: true, ..usage(stated, 4000, 900, Some(900)) };
    assert_eq!(whole.at_least(), stated, "what stated all is believed");
}

#[test]
fn a_figure_that_no_answer_can_have_is_none() {
    let most: u64 = 1 << 40;
    for (asked, body, is_read, note) in [
        (CHAT, format!(r#"{{"usage":{{"prompt_tokens":{most},"completion_tokens":1}}}}"#), true, "the most"),
        (
            CHAT,
            format!(r#"{{"usage":{{"prompt_tokens":{},"completion_tokens":1}}}}"#, most + 1),
            false,
            "one more",
        ),
        (
            CHAT,
            format!(r#"{{"usage":{{"prompt_tokens":1,"total_tokens":{}}}}}"#, 1_u64 << 63),
            false,
            "a total",
        ),
        (CHAT, r#"{"usage":{"prompt_tokens":18446744073709551616}}"#.to_owned(), false, "more than fits"),
        (CHAT, r#"{"usage":{"prompt_tokens":1e300}}"#.to_owned(), false, "with an exponent"),
        (CHAT, r#"{"usage":{"prompt_tokens":1,"seconds":1e12}}"#.to_owned(), false, "sound"),
        (
            CHAT,
            format!(
                r#"{{"usage":{{"prompt_tokens":1,"prompt_tokens_details":{{"cached_tokens":{}}}}}}}"#,
                u64::MAX
            ),
            false,
            "a share",
        ),
        (
            MESSAGES,
            format!(
                r#"{{"usage":{{"input_tokens":1,"iterations":[{0},{0}]}}}}"#,
                format!(r#"{{"input_tokens":{most}}}"#)
            ),
            false,
            "a sum of runs",
        ),
        (MESSAGES, r#"{"usage":{"input_tokens":-9,"output_tokens":"a"}}"#.to_owned(), false, "no figures"),
    ] {
        let usage = read(asked, JSON, body.as_bytes());
        assert_eq!(usage.is_complete, is_read, "{note}");
        if !is_read {
            let unknown = if note == "no figures" { Unknown::NotStated } else { Unknown::Unreadable };
            assert_eq!((usage.unknown, usage.counts), (Some(unknown), Counts::default()), "{note}");
        }
    }
    let headers = [JSON, ("x-amzn-bedrock-input-token-count", "9223372036854775808")];
    let invoked = open((Dialect::Bedrock, "/model/m/invoke"), 200, &headers).unwrap();
    assert_eq!(invoked.settle(End::Whole).unknown, Some(Unknown::Unreadable), "in a header");
}
