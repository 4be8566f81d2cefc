//! The path as segments that every reader splits and decodes alike (RFC 3986 section 3.3).
//!
//! It does not normalise: what could be normalised is refused, because the path is forwarded as received.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::refusal::{ambiguous, unknown};
use crate::denial::Denial;
use crate::request::{Dialect, RequestHead};

/// The segments of a path; none for `/`.
#[derive(Debug)]
pub(super) struct Path<'r> {
    segments: Vec<Segment<'r>>,
}

/// One segment, as it was sent and decoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment<'r> {
    raw: &'r str,
    text: Cow<'r, str>,
}

impl<'r> Path<'r> {
    /// Splits the raw path before `?`; refuses `path_ambiguous` what has more than one reading.
    pub(super) fn parse(dialect: Dialect, request: &'r RequestHead) -> Result<Self, Denial> {
        let whole = single_path(request)?;
        let before_query = whole.split('?').next().unwrap_or_default();
        let Some(relative) = before_query.strip_prefix('/') else {
            return Err(ambiguous("the path does not begin with a slash"));
        };
        if relative.is_empty() {
            return Ok(Self { segments: Vec::new() });
        }
        let mut before = None;
        let segments = relative.split('/').map(|raw| {
            let names_model = before.replace(raw) == Some("models");
            Segment::parse(dialect, raw, names_model)
        });
        Ok(Self { segments: segments.collect::<Result<_, _>>()? })
    }

    /// The path after the upstream's prefix; `None` where it does not begin with it. The prefix is compared
    /// with the segments as sent, because Envoy's route compares so too.
    pub(super) fn without_prefix(&self, prefix: Option<&str>) -> Option<Path<'r>> {
        let mut segments = self.segments.iter();
        for wanted in prefix.unwrap_or_default().split('/').filter(|part| !part.is_empty()) {
            segments.next().filter(|segment| segment.raw == wanted)?;
        }
        Some(Path { segments: segments.cloned().collect() })
    }

    pub(super) fn segments(&self) -> &[Segment<'r>] {
        &self.segments
    }

    pub(super) fn holds_encoded_slash(&self) -> bool {
        self.segments.iter().any(|segment| segment.text.contains('/'))
    }
}

impl<'r> Segment<'r> {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn parse(dialect: Dialect, raw: &'r str, names_model: bool) -> Result<Self, Denial> {
        if !escapes_are_well_formed(raw) {
            return Err(ambiguous("a percent escape is malformed"));
        }
        let Ok(text) = percent_decode_str(raw).decode_utf8() else {
            return Err(ambiguous("a segment is not UTF-8"));
        };
        match flaw(dialect, raw, &text, names_model) {
            Some(flaw) => Err(ambiguous(flaw)),
            None => Ok(Self { raw, text }),
        }
    }
}

/// The one `:path` of the request, of visible ASCII only.
pub(super) fn single_path(request: &RequestHead) -> Result<&str, Denial> {
    let mut paths = request.values(":path");
    let (Some(path), None) = (paths.next(), paths.next()) else {
        return Err(unknown("the request has no single path"));
    };
    let visible = path.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#'));
    match std::str::from_utf8(path) {
        Ok(path) if visible => Ok(path),
        _ => Err(ambiguous("the path holds a backslash, `#`, a blank, a control or a non-ASCII byte")),
    }
}

fn escapes_are_well_formed(raw: &str) -> bool {
    raw.split('%').skip(1).all(|after| {
        let mut digits = after.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    })
}

