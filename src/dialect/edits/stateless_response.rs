//! Writing into a request for a response that the provider keeps nothing of it: `store: false`, and where the model
//! reasons the wish for its reasoning sealed, which the next request then brings itself
//! (<https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items>).
//!
//! Nothing else of the body is touched. A body that asks to be kept, `store: true`, is refused before it comes here.

use serde_json::Value as Json;

use super::body_edit::Edit;
use crate::denial::Denial;
use crate::dialect::body::refusal::malformed;
use crate::dialect::operation::{BodyForm, ModelPlace, Operation};

const STORE: &str = "store";
const INCLUDE: &str = "include";
const REASONING: &str = "reasoning";
const SEALED: &str = "reasoning.encrypted_content";

/// Whether the model reasons; one that does not refuses to seal what it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasoning {
    Known,
    /// It does where the request says how.
    AsAsked,
}

impl Operation {
    /// True where the provider keeps the answer unless it is told not to.
    pub fn keeps_its_answer(&self) -> bool {
        self.wire().is_openais()
            && self.name() == "responses"
            && self.body_form() == BodyForm::Json
            && self.model_place() == ModelPlace::Body
            // Compacting does not stream, and keeps nothing.
            && self.path_streams().is_none()
    }
}

/// The body that asks to keep nothing; `None` where it does so already. It must be one that `read_body` has accepted.
///
/// # Errors
/// A body that cannot be taken apart after all; it must not go on, because it would be kept.
pub fn keep_nothing(reasoning: Reasoning, body: &[u8]) -> Result<Option<Vec<u8>>, Denial> {
    let flaw = |_| malformed("the body cannot be told to be kept by nobody");
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
    let mut edit = Edit::find(text, [STORE, INCLUDE, REASONING]).map_err(flaw)?;
    if edit.value(STORE) != Some("false") {
        edit.set(STORE, "false");
    }
    let reasons =
        reasoning == Reasoning::Known || edit.value(REASONING).is_some_and(|how| how.starts_with('{'));
    if let Some(include) = edit.value(INCLUDE).map_or(Some(Vec::new()), included)
        && reasons
        && !include.iter().any(|word| word == SEALED)
    {
        let include: Vec<Json> = include.into_iter().chain([Json::from(SEALED)]).collect();
        edit.set(INCLUDE, &Json::from(include).to_string());
    }
    Ok(edit.done())
}

/// What is to be included so far; `None` where the provider will refuse it.
fn included(sent: &str) -> Option<Vec<Json>> {
    match serde_json::from_str(sent).ok()? {
        Json::Null => Some(Vec::new()),
        Json::Array(words) => Some(words),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Reasoning, keep_nothing};
    use crate::dialect::recognition::recognise;
    use crate::request::{Dialect, RequestHead};

    fn kept_nowhere(reasoning: Reasoning, body: &str) -> Option<String> {
        keep_nothing(reasoning, body.as_bytes()).unwrap().map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn a_request_is_told_to_keep_nothing() {
        const BOTH: &str = r#""include":["reasoning.encrypted_content"],"#;
        for (note, body, want) in [
            (
                "neither",
                r#"{"model":"o3","input":"x"}"#,
                format!(r#"{{"store":false,{BOTH}"model":"o3","input":"x"}}"#),
            ),
            (
                "nothing at all",
                "{}",
                r#"{"store":false,"include":["reasoning.encrypted_content"]}"#.to_owned(),
            ),
            ("a store of null", r#"{"store": null ,"n":1}"#, format!(r#"{{{BOTH}"store": false ,"n":1}}"#)),
            ("not to be kept", r#"{"store":false,"n":1}"#, format!(r#"{{{BOTH}"store":false,"n":1}}"#)),
            (
                "other words to include",
                r#"{"include":["message.output_text.logprobs"],"store":false}"#,
                r#"{"include":["message.output_text.logprobs","reasoning.encrypted_content"],"store":false}"#
                    .to_owned(),
            ),
            (
                "words that are null",
                r#"{"include":null,"store":false}"#,
                r#"{"include":["reasoning.encrypted_content"],"store":false}"#.to_owned(),
            ),
            (
                "words that the provider refuses",
                r#"{"include":"x","model":"o3"}"#,
                r#"{"store":false,"include":"x","model":"o3"}"#.to_owned(),
            ),
            (
                "both further down, and escapes, blanks and letters of several bytes",
                " { \"t\" : \"\\\"\u{e9}\u{1f600}\", \"x\":{\"store\":true,\"include\":1} } ",
                format!(
                    " {{\"store\":false,{BOTH} \"t\" : \"\\\"\u{e9}\u{1f600}\", \"x\":{{\"store\":true,\"include\":1}} }} "
                ),
            ),
            (
                "keys with an escape",
                r#"{"st\u006fre":null,"inclu\u0064e":[]}"#,
                r#"{"st\u006fre":false,"inclu\u0064e":["reasoning.encrypted_content"]}"#.to_owned(),
            ),
        ] {
            assert_eq!(kept_nowhere(Reasoning::Known, body), Some(want), "{note}");
        }
        let whole = r#"{"store":false,"include":["a","reasoning.encrypted_content"]}"#;
        assert_eq!(kept_nowhere(Reasoning::Known, whole), None, "the caller's own wish");
        assert!(keep_nothing(Reasoning::Known, b"{\"a\"").is_err(), "what is no JSON does not go on");
    }

    #[test]
    fn reasoning_is_sealed_only_where_the_model_reasons() {
        for (note, body, want) in [
            ("a model that does not", r#"{"model":"gpt-4o"}"#, Some(r#"{"store":false,"model":"gpt-4o"}"#)),
            ("one that does not, and is not kept", r#"{"model":"gpt-4o","store":false}"#, None),
            ("a null", r#"{"reasoning":null,"store":false}"#, None),
            (
                "one that is told how",
                r#"{"reasoning":{"effort":"low"},"store":false}"#,
                Some(
                    r#"{"include":["reasoning.encrypted_content"],"reasoning":{"effort":"low"},"store":false}"#,
                ),
            ),
        ] {
            assert_eq!(kept_nowhere(Reasoning::AsAsked, body).as_deref(), want, "{note}");
        }
    }

    #[test]
    fn only_responses_are_kept_by_default() {
        for (dialect, method, path, is_kept) in [
            (Dialect::Openai, "POST", "/v1/responses", true),
            (Dialect::Azure, "POST", "/openai/responses?api-version=1", true),
            (Dialect::Azure, "POST", "/openai/v1/responses", true),
            (Dialect::Openai, "POST", "/v1/responses/compact", false),
            (Dialect::Openai, "POST", "/v1/responses/input_tokens", false),
            (Dialect::Openai, "GET", "/v1/responses/r", false),
            (Dialect::Openai, "POST", "/v1/chat/completions", false),
            (Dialect::Anthropic, "POST", "/v1/messages", false),
        ] {
            let head =
                [(":method", method), (":path", path)].map(|(name, value)| (name.to_owned(), value.into()));
            let operation = recognise(dialect, &RequestHead::new(head.into()), None, &[]).unwrap();
            assert_eq!(operation.keeps_its_answer(), is_kept, "{method} {path}");
        }
    }
}
