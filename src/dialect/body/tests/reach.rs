use super::{read, responses};
use crate::request::Dialect;

/// (is_stateful, model_elsewhere)
fn reach(dialect: Dialect, path: &str, body: &str) -> (bool, bool) {
    let facts = read(dialect, path, body).unwrap();
    (facts.is_stateful, facts.model_elsewhere)
}

#[test]
fn a_body_that_reaches_beyond_the_request_says_so() {
    use Dialect::{Anthropic, Azure, Bedrock, Gemini, Openai};
    let (chat, responses, messages) = ("/v1/chat/completions", "/v1/responses", "/v1/messages");
    let (verb, converse) = ("/v1beta/models/m:generateContent", "/model/m/converse");
    let rows = [
        (
            "a previous response",
            Openai,
            responses,
            r#"{"model":"m","previous_response_id":"r"}"#,
            (true, false),
        ),
        ("a previous response's model", Openai, responses, r#"{"previous_response_id":"r"}"#, (true, true)),
        ("a conversation", Openai, responses, r#"{"model":"m","conversation":{"id":"c"}}"#, (true, false)),
        ("a stored prompt", Openai, responses, r#"{"model":"m","prompt":{"id":"p"}}"#, (true, true)),
        ("to be stored", Openai, chat, r#"{"model":"m","store":true}"#, (true, false)),
        ("in the background", Openai, responses, r#"{"model":"m","background":true}"#, (true, false)),
        (
            "a file",
            Openai,
            chat,
            r#"{"model":"m","messages":[{"content":[{"file":{"file_id":"f"}}]}]}"#,
            (true, false),
        ),
        (
            "a file in another case",
            Openai,
            chat,
            r#"{"model":"m","messages":[{"fileId":"f"}]}"#,
            (true, false),
        ),
        (
            "a spoken answer",
            Openai,
            chat,
            r#"{"model":"m","messages":[{"audio":{"id":"a"}}]}"#,
            (true, false),
        ),
        (
            "a vector store",
            Openai,
            responses,
            r#"{"model":"m","tools":[{"vector_store_ids":["v"]}]}"#,
            (true, false),
        ),
        ("a container", Openai, responses, r#"{"model":"m","tools":[{"container":"c"}]}"#, (true, false)),
        ("a tool's own model", Openai, responses, r#"{"model":"m","tools":[{"model":"x"}]}"#, (false, true)),
        ("models to fall back on", Openai, chat, r#"{"model":"m","models":["x"]}"#, (false, true)),
        (
            "Azure's data",
            Azure,
            "/openai/deployments/d/chat/completions",
            r#"{"data_sources":[{}]}"#,
            (true, false),
        ),
        (
            "Azure's data as older versions spell it",
            Azure,
            "/openai/deployments/d/chat/completions",
            r#"{"dataSources":[{}]}"#,
            (true, false),
        ),
        ("a fine-tuned model", Openai, chat, r#"{"model":"ft:gpt-4o:acme::1"}"#, (true, false)),
        (
            "Anthropic's file",
            Anthropic,
            messages,
            r#"{"model":"m","messages":[{"content":[{"source":{"file_id":"f"}}]}]}"#,
            (true, false),
        ),
        ("Anthropic's container", Anthropic, messages, r#"{"model":"m","container":"c"}"#, (true, false)),
        (
            "Anthropic's tool with a model",
            Anthropic,
            messages,
            r#"{"model":"m","tools":[{"model":"x"}]}"#,
            (false, true),
        ),
        ("Gemini's cache", Gemini, verb, r#"{"cachedContent":"cachedContents/c"}"#, (true, false)),
        ("Gemini's cache by its other name", Gemini, verb, r#"{"cached_content":"c"}"#, (true, false)),
        (
            "Gemini's file",
            Gemini,
            verb,
            r#"{"contents":[{"parts":[{"file_data":{"file_uri":"f"}}]}]}"#,
            (true, false),
        ),
        (
            "Bedrock's bucket",
            Bedrock,
            converse,
            r#"{"messages":[{"content":[{"image":{"source":{"s3Location":{"uri":"s3://b"}}}}]}]}"#,
            (true, false),
        ),
    ];
    for (note, dialect, path, body, expected) in rows {
        assert_eq!(reach(dialect, path, body), expected, "{note}");
    }
}

#[test]
fn a_body_that_stays_within_the_request_says_so() {
    use Dialect::{Anthropic, Gemini, Openai};
    let (chat, responses, messages) = ("/v1/chat/completions", "/v1/responses", "/v1/messages");
    let rows = [
        ("not to be stored", Openai, responses, r#"{"model":"m","store":false,"background":null}"#),
        ("stored by default", Openai, responses, r#"{"model":"m","input":"x"}"#),
        ("no previous response", Openai, responses, r#"{"model":"m","previous_response_id":null}"#),
        ("a prompt of text", Openai, "/v1/completions", r#"{"model":"m","prompt":["x"]}"#),
        ("a voice's name", Openai, chat, r#"{"model":"m","audio":{"voice":"alloy","format":"wav"}}"#),
        (
            "a schema about files",
            Openai,
            chat,
            r#"{"model":"m","tools":[{"function":{"parameters":{"file_id":"x","model":"y"}}}]}"#,
        ),
        ("metadata about files", Openai, chat, r#"{"model":"m","metadata":{"file_id":"x"}}"#),
        (
            "an automatic container",
            Openai,
            responses,
            r#"{"model":"m","tools":[{"container":{"type":"auto","file_ids":[]}}]}"#,
        ),
        ("a tool with the same model", Openai, responses, r#"{"model":"m","tools":[{"model":"m"}]}"#),
        (
            "a tool call's arguments",
            Anthropic,
            messages,
            r#"{"model":"m","messages":[{"content":[{"type":"tool_use","id":"t","input":{"file_id":"x"}}]}]}"#,
        ),
        (
            "Gemini's call arguments",
            Gemini,
            "/v1/models/m:generateContent",
            r#"{"contents":[{"parts":[{"functionCall":{"args":{"fileUri":"x"}}}]}]}"#,
        ),
    ];
    for (note, dialect, path, body) in rows {
        assert_eq!(reach(dialect, path, body), (false, false), "{note}");
    }
}

#[test]
fn an_input_item_brings_its_content_or_refers() {
    let rows = [
        ("a message", r#"{"type":"message","id":"msg","role":"user","content":"x"}"#, false),
        ("a message without type", r#"{"id":"msg","role":"user","content":"x"}"#, false),
        ("a function call", r#"{"type":"function_call","id":"fc","call_id":"c","arguments":"{}"}"#, false),
        ("sealed reasoning", r#"{"type":"reasoning","id":"rs","encrypted_content":"x"}"#, false),
        ("no id", r#"{"type":"web_search_call"}"#, false),
        ("a reference", r#"{"type":"item_reference","id":"msg"}"#, true),
        ("a reference without type", r#"{"id":"msg"}"#, true),
        ("a reference with type null", r#"{"type":null,"id":"msg","content":"x"}"#, true),
        (
            "a reference after a type",
            r#"{"type":"message","type":"item_reference","id":"msg","role":"user"}"#,
            true,
        ),
        ("a type escaped", r#"{"type":"item\u005freference","id":"msg","role":"user"}"#, true),
        ("unsealed reasoning", r#"{"type":"reasoning","id":"rs","summary":[]}"#, true),
        ("reasoning sealed with null", r#"{"type":"reasoning","id":"rs","encrypted_content":null}"#, true),
        ("an image by its id", r#"{"type":"image_generation_call","id":"ig"}"#, true),
        (
            "a message with a stored image",
            r#"{"role":"user","content":[{"type":"input_image","file_id":"f"}]}"#,
            true,
        ),
    ];
    for (note, item, expected) in rows {
        let body = format!(r#"{{"model":"m","input":[{item}]}}"#);
        assert_eq!(responses(&body).map(|facts| facts.is_stateful), Ok(expected), "{note}");
    }
}
