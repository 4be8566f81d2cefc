mod features;
mod forms;
mod items;
mod reach;
mod refusals;
mod volume;

use proptest::prelude::{any, prop, proptest};

use super::{BodyFacts, Wanted, read_body};
use crate::denial::Reason;
use crate::dialect::operation::Operation;
use crate::dialect::recognition::recognise;
use crate::request::{Dialect, RequestHead};

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data; boundary=b";

fn operation(dialect: Dialect, path: &str) -> Operation {
    let pseudo = [(":method", "POST"), (":path", path)];
    let headers = pseudo.map(|(name, value)| (name.to_owned(), value.into()));
    recognise(dialect, &RequestHead::new(headers.into()), None, &[]).unwrap()
}

fn read_as(operation: &Operation, content_type: &str, body: &[u8]) -> Result<BodyFacts, Reason> {
    let request = RequestHead::new(vec![("content-type".to_owned(), content_type.into())]);
    // How much of it there is, and what it says where an expression asks, have tests of their own.
    let facts = read_body(operation, &request, body, &Wanted::default()).map(|facts| BodyFacts {
        text_bytes: 0,
        size: None,
        members: None,
        ..facts
    });
    facts.map_err(|denial| denial.reason())
}

fn read(dialect: Dialect, path: &str, body: &str) -> Result<BodyFacts, Reason> {
    read_as(&operation(dialect, path), JSON, body.as_bytes())
}

fn chat(body: &str) -> Result<BodyFacts, Reason> {
    read(Dialect::Openai, "/v1/chat/completions", body)
}

fn responses(body: &str) -> Result<BodyFacts, Reason> {
    read(Dialect::Openai, "/v1/responses", body)
}

fn facts(model: Option<&str>, stream: Option<bool>, max_tokens: Option<u64>) -> BodyFacts {
    BodyFacts { model: model.map(str::to_owned), stream, max_tokens, ..BodyFacts::default() }
}