/// What gives a decoded segment a second reading.
fn flaw(dialect: Dialect, raw: &str, text: &str, names_model: bool) -> Option<&'static str> {
    if matches!(text, "" | "." | "..") {
        return Some("a segment is empty or made of dots");
    }
    if text.chars().any(|c| c.is_control() || c == '\\') {
        return Some("a segment holds a backslash or a control character");
    }
    // `;` starts parameters that some servers drop, `%` is an escape left for a second decoding, `?` and
    // `#` end the path for a reader that decodes first.
    if text.contains([';', '%', '?', '#']) {
        return Some("a segment holds `;`, `?`, `#` or an encoded percent sign");
    }
    let may_hold_slash = match dialect {
        Dialect::Bedrock => text.starts_with("arn:"),
        // A model of somebody else's, such as `meta-llama/Llama-3`; a reader that decodes first sees one, too.
        Dialect::Openai | Dialect::Azure => names_model,
        Dialect::Anthropic | Dialect::Gemini | Dialect::Vertex => false,
    };
    if text.contains('/') && !(may_hold_slash && has_plain_parts(text)) {
        return Some("a segment holds an encoded slash");
    }
    // Google splits the verb off at `:`, and not every reader decodes before it does.
    if dialect.is_googles() && text.matches(':').count() != raw.matches(':').count() {
        return Some("a segment holds an encoded colon");
    }
    None
}

