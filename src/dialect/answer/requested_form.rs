//! What shapes an answer so that what it cost is gone from it: Google's system parameters
//! (<https://cloud.google.com/apis/docs/system-parameters>), and headers that ask for a part of an answer or for another
//! form of it.
//!
//! It is asked only where the answer is metered. What would have to be taken out of the path is refused, because the path
//! is never edited; so are headers that no client needs here. Of `accept` another value takes the place.

use percent_encoding::percent_decode_str;

use crate::denial::{Denial, Reason};
use crate::dialect::operation::{BodyForm, Operation};
use crate::request::RequestHead;

/// The headers in which a caller says in which form the answer may come: RFC 9110 section 12.5.1, and Bedrock's for what is
/// inside of its streams.
pub const FORMS: [&str; 2] = ["accept", "x-amzn-bedrock-accept"];

/// Refuses `usage_hidden` a request for an answer from which usage could be missing.
///
/// # Errors
/// With the name of what the caller must leave out.
pub fn require_whole_answer(operation: &Operation, request: &RequestHead) -> Result<(), Denial> {
    // A part of an answer; no provider gives one to a `POST`, but what stands before a provider may.
    let mut headers = ["range"].as_slice();
    if operation.dialect().is_googles() {
        headers = &["range", "x-goog-fieldmask", "x-goog-encode-response-if-executable"];
        for pair in request.query().unwrap_or_default().split(['&', ';']) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if is_shaping(&decoded(name), &decoded(value)) {
                return Err(hidden(format!("leave out the parameter `{name}`")));
            }
        }
    }
    match headers.iter().find_map(|known| request.like(known)) {
        Some(name) => Err(hidden(format!("leave out the header `{name}`"))),
        None => Ok(()),
    }
}

/// Those of the [`FORMS`] in which the request takes an answer that could not be read.
pub fn unreadable_forms<'a>(
    operation: &'a Operation,
    request: &'a RequestHead,
) -> impl Iterator<Item = &'static str> + 'a {
    // Speech is sound whatever is asked for, and of an operator's own operation it is not known what it answers.
    let has_known_form = operation.name() != "audio.speech" && operation.body_form() != BodyForm::Opaque;
    FORMS.into_iter().filter(move |name| has_known_form && !request.values(name).all(is_readable))
}

/// True for a parameter, decoded, after which usage is missing or cannot be read. Google knows each with `$` and without.
fn is_shaping(name: &str, value: &str) -> bool {
    match name.to_ascii_lowercase().trim_start_matches('$') {
        "fields" | "callback" | "jsonp" | "uploadtype" | "upload_protocol" => true,
        // Google's own libraries ask for enums as numbers.
        "alt" => match value.split_once(';') {
            None => !matches!(value, "json" | "sse"),
            Some((form, option)) => form != "json" || !option.starts_with("enum-encoding="),
        },
        _ => false,
    }
}

/// True where every form of the list is one that is read, or nothing with words.
fn is_readable(forms: &[u8]) -> bool {
    std::str::from_utf8(forms).is_ok_and(|forms| forms.split(',').all(is_readable_form))
}

