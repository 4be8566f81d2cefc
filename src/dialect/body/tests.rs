mod forms;
mod items;
mod reach;
mod volume;

use proptest::prelude::{any, prop, proptest};

use super::{BodyFacts, read_body};
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
    // How much text there is has tests of its own.
    let facts = read_body(operation, &request, body).map(|facts| BodyFacts { text_bytes: 0, ..facts });
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
        let denial = read_body(&chat, &request, body).unwrap_err();
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
        let max_tokens =
            |body: &[u8]| Ok(read_body(&invoke, &RequestHead::new(Vec::new()), body)?.max_tokens);
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
