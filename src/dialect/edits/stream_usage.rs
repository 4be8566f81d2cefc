//! Asking for the usage of a stream that does not tell it by itself: `stream_options.include_usage` of OpenAI's chat and
//! completions.
//!
//! It is asked for only where the caller has not, and nothing else of the body is touched.

use serde_json::{Map, Value as Json};

use super::body_edit::Edit;
use crate::dialect::body::BodyFacts;
use crate::dialect::operation::{BodyForm, Operation};

const OPTIONS: &str = "stream_options";
const INCLUDE: &str = "include_usage";

impl Operation {
    /// True where a stream tells its usage only when it is asked to.
    pub fn tells_stream_usage_if_asked(&self) -> bool {
        self.wire().is_openais()
            && self.body_form() == BodyForm::Json
            && self.is_metered()
            && matches!(self.name(), "chat" | "text_completion")
    }
}

/// The body with the wish for usage added; `None` where nothing has to be added: it is no stream, the caller has asked for
/// it already, or its options are such that the provider will refuse them.
///
/// The body must be one that `read_body` has accepted, with these facts.
pub fn ask_for_stream_usage(operation: &Operation, facts: &BodyFacts, body: &[u8]) -> Option<Vec<u8>> {
    if !operation.tells_stream_usage_if_asked() || facts.stream != Some(true) {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    let mut edit = Edit::find(text, [OPTIONS]).ok()?;
    let options = match edit.value(OPTIONS) {
        Some(sent) => wishing(serde_json::from_str(sent).ok()?)?,
        None => wishing(Json::Null)?,
    };
    edit.set(OPTIONS, &serde_json::to_string(&options).ok()?);
    edit.done()
}

/// The options with the wish; `None` where they have it, or are none.
fn wishing(options: Json) -> Option<Map<String, Json>> {
    let mut options = match options {
        Json::Null => Map::new(),
        Json::Object(options) => options,
        _ => return None,
    };
    match options.insert(INCLUDE.to_owned(), Json::Bool(true)) {
        Some(Json::Bool(true)) => None,
        _ => Some(options),
    }
}

#[cfg(test)]
mod tests {
    use super::ask_for_stream_usage;
    use crate::dialect::body::BodyFacts;
    use crate::dialect::operation::Operation;
    use crate::dialect::recognition::recognise;
    use crate::request::{Dialect, RequestHead};

    fn operation(dialect: Dialect, path: &str) -> Operation {
        let head = [(":method", "POST"), (":path", path)];
        let head = RequestHead::new(head.map(|(name, value)| (name.to_owned(), value.into())).into());
        recognise(dialect, &head, None, &[]).unwrap()
    }

    fn asked(operation: &Operation, stream: Option<bool>, body: &str) -> Option<String> {
        let facts = BodyFacts { stream, ..BodyFacts::default() };
        ask_for_stream_usage(operation, &facts, body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn the_wish_is_added_where_it_is_missing() {
        let chat = operation(Dialect::Openai, "/v1/chat/completions");
        for (body, want, note) in [
            (
                r#"{"stream":true,"a":[1,{"stream_options":2}]}"#,
                Some(
                    r#"{"stream_options":{"include_usage":true},"stream":true,"a":[1,{"stream_options":2}]}"#,
                ),
                "no options at the top",
            ),
            (
                " { \"stream\" : true , \"t\" : \"\\\"é😀\" } ",
                Some(
                    " {\"stream_options\":{\"include_usage\":true}, \"stream\" : true , \"t\" : \"\\\"é😀\" } ",
                ),
                "blanks, escapes and letters of several bytes",
            ),
            (
                r#"{"stream":true,"stream_options": null ,"n":1}"#,
                Some(r#"{"stream":true,"stream_options":{"include_usage":true} ,"n":1}"#),
                "options that are null",
            ),
            (
                r#"{"stream_options":{},"stream":true}"#,
                Some(r#"{"stream_options":{"include_usage":true},"stream":true}"#),
                "empty options",
            ),
            (
                r#"{"stream":true,"stream_options":{"include_usage":false,"include_obfuscation":false}}"#,
                Some(
                    r#"{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}"#,
                ),
                "a wish for none",
            ),
            (
                r#"{"stream":true,"stream\u005foptions":{"include_usage":null}}"#,
                Some(r#"{"stream":true,"stream\u005foptions":{"include_usage":true}}"#),
                "a key with an escape",
            ),
            (r#"{"stream":true,"stream_options":{"include_usage":true}}"#, None, "the caller's own wish"),
            (r#"{"stream":true,"stream_options":[]}"#, None, "options that the provider refuses"),
            (r#"{"stream":true,"stream_options":{"#, None, "what is no JSON"),
        ] {
            let read = asked(&chat, Some(true), body);
            // How far the blanks around the options go is the same to every reader.
            let same = |text: &str| text.replace("\": {", "\":{");
            assert_eq!(read.as_deref().map(same), want.map(same), "{note}");
        }
    }

    #[test]
    fn it_is_added_only_to_streams_that_need_it() {
        let body = r#"{"stream":true}"#;
        for (dialect, path, is_asked) in [
            (Dialect::Openai, "/v1/chat/completions", true),
            (Dialect::Openai, "/v1/completions", true),
            (Dialect::Azure, "/openai/deployments/d/chat/completions", true),
            (Dialect::Gemini, "/v1beta/openai/chat/completions", true),
            (Dialect::Openai, "/v1/responses", false),
            (Dialect::Openai, "/v1/images/generations", false),
            (Dialect::Openai, "/v1/audio/transcriptions", false),
            (Dialect::Openai, "/v1/chat/completions/id", false),
            (Dialect::Anthropic, "/v1/messages", false),
            (Dialect::Bedrock, "/model/m/converse-stream", false),
        ] {
            assert_eq!(asked(&operation(dialect, path), Some(true), body).is_some(), is_asked, "{path}");
        }
        let chat = operation(Dialect::Openai, "/v1/chat/completions");
        assert_eq!(asked(&chat, Some(false), body), None);
        assert_eq!(asked(&chat, None, body), None);
    }
}
