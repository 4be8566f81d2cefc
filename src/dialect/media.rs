//! The headers that say what a body is: `content-type` and `content-encoding` (RFC 9110 section 8).
//!
//! It does not guess from the body: a body without a content type is refused, but where the operation says what it is.

use super::operation::{BodyForm, Operation};
use crate::denial::{Denial, Reason};
use crate::request::{Dialect, RequestHead};

/// RFC 9110 section 5.6.3.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// What a body may be where it is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    Json,
    Multipart { boundary: String },
}

/// A header value with parameters, such as `form-data; name="model"`; names in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parametrised {
    pub(super) value: String,
    pub(super) parameters: Vec<(String, String)>,
}

/// What a body is that has no content type, or that of any bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untyped {
    Refused,
    Json,
}

impl Operation {
    /// What this request's body is, where the operation takes several: a form where it says so, else it is read as JSON.
    pub fn form_of(&self, request: &RequestHead) -> BodyForm {
        if self.profile.body != BodyForm::JsonOrMultipart {
            return self.profile.body;
        }
        match body_type(request, Untyped::Refused) {
            Ok(MediaType::Multipart { .. }) => BodyForm::Multipart,
            _ => BodyForm::Json,
        }
    }

    /// Bedrock takes a model's request for JSON where nobody says what it is
    /// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>, `contentType`); AWS's SDKs
    /// send no type, or that of any bytes.
    pub(super) fn untyped(&self) -> Untyped {
        match self.wire == Dialect::Bedrock && self.name == "invoke_model" {
            true => Untyped::Json,
            false => Untyped::Refused,
        }
    }
}

/// The type of the body; refuses `body_unsupported` what is not read here.
pub(super) fn body_type(request: &RequestHead, untyped: Untyped) -> Result<MediaType, Denial> {
    if !request.values("content-encoding").all(|coding| coding.eq_ignore_ascii_case(b"identity")) {
        return Err(unsupported("a content encoding is not read"));
    }
    let mut types = request.values("content-type");
    let sent = match (types.next(), types.next(), untyped) {
        (None, _, Untyped::Json) => return Ok(MediaType::Json),
        (Some(sent), None, Untyped::Json) if sent.eq_ignore_ascii_case(b"application/octet-stream") => {
            return Ok(MediaType::Json);
        }
        (Some(sent), None, _) => sent,
        _ => return Err(unsupported("the request needs one content type")),
    };
    let sent = std::str::from_utf8(sent).ok().and_then(Parametrised::parse);
    sent.and_then(MediaType::known).ok_or_else(|| unsupported("the content type is not read"))
}

pub(super) fn unsupported(detail: &'static str) -> Denial {
    Denial::new(Reason::BodyUnsupported).with_detail(detail)
}