/// Python 3 `json.loads`, Node `JSON.parse` and Go `encoding/json` (into a struct and into a map) read the
/// three facts of each of these bodies as written here.
#[test]
fn an_accepted_body_is_read_as_every_reader_reads_it() {
    let rows = [
        ("the usual", r#"{"model":"m","stream":true,"max_tokens":5}"#, facts(Some("m"), Some(true), Some(5))),
        ("nothing", "{}", facts(None, None, None)),
        (
            "null is the same as nothing",
            r#"{"model":null,"stream":null,"max_tokens":null}"#,
            facts(None, None, None),
        ),
        ("blanks around", " \t\r\n{ \"model\" : \"m\" } \n", facts(Some("m"), None, None)),
        ("an escaped key", r#"{"mod\u0065l":"m"}"#, facts(Some("m"), None, None)),
        ("an escaped model", r#"{"model":"\u006d\/\ud83d\ude00"}"#, facts(Some("m/\u{1f600}"), None, None)),
        (
            "the larger of two limits",
            r#"{"max_tokens":9,"max_completion_tokens":7}"#,
            facts(None, None, Some(9)),
        ),
        (
            "the larger of two limits, last",
            r#"{"max_tokens":7,"max_completion_tokens":9}"#,
            facts(None, None, Some(9)),
        ),
        ("no tokens", r#"{"max_tokens":0}"#, facts(None, None, Some(0))),
        (
            "the largest exact integer",
            r#"{"max_tokens":9007199254740991}"#,
            facts(None, None, Some(9_007_199_254_740_991)),
        ),
        (
            "a model further down",
            r#"{"model":"m","messages":[{"model":"x","Model":"y"}]}"#,
            facts(Some("m"), None, None),
        ),
        (
            "keys twice further down",
            r#"{"messages":[{"role":"user","role":"system"}]}"#,
            facts(None, None, None),
        ),
        ("braces in a text", r#"{"messages":"}{\"model\":\"x\"","model":"m"}"#, facts(Some("m"), None, None)),
        (
            "a key that begins alike",
            r#"{"models_":1,"model ":2,"modell":3,"model":"m"}"#,
            facts(Some("m"), None, None),
        ),
        (
            "numbers of all kinds",
            r#"{"a":[1,-1,1.5,1e9,-0,18446744073709551616],"model":"m"}"#,
            facts(Some("m"), None, None),
        ),
        ("not a stream", r#"{"stream":false}"#, facts(None, Some(false), None)),
    ];
    for (note, body, expected) in rows {
        assert_eq!(chat(body), Ok(expected), "{note}");
    }
}

#[test]
fn a_body_is_read_only_as_what_the_operation_takes() {
    let chat = operation(Dialect::Openai, "/v1/chat/completions");
    let form = operation(Dialect::Openai, "/v1/audio/transcriptions");
    assert_eq!(read_as(&chat, "text/plain", b"{}"), Err(Reason::BodyUnsupported));
    assert_eq!(read_as(&chat, FORM, b"--b--"), Err(Reason::BodyUnsupported));
    assert_eq!(read_as(&form, JSON, b"{}"), Err(Reason::BodyUnsupported));
    for (dialect, path, model) in [
        (Dialect::Openai, "/v1/images/edits", "m"),
        (Dialect::Azure, "/openai/deployments/d/images/edits", "d"),
        (Dialect::Azure, "/openai/v1/images/edits", "m"),
    ] {
        let edit = operation(dialect, path);
        let json = br#"{"model":"m","stream":true,"images":[{"image_url":"data:image/png;base64,AA=="}]}"#;
        assert_eq!(read_as(&edit, JSON, json), Ok(facts(Some(model), Some(true), None)), "{path}");
        let stored = read_as(&edit, JSON, br#"{"model":"m","mask":{"file_id":"f"}}"#);
        assert!(stored.unwrap().is_stateful, "a stored mask");
        let fields = b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--";
        assert_eq!(read_as(&edit, FORM, fields), Ok(facts(Some(model), None, None)), "{path}");
        assert_eq!(read_as(&edit, FORM, json), Err(Reason::BodyMalformed), "JSON that says it is a form");
        assert_eq!(read_as(&edit, JSON, fields), Err(Reason::BodyMalformed), "a form that says it is JSON");
        assert_eq!(read_as(&edit, "text/plain", json), Err(Reason::BodyUnsupported));
    }
    for path in ["/model/m/invoke", "/model/m/invoke-with-response-stream"] {
        let invoke = operation(Dialect::Bedrock, path);
        let max_tokens = |body: &[u8]| {
            Ok(read_body(&invoke, &RequestHead::new(Vec::new()), body, &Wanted::default())?.max_tokens)
        };
        assert_eq!(max_tokens(br#"{"max_tokens":7}"#), Ok(Some(7)));
        assert_eq!(
            read_as(&invoke, "application/octet-stream", b"{}").map(|facts| facts.max_tokens),
            Ok(None)
        );
        let reason = |read: Result<_, crate::denial::Denial>| read.map_err(|denial| denial.reason());
        assert_eq!(reason(max_tokens(b"\x89PNG")), Err(Reason::BodyMalformed));
        assert_eq!(read_as(&invoke, "text/plain", b"{}"), Err(Reason::BodyUnsupported));
    }
    let converse = operation(Dialect::Bedrock, "/model/m/converse");
    assert_eq!(read_as(&converse, "application/octet-stream", b"{}"), Err(Reason::BodyUnsupported));
    let upload = operation(Dialect::Openai, "/v1/files");
    assert_eq!(
        read_as(&upload, "x/y", b"\xff"),
        Ok(facts(None, Some(false), None)),
        "bytes are passed on unread"
    );
    let batch = read(Dialect::Openai, "/v1/batches", r#"{"input_file_id":"f"}"#).unwrap();
    assert!(batch.model_elsewhere, "a batch has its models in a file");
}

#[test]
fn each_dialect_has_its_own_limit_on_model_tokens() {
    let rows = [
        (Dialect::Openai, "/v1/responses", r#"{"max_output_tokens":7}"#),
        (Dialect::Azure, "/openai/deployments/d/chat/completions", r#"{"max_completion_tokens":7}"#),
        (Dialect::Anthropic, "/v1/messages", r#"{"max_tokens":7}"#),
        (Dialect::Anthropic, "/v1/complete", r#"{"max_tokens_to_sample":7}"#),
        (Dialect::Gemini, "/v1/models/m:generateContent", r#"{"generationConfig":{"maxOutputTokens":7}}"#),
        (Dialect::Gemini, "/v1/models/m:generateContent", r#"{"generation_config":{"max_output_tokens":7}}"#),
        (Dialect::Gemini, "/v1beta/openai/chat/completions", r#"{"max_tokens":7}"#),
        (Dialect::Bedrock, "/model/m/converse", r#"{"inferenceConfig":{"maxTokens":7}}"#),
        (Dialect::Bedrock, "/model/m/converse", r#"{"additionalModelRequestFields":{"max_tokens":7}}"#),
        (Dialect::Bedrock, "/model/m/invoke", r#"{"max_tokens":7}"#),
        (Dialect::Bedrock, "/model/m/invoke", r#"{"max_gen_len":7}"#),
        (Dialect::Bedrock, "/model/m/invoke", r#"{"textGenerationConfig":{"maxTokenCount":7}}"#),
    ];
    for (dialect, path, body) in rows {
        assert_eq!(read(dialect, path, body).map(|facts| facts.max_tokens), Ok(Some(7)), "{dialect} {body}");
    }
}

#[test]
fn a_read_object_is_held_to_the_same_rules() {
    let rows = [
        ("absent as null", r#"{"generationConfig":null}"#, Ok(None)),
        ("both names", r#"{"generationConfig":{},"generation_config":{}}"#, Err(Reason::BodyAmbiguous)),
        (
            "both names within",
            r#"{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":2}}"#,
            Err(Reason::BodyAmbiguous),
        ),
        ("a key twice within", r#"{"generationConfig":{"a":1,"a":2}}"#, Err(Reason::BodyAmbiguous)),
        ("another case within", r#"{"generationConfig":{"maxoutputtokens":1}}"#, Err(Reason::BodyAmbiguous)),
        ("another case", r#"{"generationconfig":{}}"#, Err(Reason::BodyAmbiguous)),
        ("a list", r#"{"generationConfig":[]}"#, Err(Reason::BodyMalformed)),
        (
            "a text that is no number within",
            r#"{"generationConfig":{"maxOutputTokens":"x"}}"#,
            Err(Reason::BodyMalformed),
        ),
        ("protobuf's integer in a text", r#"{"generationConfig":{"maxOutputTokens":"100"}}"#, Ok(Some(100))),
        ("with a fraction of zero", r#"{"generation_config":{"max_output_tokens":100.0}}"#, Ok(Some(100))),
        ("with an exponent", r#"{"generationConfig":{"maxOutputTokens":1e2}}"#, Ok(Some(100))),
        ("with both in a text", r#"{"generationConfig":{"maxOutputTokens":"1.0E2"}}"#, Ok(Some(100))),
        ("with a fraction", r#"{"generationConfig":{"maxOutputTokens":1.5}}"#, Err(Reason::BodyMalformed)),
        ("below zero", r#"{"generationConfig":{"maxOutputTokens":"-1"}}"#, Err(Reason::BodyMalformed)),
        (
            "beyond what is exact",
            r#"{"generationConfig":{"maxOutputTokens":1e17}}"#,
            Err(Reason::BodyMalformed),
        ),
        (
            "an enumeration by its number",
            r#"{"generationConfig":{"responseModalities":[1],"maxOutputTokens":7}}"#,
            Ok(Some(7)),
        ),
    ];
    for (note, body, expected) in rows {
        let read = read(Dialect::Gemini, "/v1beta/models/m:generateContent", body);
        assert_eq!(read.map(|facts| facts.max_tokens), expected, "{note}");
    }
}

#[test]
fn path_and_body_name_the_same_model() {
    use Dialect::{Azure, Bedrock, Gemini};
    let verb = "/v1beta/models/m:generateContent";
    let batch = "/v1beta/models/m:batchEmbedContents";
    let deployment = "/openai/deployments/d/chat/completions";
    let rows = [
        ("Gemini, only the path", Gemini, verb, "{}", Ok("m")),
        ("Gemini, the same", Gemini, verb, r#"{"model":"m"}"#, Ok("m")),
        ("Gemini, the same as a resource", Gemini, verb, r#"{"model":"models/m"}"#, Ok("m")),
        ("Gemini, another", Gemini, verb, r#"{"model":"models/x"}"#, Err(Reason::ModelMismatch)),
        ("Gemini, a tuned one", Gemini, verb, r#"{"model":"tunedModels/m"}"#, Err(Reason::ModelMismatch)),
        ("Gemini, the same in a part", Gemini, batch, r#"{"requests":[{"model":"models/m"}]}"#, Ok("m")),
        (
            "Gemini, another in a part",
            Gemini,
            batch,
            r#"{"requests":[{"model":"models/m"},{"model":"models/x"}]}"#,
            Err(Reason::ModelMismatch),
        ),
        (
            "Gemini, as a parameter's name",
            Gemini,
            verb,
            r#"{"tools":[{"functionDeclarations":[{"parameters":{"model":"x"}}]}]}"#,
            Ok("m"),
        ),
        ("Gemini as OpenAI", Gemini, "/v1beta/openai/chat/completions", r#"{"model":"models/m"}"#, Ok("m")),
        ("Bedrock, another", Bedrock, "/model/m/invoke", r#"{"model":"x"}"#, Err(Reason::ModelMismatch)),
        ("Bedrock, the same", Bedrock, "/model/m%3A0/invoke", r#"{"model":"m:0"}"#, Ok("m:0")),
        ("Azure, the deployment decides", Azure, deployment, r#"{"model":"gpt-4o"}"#, Ok("d")),
        ("Azure v1, the body decides", Azure, "/openai/v1/chat/completions", r#"{"model":"d2"}"#, Ok("d2")),
    ];
    for (note, dialect, path, body, expected) in rows {
        let model = read(dialect, path, body).map(|facts| facts.model);
        assert_eq!(model, expected.map(|model| Some(model.to_owned())), "{note}");
    }
}

#[test]
fn the_path_decides_about_the_stream_where_it_says_so() {
    let stream = |dialect, path| read(dialect, path, r#"{"stream":true}"#).unwrap().stream;
    assert_eq!(stream(Dialect::Gemini, "/v1/models/m:streamGenerateContent"), Some(true));
    assert_eq!(stream(Dialect::Bedrock, "/model/m/invoke"), Some(false));
    assert_eq!(stream(Dialect::Anthropic, "/v1/messages"), Some(true));
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        for (path, content_type) in [("/v1/responses", JSON), ("/v1/audio/transcriptions", FORM)] {
            let _ = read_as(&operation(Dialect::Openai, path), content_type, &body);
        }
    }

    #[test]
    fn nothing_like_json_panics(body in r#"[{}\[\]",:0-9a-f\\u. -]{0,80}"#) {
        let _ = chat(&format!("{{\"model\":{body}"));
        let _ = responses(&format!("{{\"input\":[{body}]}}"));
    }

    /// Every fact that is read is what serde_json's own tree holds.
    #[test]
    fn an_accepted_body_holds_what_a_tree_holds(model in "[a-z\u{e9}\\\\\"/]{1,8}", limit in any::<u32>(), user in any::<String>()) {
        let tree = serde_json::json!({"user": user, "model": model, "max_tokens": limit, "stream": false});
        proptest::prop_assert_eq!(chat(&tree.to_string()), Ok(facts(Some(&model), Some(false), Some(limit.into()))));
    }
}
