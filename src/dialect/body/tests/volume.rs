//! How much text a body has.

use super::{JSON, operation};
use crate::dialect::body::{Wanted, read_body};
use crate::request::{Dialect, RequestHead};

const CHAT: (Dialect, &str) = (Dialect::Openai, "/v1/chat/completions");
const MESSAGES: (Dialect, &str) = (Dialect::Anthropic, "/v1/messages");
const GENERATE: (Dialect, &str) = (Dialect::Gemini, "/v1beta/models/m:generateContent");
const CONVERSE: (Dialect, &str) = (Dialect::Bedrock, "/model/m/converse");

fn text_bytes((dialect, path): (Dialect, &str), body: &str) -> u64 {
    let request = RequestHead::new(vec![("content-type".to_owned(), JSON.into())]);
    read_body(&operation(dialect, path), &request, body.as_bytes(), &Wanted::default()).unwrap().text_bytes
}

#[test]
fn text_is_counted_and_media_is_not() {
    let media = "QUJD".repeat(100);
    for (asked, body, want, note) in [
        (CHAT, r#"{"messages":[{"content":"abcde"}]}"#.to_owned(), 5, "a text"),
        (CHAT, r#"{"messages":[{"content":"a\n\"b"}]}"#.to_owned(), 4, "an escape is one byte"),
        (
            CHAT,
            r#"{"messages":[{"content":"\u4e2d\ud83d\ude00"}]}"#.to_owned(),
            7,
            "letters that are escaped",
        ),
        (CHAT, "{\"messages\":[{\"content\":\"\u{4e2d}\"}]}".to_owned(), 3, "letters that are not"),
        (CHAT, r#"{"prompt":[1,2,30000]}"#.to_owned(), 12, "a prompt in model tokens"),
        (CHAT, r#"{"tools":[{"function":{"description":"abc"}}]}"#.to_owned(), 3, "a tool"),
        (
            CHAT,
            format!(r#"{{"m":[{{"image_url":{{"url":"data:image/png;base64,{media}"}}}}]}}"#),
            0,
            "a picture",
        ),
        (CHAT, format!(r#"{{"m":[{{"input_audio":{{"data":"{media}"}}}}]}}"#), 0, "sound"),
        (
            CHAT,
            format!(r#"{{"m":[{{"file_data":"data:application/pdf;base64,{media}"}}]}}"#),
            0,
            "a document",
        ),
        (
            CHAT,
            format!(r#"{{"m":[{{"file_data":"data:text/plain;base64,{media}"}}]}}"#),
            423,
            "a text document",
        ),
        (
            CHAT,
            format!(r#"{{"m":[{{"file_data":"data:text\/plain;base64,{media}"}}]}}"#),
            423,
            "with an escape",
        ),
        (
            CHAT,
            format!(r#"{{"m":[{{"content":"data:image/png;base64,{media}"}}]}}"#),
            422,
            "where a text belongs",
        ),
        (
            CHAT,
            format!(r#"{{"m":[{{"arguments":{{"data":"{media}"}}}}]}}"#),
            400,
            "what a tool is called with",
        ),
        (MESSAGES, format!(r#"{{"s":{{"media_type":"image/png","data":"{media}"}}}}"#), 9, "a picture"),
        (
            MESSAGES,
            format!(r#"{{"s":{{"type":"text","media_type":"text/plain","data":"{media}"}}}}"#),
            414,
            "a text",
        ),
        (MESSAGES, format!(r#"{{"s":{{"data":"{media}","type":"text"}}}}"#), 404, "whatever comes first"),
        (
            MESSAGES,
            format!(r#"{{"s":[{{"type":"text"}},{{"data":"{media}"}}]}}"#),
            4,
            "beside another's text",
        ),
        (GENERATE, format!(r#"{{"inlineData":{{"mimeType":"audio/wav","data":"{media}"}}}}"#), 9, "sound"),
        (
            GENERATE,
            format!(r#"{{"inline_data":{{"mime_type":"text/csv","data":"{media}"}}}}"#),
            408,
            "a table",
        ),
        (
            CONVERSE,
            format!(r#"{{"m":[{{"image":{{"format":"png","source":{{"bytes":"{media}"}}}}}}]}}"#),
            3,
            "a picture",
        ),
        (CONVERSE, format!(r#"{{"images":["{media}","{media}"]}}"#), 0, "pictures"),
    ] {
        assert_eq!(text_bytes(asked, &body), want, "{note}");
    }
}