impl MediaType {
    fn known(sent: Parametrised) -> Option<Self> {
        match sent.value.as_str() {
            "application/json" => sent.is_utf8_at_most().then_some(Self::Json),
            "multipart/form-data" => match sent.parameters.as_slice() {
                [(name, boundary)] if name == "boundary" && is_boundary(boundary) => {
                    Some(Self::Multipart { boundary: boundary.clone() })
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// RFC 2046 section 5.1.1, without the blank.
fn is_boundary(boundary: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=?".contains(c);
    (1..=70).contains(&boundary.len()) && boundary.chars().all(allowed)
}

impl Parametrised {
    /// Reads `value; name=token; name="text"`; `None` where a name comes twice, a quoted text holds a
    /// backslash or a quote, or anything is left over. Only blanks are trimmed: to other readers, the spaces of
    /// Unicode are a part of the word.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (value, mut rest) = split_at_semicolon(header);
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some(parameter) = rest {
            let (name, after) = parameter.trim_start_matches(BLANKS).split_once('=')?;
            let (text, next) = match after.strip_prefix('"') {
                Some(quoted) => {
                    let (text, after) = quoted.split_once('"')?;
                    let (between, next) = split_at_semicolon(after);
                    between.trim_matches(BLANKS).is_empty().then_some((text, next))?
                }
                None => {
                    let (text, next) = split_at_semicolon(after);
                    let text = text.trim_end_matches(BLANKS);
                    (is_unquoted(text) || names_file(name) && is_token(text)).then_some((text, next))?
                }
            };
            let name = name.to_ascii_lowercase();
            if !is_token(&name) || text.contains('\\') || parameters.iter().any(|(seen, _)| *seen == name) {
                return None;
            }
            parameters.push((name, text.to_owned()));
            rest = next;
        }
        Some(Self { value: value.trim_matches(BLANKS).to_ascii_lowercase(), parameters })
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(candidate, _)| candidate == name).map(|(_, text)| text.as_str())
    }

    /// True where the only parameter, if any, is a charset within UTF-8.
    pub(super) fn is_utf8_at_most(&self) -> bool {
        let within = |charset: &str| ["utf-8", "utf8", "us-ascii"].contains(&charset);
        self.parameters
            .iter()
            .all(|(name, charset)| name == "charset" && within(&charset.to_ascii_lowercase()))
    }
}

fn split_at_semicolon(text: &str) -> (&str, Option<&str>) {
    match text.split_once(';') {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// RFC 9110 section 5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(allowed)
}

/// A file's name says nothing that is read, so that its readings do not matter: `filename*=utf-8''a%20b.wav` (RFC 5987),
/// as .NET sends it beside `filename`, and `filename*0=a` (RFC 2231).
fn names_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_prefix("filename").is_some_and(|more| more.is_empty() || more.starts_with('*'))
}

/// A token, or one with `[]` behind it, because some clients name form fields so without quotes. Python's email
/// reads what stands around `'`, `*` and `%` as RFC 2231 has it, though nothing says that it is written so.
fn is_unquoted(text: &str) -> bool {
    is_token(text.strip_suffix("[]").unwrap_or(text)) && !text.contains(['\'', '*', '%'])
}

#[cfg(test)]
mod tests {
    use super::{MediaType, Untyped, body_type};
    use crate::denial::Reason;
    use crate::request::RequestHead;

    fn read(headers: &[(&str, &str)]) -> Result<MediaType, Reason> {
        read_as(Untyped::Refused, headers)
    }

    fn read_as(untyped: Untyped, headers: &[(&str, &str)]) -> Result<MediaType, Reason> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        body_type(&RequestHead::new(headers), untyped).map_err(|denial| denial.reason())
    }

    #[test]
    fn a_body_without_a_type_is_json_only_where_the_operation_says_so() {
        let none: &[(&str, &str)] = &[];
        let rows = [
            ("none", none, true),
            ("any bytes", &[("content-type", "application/octet-stream")], true),
            ("any bytes in another case", &[("content-type", "Application/Octet-Stream")], true),
            ("any bytes with a parameter", &[("content-type", "application/octet-stream; x=y")], false),
            ("any bytes twice", &[("content-type", "application/octet-stream"); 2], false),
            ("text", &[("content-type", "text/plain")], false),
            ("an empty type", &[("content-type", "")], false),
            ("none, but packed", &[("content-encoding", "gzip")], false),
        ];
        for (note, headers, is_json) in rows {
            let want = if is_json { Ok(MediaType::Json) } else { Err(Reason::BodyUnsupported) };
            assert_eq!(read_as(Untyped::Json, headers), want, "{note}");
            assert_eq!(read(headers), Err(Reason::BodyUnsupported), "{note}");
        }
    }

    #[test]
    fn json_and_forms_are_read() {
        let form = |boundary: &str| MediaType::Multipart { boundary: boundary.to_owned() };
        let rows = [
            ("JSON", "application/json", MediaType::Json),
            ("the type in another case", "Application/JSON", MediaType::Json),
            ("with its charset", "application/json; charset=utf-8", MediaType::Json),
            ("with its charset quoted", "application/json;charset=\"UTF-8\"", MediaType::Json),
            ("a form", "multipart/form-data; boundary=----x1", form("----x1")),
            ("a form with a quoted boundary", "multipart/form-data; boundary=\"a=b\"", form("a=b")),
        ];
        for (note, sent, expected) in rows {
            assert_eq!(read(&[("content-type", sent)]), Ok(expected), "{note}");
        }
        let identity = [("content-type", "application/json"), ("content-encoding", "identity")];
        assert_eq!(read(&identity), Ok(MediaType::Json), "the identity coding changes nothing");
    }

    #[test]
    fn other_types_are_unsupported() {
        let rows: [(&str, &[(&str, &str)]); 20] = [
            ("no type", &[]),
            ("two types", &[("content-type", "application/json"), ("content-type", "application/json")]),
            ("two types in one", &[("content-type", "application/json, text/plain")]),
            ("text", &[("content-type", "text/plain")]),
            ("a suffix", &[("content-type", "application/problem+json")]),
            ("another type that begins so", &[("content-type", "application/json+protobuf")]),
            ("another charset", &[("content-type", "application/json; charset=utf-16")]),
            ("two charsets", &[("content-type", "application/json; charset=utf-8; charset=utf-7")]),
            ("another parameter", &[("content-type", "application/json; profile=x")]),
            ("a space of Unicode behind the type", &[("content-type", "application/json\u{a0}")]),
            (
                "a space of Unicode behind the charset",
                &[("content-type", "application/json; charset=utf-8\u{2003}")],
            ),
            ("an empty parameter", &[("content-type", "application/json;")]),
            ("a URL-encoded form", &[("content-type", "application/x-www-form-urlencoded")]),
            ("a form without boundary", &[("content-type", "multipart/form-data")]),
            (
                "a form with two boundaries",
                &[("content-type", "multipart/form-data; boundary=a; boundary=b")],
            ),
            ("an escaped boundary", &[("content-type", "multipart/form-data; boundary=\"a\\b\"")]),
            ("another multipart", &[("content-type", "multipart/mixed; boundary=a")]),
            ("gzip", &[("content-type", "application/json"), ("content-encoding", "gzip")]),
            (
                "gzip after identity",
                &[("content-type", "application/json"), ("content-encoding", "identity, gzip")],
            ),
            ("an empty coding", &[("content-type", "application/json"), ("content-encoding", "")]),
        ];
        for (note, headers) in rows {
            assert_eq!(read(headers), Err(Reason::BodyUnsupported), "{note}");
        }
    }
}
