//! What a request asks for, in the words of each dialect.

use serde_json::{Map, Value, json};

use super::{JSON, operation};
use crate::denial::{Denial, Reason};
use crate::dialect::body::{Asked, BodyFacts, Feature, Wanted, read_body};
use crate::request::{Dialect, RequestHead};

type Target = (Dialect, &'static str);

const CHAT: Target = (Dialect::Openai, "/v1/chat/completions");
const RESPONSES: Target = (Dialect::Openai, "/v1/responses");
const AZURE: Target = (Dialect::Azure, "/openai/deployments/d/chat/completions");
const MESSAGES: Target = (Dialect::Anthropic, "/v1/messages");
const GENERATE: Target = (Dialect::Gemini, "/v1beta/models/m:generateContent");
const CONVERSE: Target = (Dialect::Bedrock, "/model/m/converse");
const INVOKE: Target = (Dialect::Bedrock, "/model/m/invoke");

fn asking<'a>(features: impl IntoIterator<Item = &'a str>) -> Asked {
    let mut asked = Asked::default();
    let known = |name: &str| Feature::ALL.into_iter().find(|feature| feature.name() == name).unwrap();
    features.into_iter().for_each(|name| asked.add_feature(known(name)));
    asked
}

fn wanting<'a>(features: impl IntoIterator<Item = &'a str>) -> Wanted {
    Wanted { demanded: asking(features), ..Wanted::default() }
}

fn read((dialect, path): Target, body: &str, wanted: &Wanted) -> Result<BodyFacts, Denial> {
    let request = RequestHead::new(vec![("content-type".to_owned(), JSON.into())]);
    read_body(&operation(dialect, path), &request, body.as_bytes(), wanted)
}

/// The feature, read by itself and together with all others.
fn feature(asked: Target, name: &str, body: &Value) -> Option<Value> {
    let body = body.to_string();
    let alone = read(asked, &body, &wanting([name])).unwrap().features;
    let mut together = read(asked, &body, &wanting(Feature::ALL.map(Feature::name))).unwrap().features;
    together.retain(|other, _| other == name);
    assert_eq!(alone, together, "{body}");
    alone.get(name).cloned()
}

#[track_caller]
fn assert_feature(name: &str, rows: &[(Target, Value, Value)]) {
    for (asked, body, want) in rows {
        let want = (!want.is_null()).then(|| want.clone());
        assert_eq!(feature(*asked, name, body), want, "{name} of {asked:?}: {body}");
    }
}

fn reason(asked: Target, name: &str, body: &str) -> Option<Reason> {
    read(asked, body, &wanting([name])).err().map(|denial| denial.reason())
}

#[test]
fn messages_are_counted() {
    let three = json!([{"role": "user", "content": "a"}, {"role": "assistant"}, {"role": "user"}]);
    assert_feature(
        "messages",
        &[
            (CHAT, json!({"messages": three}), json!(3)),
            (AZURE, json!({"messages": three}), json!(3)),
            (CHAT, json!({"messages": []}), json!(0)),
            (CHAT, json!({"messages": null}), json!(null)),
            (CHAT, json!({}), json!(null)),
            (RESPONSES, json!({"input": "hello"}), json!(1)),
            (RESPONSES, json!({"input": three}), json!(3)),
            (MESSAGES, json!({"messages": three}), json!(3)),
            (GENERATE, json!({"contents": three}), json!(3)),
            (CONVERSE, json!({"messages": three}), json!(3)),
        ],
    );
}

#[test]
fn numbers_are_numbers() {
    assert_feature(
        "n",
        &[
            (CHAT, json!({"n": 4}), json!(4)),
            (GENERATE, json!({"generationConfig": {"candidateCount": 2}}), json!(2)),
            (GENERATE, json!({"generation_config": {"candidate_count": "3"}}), json!(3)),
            (INVOKE, json!({"imageGenerationConfig": {"numberOfImages": 5}}), json!(5)),
            (MESSAGES, json!({"n": 4}), json!(null)),
        ],
    );
    assert_feature(
        "temperature",
        &[
            (CHAT, json!({"temperature": 1}), json!(1.0)),
            (RESPONSES, json!({"temperature": 0.5}), json!(0.5)),
            (MESSAGES, json!({"temperature": 0}), json!(0.0)),
            (GENERATE, json!({"generationConfig": {"temperature": 2}}), json!(2.0)),
            (CONVERSE, json!({"inferenceConfig": {"temperature": 0.1}}), json!(0.1)),
            // The larger of two, as of limits.
            (
                CONVERSE,
                json!({"inferenceConfig": {"temperature": 0.1}, "additionalModelRequestFields": {"temperature": 0.9}}),
                json!(0.9),
            ),
        ],
    );
}