fn is_readable_form(form: &str) -> bool {
    let mut parts = form.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_known = match media_type.split_once('/') {
        Some(("*", "*") | ("text", "event-stream") | ("image" | "audio" | "video", _)) => true,
        Some(("application", form)) => matches!(form, "*" | "json" | "vnd.amazon.eventstream"),
        _ => false,
    };
    let refuses_it = |parameter: &str| {
        let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
        weight.is_some_and(|weight| !weight.contains(|digit: char| ('1'..='9').contains(&digit)))
    };
    is_known && !parts.any(refuses_it)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn hidden(detail: String) -> Denial {
    Denial::new(Reason::UsageHidden).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::{require_whole_answer, unreadable_forms};
    use crate::denial::Reason;
    use crate::dialect::operation::Operation;
    use crate::dialect::recognition::recognise;
    use crate::request::{Dialect, RequestHead};

    const GENERATE: &str = "/v1beta/models/m:streamGenerateContent";

    fn asked(dialect: Dialect, path: &str, headers: &[(&str, &str)]) -> (Operation, RequestHead) {
        let pseudo = [(":method", "POST"), (":path", path)];
        let all = pseudo.iter().chain(headers).map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let head = RequestHead::new(all.collect());
        (recognise(dialect, &head, None, &[]).unwrap(), head)
    }

    #[test]
    fn parameters_that_shape_googles_answers_are_refused() {
        for (query, note) in [
            ("fields=candidates", "a part of the answer"),
            ("$fields=candidates", "by its other name"),
            ("%24fields=candidates", "with the sign encoded"),
            ("f%69elds=candidates", "with a letter encoded"),
            ("Fields=candidates", "in another case"),
            ("alt=sse&fields=candidates", "behind one that is harmless"),
            ("alt=sse;fields=candidates", "for a reader that separates at `;`"),
            ("fields", "without a value"),
            ("alt=proto", "another form"),
            ("$alt=proto", "by its other name"),
            ("alt=media", "no form"),
            ("alt=sse&alt=proto", "the second of two"),
            ("alt=", "an empty form"),
            ("alt=JSON", "a form that is not known so"),
            ("alt=json%3Bfields=candidates", "an option that is not known"),
            ("callback=f", "JavaScript"),
            ("$callback=f", "by its other name"),
            ("jsonp=f", "by an older name"),
            ("uploadType=media", "an upload"),
            ("upload_protocol=raw", "by its other name"),
        ] {
            for path in [GENERATE, "/v1beta/openai/chat/completions"] {
                let path = format!("{path}?{query}");
                let head = RequestHead::new(vec![
                    (":method".to_owned(), "POST".into()),
                    (":path".to_owned(), path.into()),
                ]);
                let refused = recognise(Dialect::Gemini, &head, None, &[])
                    .and_then(|operation| require_whole_answer(&operation, &head))
                    .unwrap_err();
                // `$callback` is no parameter that Google's front ends may see at all.
                assert!(
                    matches!(refused.reason(), Reason::UsageHidden | Reason::PathAmbiguous),
                    "{note}: {query}"
                );
            }
        }
    }

    #[test]
    fn parameters_that_leave_usage_where_it_is_pass() {
        for query in [
            "alt=sse",
            "alt=json",
            "$alt=json;enum-encoding=int",
            "$alt=json%3Benum-encoding=int",
            "alt=sse&prettyPrint=false",
            "$prettyPrint=true",
            "quotaUser=somebody",
            "x=fields",
            "",
        ] {
            let (operation, head) = asked(Dialect::Gemini, &format!("{GENERATE}?{query}"), &[]);
            assert!(require_whole_answer(&operation, &head).is_ok(), "{query}");
        }
        let (operation, head) = asked(Dialect::Openai, "/v1/responses?fields=x&include[]=y", &[]);
        assert!(require_whole_answer(&operation, &head).is_ok(), "another provider's");
    }

    #[test]
    fn headers_that_ask_for_a_part_are_refused() {
        for (dialect, path, header, is_refused) in [
            (Dialect::Gemini, GENERATE, ("x-goog-fieldmask", "candidates"), true),
            (Dialect::Gemini, GENERATE, ("x_goog_fieldmask", "candidates"), true),
            (Dialect::Gemini, GENERATE, ("x-goog-encode-response-if-executable", "base64"), true),
            (Dialect::Gemini, GENERATE, ("x-goog-api-client", "a"), false),
            (Dialect::Openai, "/v1/chat/completions", ("range", "bytes=0-9"), true),
            (Dialect::Anthropic, "/v1/messages", ("range", "bytes=0-9"), true),
            (Dialect::Openai, "/v1/chat/completions", ("x-goog-fieldmask", "a"), false),
        ] {
            let (operation, head) = asked(dialect, path, &[header]);
            let refused = require_whole_answer(&operation, &head).err().map(|denial| denial.reason());
            assert_eq!(refused, is_refused.then_some(Reason::UsageHidden), "{header:?}");
        }
    }

    #[test]
    fn a_form_that_cannot_be_read_is_found() {
        let converse = "/model/m/converse-stream";
        for (dialect, path, headers, want) in [
            (
                Dialect::Gemini,
                GENERATE,
                [("accept", "application/x-protobuf")].as_slice(),
                ["accept"].as_slice(),
            ),
            (
                Dialect::Gemini,
                GENERATE,
                &[("accept", "application/json, application/x-protobuf")],
                &["accept"],
            ),
            (Dialect::Gemini, GENERATE, &[("accept", "application/json;q=0, */*")], &["accept"]),
            (Dialect::Gemini, GENERATE, &[("accept", "*/*;q=0.0")], &["accept"]),
            (Dialect::Gemini, GENERATE, &[("accept", "*/*"), ("accept", "text/csv")], &["accept"]),
            (Dialect::Gemini, GENERATE, &[("accept", "application/json, text/plain, */*")], &["accept"]),
            (Dialect::Gemini, GENERATE, &[("accept", "*/*;q=0.8, Application/JSON")], &[]),
            (Dialect::Gemini, GENERATE, &[("accept", "text/event-stream")], &[]),
            (Dialect::Gemini, GENERATE, &[], &[]),
            (Dialect::Bedrock, converse, &[("accept", "application/vnd.amazon.eventstream")], &[]),
            (Dialect::Bedrock, converse, &[("accept", "image/png")], &[]),
            (
                Dialect::Bedrock,
                converse,
                &[("accept", "application/cbor"), ("x-amzn-bedrock-accept", "application/octet-stream")],
                &["accept", "x-amzn-bedrock-accept"],
            ),
            (Dialect::Openai, "/v1/chat/completions", &[("accept", "application/msgpack")], &["accept"]),
            (Dialect::Openai, "/v1/audio/speech", &[("accept", "application/octet-stream")], &[]),
        ] {
            let (operation, head) = asked(dialect, path, headers);
            assert_eq!(unreadable_forms(&operation, &head).collect::<Vec<_>>(), want, "{headers:?}");
        }
    }
}