/// True where none of the parts between slashes is empty or dots.
fn has_plain_parts(text: &str) -> bool {
    text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::Path;
    use crate::denial::Reason;
    use crate::request::{Dialect, RequestHead};

    fn texts(dialect: Dialect, path: &[u8]) -> Result<Vec<String>, Reason> {
        let request = RequestHead::new(vec![(":path".to_owned(), path.to_vec())]);
        let path = Path::parse(dialect, &request).map_err(|denial| denial.reason())?;
        Ok(path.segments().iter().map(|segment| segment.text().to_owned()).collect())
    }

    #[test]
    fn a_path_with_one_reading_is_split_and_decoded_once() {
        let rows: [(&str, &[u8], &[&str]); 7] = [
            ("the root has no segments", b"/", &[]),
            ("the query is not part of the path", b"/v1/models?a=/../b", &["v1", "models"]),
            ("an unreserved character may be encoded", b"/v1/%63hat", &["v1", "chat"]),
            ("a colon may be encoded", b"/model/claude%3A0/converse", &["model", "claude:0", "converse"]),
            ("a model's own slash may be encoded", b"/v1/models/a%2Fb", &["v1", "models", "a/b"]),
            ("three dots are a name", b"/v1/...", &["v1", "..."]),
            ("encoded UTF-8 is decoded", b"/v1/%C3%A9", &["v1", "\u{e9}"]),
        ];
        for (note, path, expected) in rows {
            assert_eq!(texts(Dialect::Openai, path).unwrap(), expected, "{note}");
        }
    }

    #[test]
    fn a_path_with_two_readings_is_ambiguous() {
        let rows: [(&str, &[u8]); 35] = [
            ("a dot segment", b"/v1/./models"),
            ("a dot-dot segment", b"/v1/files/../models"),
            ("a dot-dot segment at the end", b"/v1/models/.."),
            ("an encoded dot segment", b"/v1/%2e/models"),
            ("an encoded dot-dot segment", b"/v1/%2E%2e/models"),
            ("a half encoded dot-dot segment", b"/v1/.%2e/models"),
            ("an empty segment", b"/v1//models"),
            ("an empty first segment", b"//v1/models"),
            ("a trailing slash", b"/v1/models/"),
            ("a backslash", b"/v1\\models"),
            ("an encoded backslash", b"/v1%5cmodels"),
            ("an encoded slash", b"/v1%2fmodels"),
            ("an encoded slash in an id", b"/v1/files/a%2Fb"),
            ("dots beside an encoded slash in a model", b"/v1/models/a%2F.."),
            ("an empty part of a model", b"/v1/models/a%2F%2Fb"),
            ("a model that ends in an encoded slash", b"/v1/models/a%2F"),
            ("an encoded slash behind a model", b"/v1/models/a/b%2Fc"),
            ("a control byte", b"/v1/mod\x01els"),
            ("an encoded NUL", b"/v1/models%00"),
            ("an encoded line break", b"/v1/models%0d%0a"),
            ("an encoded delete", b"/v1/models%7f"),
            ("an encoded C1 control", b"/v1/models%c2%85"),
            ("a blank", b"/v1/ models"),
            ("raw UTF-8", b"/v1/\xc3\xa9"),
            ("bytes that are not UTF-8", b"/v1/\xff"),
            ("encoded bytes that are not UTF-8", b"/v1/%ff"),
            ("an overlong slash", b"/v1/%c0%af"),
            ("an escape cut short", b"/v1/models%2"),
            ("an escape that is not hexadecimal", b"/v1/%zz"),
            ("a doubly encoded slash", b"/v1%252fmodels"),
            ("matrix parameters", b"/v1/models;x=y"),
            ("encoded matrix parameters", b"/v1/..%3b/models"),
            ("a fragment", b"/v1/models#x"),
            ("an encoded question mark", b"/v1/models%3fx"),
            ("no leading slash", b"v1/models"),
        ];
        for (note, path) in rows {
            assert_eq!(texts(Dialect::Openai, path), Err(Reason::PathAmbiguous), "{note}");
        }
    }

    #[test]
    fn only_an_arn_of_bedrock_may_hold_an_encoded_slash() {
        let arn = b"/model/arn:aws:bedrock:eu-west-1:1:inference-profile%2Feu.claude/converse";
        assert_eq!(texts(Dialect::Openai, arn), Err(Reason::PathAmbiguous));
        let expected = "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.claude";
        assert_eq!(texts(Dialect::Bedrock, arn).unwrap().get(1).unwrap(), expected);
        for path in
            ["/model/a%2Fb/converse", "/model/arn:aws%2F..%2Fb/converse", "/model/arn:aws%2F%2Fb/converse"]
        {
            assert_eq!(texts(Dialect::Bedrock, path.as_bytes()), Err(Reason::PathAmbiguous), "{path}");
        }
    }

    #[test]
    fn a_path_that_is_absent_or_sent_twice_is_no_operation() {
        let path = (":path".to_owned(), b"/v1/models".to_vec());
        for headers in [Vec::new(), vec![path.clone(), path]] {
            let denial = Path::parse(Dialect::Openai, &RequestHead::new(headers)).unwrap_err();
            assert_eq!(denial.reason(), Reason::OperationUnknown);
        }
    }

    #[test]
    fn a_prefix_is_taken_off_by_whole_segments_as_sent() {
        let rows = [
            ("no prefix leaves the path", "/v1/models", None, Some("v1")),
            ("a slash leaves the path", "/v1/models", Some("/"), Some("v1")),
            ("one segment", "/openai/v1/models", Some("/openai"), Some("v1")),
            ("a trailing slash in the prefix", "/openai/v1/models", Some("/openai/"), Some("v1")),
            ("two segments", "/ai/openai/v1", Some("/ai/openai"), Some("v1")),
            ("half a segment does not match", "/openai2/v1", Some("/openai"), None),
            ("another case does not match", "/OpenAI/v1", Some("/openai"), None),
            ("an encoded prefix does not match", "/%6fpenai/v1", Some("/openai"), None),
            ("a shorter path does not match", "/ai", Some("/ai/openai"), None),
        ];
        for (note, path, prefix, first) in rows {
            let request = RequestHead::new(vec![(":path".to_owned(), path.into())]);
            let whole = Path::parse(Dialect::Openai, &request).unwrap();
            let rest = whole.without_prefix(prefix);
            assert_eq!(rest.as_ref().map(|rest| rest.segments()[0].text()), first, "{note}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_path_re_encodes_to_the_same_segments(path in "/[a-z.%/;:\u{e9}2-5eEfF]{0,24}") {
            for dialect in Dialect::ALL {
                if let Ok(first) = texts(dialect, path.as_bytes()) {
                    // Gemini takes no encoded colon, so a colon stays as it is.
                    let encode = |text: &String| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
                    let encoded: Vec<_> = first.iter().map(encode).map(|text| text.replace("%3A", ":")).collect();
                    let again = texts(dialect, format!("/{}", encoded.join("/")).as_bytes());
                    prop_assert_eq!(again, Ok(first));
                }
            }
        }

        #[test]
        fn no_bytes_panic(path in prop::collection::vec(any::<u8>(), 0..64)) {
            for dialect in Dialect::ALL {
                let _ = texts(dialect, &path);
            }
        }
    }
}