#[test]
fn tools_go_by_their_names() {
    assert_feature(
        "tools",
        &[
            (CHAT, json!({}), json!([])),
            (CHAT, json!({"tools": null}), json!([])),
            (
                CHAT,
                json!({"tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "c"}}]}),
                json!(["f", "c"]),
            ),
            (CHAT, json!({"functions": [{"name": "old"}]}), json!(["old"])),
            (
                RESPONSES,
                json!({"tools": [
                    {"type": "function", "name": "f", "parameters": {"name": "no"}},
                    {"type": "web_search"},
                    {"type": "namespace", "name": "crm", "tools": [{"type": "function", "name": "inner"}]},
                ]}),
                json!(["f", "web_search", "crm", "inner"]),
            ),
            // Two names are two tools: which of them a provider takes is its affair.
            (CHAT, json!({"tools": [{"name": "a", "function": {"name": "b"}}]}), json!(["a", "b"])),
            (MESSAGES, json!({"tools": [{"name": "f", "input_schema": {}}]}), json!(["f"])),
            (
                MESSAGES,
                json!({"tools": [{"type": "bash_20250124", "name": "bash"}], "mcp_servers": [{"type": "url", "name": "crm"}]}),
                json!(["bash", "mcp:url", "mcp:crm"]),
            ),
            (
                GENERATE,
                json!({"tools": [{"functionDeclarations": [{"name": "f"}, {"name": "g"}], "googleSearch": {}}, {"code_execution": {}}]}),
                json!(["google_search", "f", "g", "code_execution"]),
            ),
            (
                CONVERSE,
                json!({"toolConfig": {"tools": [{"toolSpec": {"name": "f"}}, {"systemTool": {"name": "nova_grounding"}}]}}),
                json!(["f", "nova_grounding"]),
            ),
            (INVOKE, json!({"tools": [{"name": "f"}]}), json!(["f"])),
        ],
    );
    for body in [r#"{"tools":["f"]}"#, r#"{"tools":3}"#, r#"{"tools":[{"parameters":{}}]}"#] {
        assert_eq!(reason(CHAT, "tools", body), Some(Reason::BodyMalformed), "{body}");
    }
}

#[test]
fn no_tool_is_hidden() {
    let cached = json!([{"toolSpec": {"name": "f"}}, {"cachePoint": {"type": "default"}}]);
    assert_feature(
        "tools",
        &[
            (
                RESPONSES,
                json!({"input": [{"type": "additional_tools", "tools": [{"type": "function", "name": "shell"}, {"type": "web_search"}]}, {"role": "user"}]}),
                json!(["shell", "web_search"]),
            ),
            (RESPONSES, json!({"input": "hello"}), json!([])),
            (
                CHAT,
                json!({"tools": [{"type": "code_interpreter", "name": "sql"}]}),
                json!(["code_interpreter", "sql"]),
            ),
            (
                GENERATE,
                json!({"tools": [{"type": "mcp_server", "name": "sql"}]}),
                json!(["mcp_server", "sql"]),
            ),
            (
                GENERATE,
                json!({"tools": [{"function_declarations": [{"name": "f"}]}, {}, {"googleSearch": null}]}),
                json!(["f"]),
            ),
            (CONVERSE, json!({"toolConfig": {"tools": cached}}), json!(["f"])),
            // Several requests in one.
            ((Dialect::Anthropic, "/v1/messages/batches"), json!({"requests": []}), json!(null)),
        ],
    );
    for body in [
        r#"{"tools":[{"type":"function","function":{"name":"harmless","Name":"shell"}}]}"#,
        r#"{"tools":[{"name":"harmless","Type":"web_search"}]}"#,
    ] {
        assert_eq!(reason(CHAT, "tools", body), Some(Reason::BodyAmbiguous), "{body}");
    }
}

#[test]
fn what_is_only_noted_refuses_nobody() {
    let body = r#"{"n":2,"N":3,"user":"a","safety_identifier":"b"}"#;
    let noted = Wanted { noted: asking(["n", "user"]), ..Wanted::default() };
    assert_eq!(read(CHAT, body, &noted).unwrap().features, Map::new());
    let both = Wanted { demanded: asking(["temperature"]), noted: asking(["user"]) };
    let told = read(CHAT, r#"{"temperature":1,"user":"a","safety_identifier":"b"}"#, &both).unwrap().features;
    assert_eq!(Value::from(told), json!({"temperature": 1.0}));
}

#[test]
fn the_choice_of_a_tool_is_a_word_or_its_name() {
    assert_feature(
        "tool_choice",
        &[
            (CHAT, json!({}), json!(null)),
            (CHAT, json!({"tool_choice": "required"}), json!("required")),
            (CHAT, json!({"tool_choice": {"type": "function", "function": {"name": "f"}}}), json!("f")),
            (
                CHAT,
                json!({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}}),
                json!("auto"),
            ),
            (CHAT, json!({"function_call": {"name": "old"}}), json!("old")),
            (RESPONSES, json!({"tool_choice": {"type": "web_search"}}), json!("web_search")),
            (RESPONSES, json!({"tool_choice": {"type": "function", "name": "f"}}), json!("f")),
            (MESSAGES, json!({"tool_choice": {"type": "any"}}), json!("required")),
            (MESSAGES, json!({"tool_choice": {"type": "tool", "name": "f"}}), json!("f")),
            (GENERATE, json!({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}), json!("required")),
            (GENERATE, json!({"tool_config": {"function_calling_config": {"mode": "NONE"}}}), json!("none")),
            (GENERATE, json!({"tool_config": {"function_calling_config": {}}}), json!("auto")),
            (CONVERSE, json!({"toolConfig": {"toolChoice": {"any": {}}}}), json!("required")),
            (CONVERSE, json!({"toolConfig": {"toolChoice": {"tool": {"name": "f"}}}}), json!("f")),
        ],
    );
}

#[test]
fn a_choice_that_can_be_read_in_two_ways_is_refused() {
    for (asked, choice, want) in [
        (CHAT, json!({"type": "function", "function": {"name": "none"}}), Reason::BodyAmbiguous),
        (CHAT, json!({"name": "harmless", "function": {"name": "sql"}}), Reason::BodyAmbiguous),
        (CHAT, json!(5), Reason::BodyMalformed),
        (GENERATE, json!({"mode": 2}), Reason::BodyMalformed),
    ] {
        let body = match asked {
            GENERATE => json!({"toolConfig": {"functionCallingConfig": choice}}),
            _ => json!({"tool_choice": choice}),
        };
        assert_eq!(reason(asked, "tool_choice", &body.to_string()), Some(want), "{body}");
    }
}

#[test]
fn a_search_of_the_web_is_found() {
    assert_feature(
        "web_search",
        &[
            (CHAT, json!({}), json!(false)),
            (CHAT, json!({"web_search_options": {}}), json!(true)),
            (CHAT, json!({"tools": [{"type": "function", "function": {"name": "f"}}]}), json!(false)),
            (RESPONSES, json!({"tools": [{"type": "web_search_preview"}]}), json!(true)),
            (RESPONSES, json!({"tools": [{"type": "web_search", "name": "harmless"}]}), json!(true)),
            (
                MESSAGES,
                json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
                json!(true),
            ),
            (
                GENERATE,
                json!({"tools": [{"functionDeclarations": [{"name": "f"}], "googleSearch": {}}]}),
                json!(true),
            ),
            (GENERATE, json!({"tools": [{"google_search_retrieval": {}}]}), json!(true)),
            (GENERATE, json!({"tools": [{"codeExecution": {}}]}), json!(false)),
            (
                CONVERSE,
                json!({"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}),
                json!(true),
            ),
        ],
    );
}

#[test]
fn words_are_read_in_lower_case() {
    assert_feature(
        "service_tier",
        &[
            (CHAT, json!({"service_tier": "priority"}), json!("priority")),
            (MESSAGES, json!({"service_tier": "standard_only"}), json!("standard_only")),
            (GENERATE, json!({"serviceTier": "FLEX"}), json!("flex")),
            (CONVERSE, json!({"serviceTier": {"type": "flex"}}), json!("flex")),
        ],
    );
    assert_feature(
        "reasoning_effort",
        &[
            (CHAT, json!({"reasoning_effort": "high"}), json!("high")),
            (RESPONSES, json!({"reasoning": {"effort": "low"}}), json!("low")),
            (MESSAGES, json!({"output_config": {"effort": "medium"}}), json!("medium")),
            (
                GENERATE,
                json!({"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}}),
                json!("high"),
            ),
            (INVOKE, json!({"reasoning_effort": "low"}), json!("low")),
            (CONVERSE, json!({"additionalModelRequestFields": {"reasoning_effort": "low"}}), json!("low")),
        ],
    );
    assert_feature(
        "response_format",
        &[
            (
                CHAT,
                json!({"response_format": {"type": "json_schema", "json_schema": {}}}),
                json!("json_schema"),
            ),
            (RESPONSES, json!({"text": {"format": {"type": "text"}}}), json!("text")),
            (MESSAGES, json!({"output_config": {"format": {"type": "json_schema"}}}), json!("json_schema")),
            (
                GENERATE,
                json!({"generationConfig": {"responseMimeType": "application/json"}}),
                json!("json_object"),
            ),
            (
                GENERATE,
                json!({"generation_config": {"response_mime_type": "application/json", "response_schema": {}}}),
                json!("json_schema"),
            ),
            (
                CONVERSE,
                json!({"outputConfig": {"textFormat": {"type": "json_schema"}}}),
                json!("json_schema"),
            ),
        ],
    );
    assert_feature(
        "user",
        &[
            (CHAT, json!({"user": "Ann"}), json!("Ann")),
            (RESPONSES, json!({"safety_identifier": "Ann"}), json!("Ann")),
            (MESSAGES, json!({"metadata": {"user_id": "Ann"}}), json!("Ann")),
            (GENERATE, json!({"user": "Ann"}), json!(null)),
        ],
    );
}

#[test]
fn media_are_found_in_the_words_of_each_dialect() {
    const PNG: &str = "data:image/png;base64,AA==";
    let message = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
    let contents = |parts: Value| json!({"contents": [{"parts": parts}]});
    let rows = [
        (CHAT, message(json!("hello")), 0, json!(["text"])),
        (CHAT, json!({}), 0, json!([])),
        (CHAT, message(json!("Data: sales/returns, by month")), 0, json!(["text"])),
        (
            CHAT,
            message(json!([{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": PNG}}])),
            1,
            json!(["text", "image"]),
        ),
        (
            CHAT,
            message(json!([{"type": "image_url", "image_url": "https://x/1"}, {"image_url": {"url": PNG}}])),
            2,
            json!(["image"]),
        ),
        (
            CHAT,
            message(json!([{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}])),
            0,
            json!(["audio"]),
        ),
        (
            CHAT,
            message(json!([{"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}])),
            0,
            json!(["file"]),
        ),
        // A picture that is sent as a file is a picture.
        (CHAT, message(json!([{"type": "file", "file": {"file_data": PNG}}])), 1, json!(["image"])),
        (
            CHAT,
            json!({"audio": {"voice": "alloy", "format": "wav"}, "modalities": ["text", "audio"]}),
            0,
            json!([]),
        ),
        (CHAT, json!({"tools": [{"type": "image_generation"}]}), 0, json!([])),
        (
            RESPONSES,
            json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": PNG}, {"type": "input_text", "text": "x"}]}]}),
            1,
            json!(["text", "image"]),
        ),
        (
            RESPONSES,
            json!({"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": PNG}}]}),
            1,
            json!(["image"]),
        ),
        (
            MESSAGES,
            message(json!([
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                {"type": "image", "source": {"type": "file", "file_id": "f"}},
            ])),
            2,
            json!(["image"]),
        ),
        (
            MESSAGES,
            message(json!([{"type": "document", "source": {"type": "file", "file_id": "f"}}])),
            0,
            json!(["file"]),
        ),
        (
            MESSAGES,
            message(json!([{"type": "tool_result", "content": [
                {"type": "image", "source": {"type": "url", "url": "https://x/1"}},
                {"type": "image", "source": {"type": "url", "url": "https://x/2"}},
            ]}])),
            2,
            json!(["image"]),
        ),
        // What a tool was called with is the caller's own.
        (MESSAGES, message(json!([{"type": "tool_use", "input": {"image": "x"}}])), 0, json!([])),
        (
            GENERATE,
            contents(
                json!([{"text": "x"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}, {"inline_data": {"mime_type": "image/png"}}]),
            ),
            2,
            json!(["text", "image"]),
        ),
        (
            GENERATE,
            contents(json!([{"fileData": {"mimeType": "video/mp4", "fileUri": "https://x/1"}}])),
            0,
            json!(["video"]),
        ),
        (GENERATE, contents(json!([{"fileData": {"fileUri": "https://x/1"}}])), 0, json!(["file"])),
        (
            CONVERSE,
            message(json!([{"image": {"format": "png", "source": {"bytes": "AA=="}}}, {"text": "x"}])),
            1,
            json!(["text", "image"]),
        ),
        (
            CONVERSE,
            message(json!([{"document": {"format": "pdf", "name": "x", "source": {"bytes": "AA=="}}}])),
            0,
            json!(["file"]),
        ),
        (INVOKE, json!({"inVariationParams": {"images": ["AA==", "AA=="]}}), 2, json!(["image"])),
    ];
    for (asked, body, images, modalities) in rows {
        assert_eq!(feature(asked, "images", &body), Some(json!(images)), "{asked:?}: {body}");
        assert_eq!(feature(asked, "modalities", &body), Some(modalities), "{asked:?}: {body}");
    }
}

#[test]
fn what_two_readers_could_read_differently_is_refused_where_it_is_asked_for() {
    let rows = [
        (CHAT, "temperature", r#"{"Temperature":1}"#),
        (CHAT, "temperature", r#"{"temperature":0,"temperature":1}"#),
        (CHAT, "tools", r#"{"tools":[{"name":"a","name":"b"}]}"#),
        (CHAT, "user", r#"{"user":"a","safety_identifier":"b"}"#),
        (CHAT, "reasoning_effort", r#"{"reasoning":{"Effort":"low"}}"#),
        (CHAT, "reasoning_effort", r#"{"reasoning_effort":"low","reasoning":{"effort":"high"}}"#),
        (GENERATE, "service_tier", r#"{"serviceTier":"flex","service_tier":"flex"}"#),
        (GENERATE, "temperature", r#"{"generationConfig":{"temperature":1,"temperature":2}}"#),
    ];
    for (asked, name, body) in rows {
        assert_eq!(reason(asked, name, body), Some(Reason::BodyAmbiguous), "{body}");
        // Where nobody asks, nothing but a key twice where keys are read is wrong with it.
        let unread = read(asked, body, &Wanted::default()).map_err(|denial| denial.reason());
        assert_eq!(unread.is_err(), body.matches(r#""temperature":"#).count() == 2, "{body}");
    }
    for (name, body) in [
        ("n", r#"{"n":"many"}"#),
        ("n", r#"{"n":-1}"#),
        ("n", r#"{"n":1.5}"#),
        ("temperature", r#"{"temperature":"hot"}"#),
        ("temperature", r#"{"temperature":"inf"}"#),
        ("user", r#"{"user":7}"#),
        ("service_tier", r#"{"service_tier":{}}"#),
    ] {
        assert_eq!(reason(CHAT, name, body), Some(Reason::BodyMalformed), "{body}");
    }
}

#[test]
fn members_are_kept_as_they_are() {
    let body = r#"{ "a" : {"b":[1, "x"]} , "model":"m", "generationConfig":{"c":1.5},"n":null }"#;
    let keep = |names: &[&str], whole: bool| {
        let mut wanted = Wanted::default();
        names.iter().for_each(|name| wanted.demanded.add_member(name));
        if whole {
            wanted.demanded.add_body();
        }
        read(GENERATE, body, &wanted).unwrap().members.unwrap()
    };
    let whole: Map<String, Value> = serde_json::from_str(body).unwrap();
    assert_eq!(keep(&[], true), whole);
    assert_eq!(Value::from(keep(&["a", "missing"], false)), json!({"a": {"b": [1, "x"]}}));
    assert_eq!(Value::from(keep(&["generationConfig"], false)), json!({"generationConfig": {"c": 1.5}}));
    assert_eq!(keep(&[], false), Map::new(), "nothing is kept that nobody asks for");

    let mut wanted = Wanted::default();
    wanted.demanded.add_member("a");
    let alike = read(GENERATE, r#"{"A":1}"#, &wanted).map_err(|denial| denial.reason());
    assert_eq!(alike.err(), Some(Reason::BodyAmbiguous));
}

#[test]
fn a_body_of_too_many_values_is_not_read() {
    let body = |values: usize| format!(r#"{{"model":"m","x":[{}1]}}"#, "1,".repeat(values - 1));
    let member = {
        let mut wanted = Wanted::default();
        wanted.demanded.add_member("x");
        wanted
    };
    let media = wanting(["images"]);
    // The list itself is one, and of the whole body the model.
    for (wanted, most) in [(&member, 20_000 - 1), (&media, 300_000 - 2)] {
        assert!(read(CHAT, &body(most), wanted).is_ok());
        let denial = read(CHAT, &body(most + 1), wanted).unwrap_err();
        assert_eq!(denial.reason(), Reason::BodyTooLarge);
    }
    assert!(read(CHAT, &body(400_000), &wanting(["n"])).is_ok(), "what nobody reads is not counted");
}

#[test]
fn a_body_has_its_size_as_it_came() {
    let body = r#"{ "model": "m" }"#;
    assert_eq!(read(CHAT, body, &Wanted::default()).unwrap().size, Some(16));
}
