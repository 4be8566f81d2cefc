//! The headers that say what a body is: `content-type` and `content-encoding` (RFC 9110 section 8).
//!
//! It does not guess from the body: a body without a content type is refused, but where the operation says what it is.

use super::header_value::HeaderValue;
use super::refusal::unsupported;
use crate::denial::Denial;
use crate::dialect::operation::{BodyForm, Operation};
use crate::request::{RequestHead, Wire};

/// What a body may be where it is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    Json,
    Multipart { boundary: String },
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
        match self.wire == Wire::Bedrock && self.name == "invoke_model" {
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
    let sent = std::str::from_utf8(sent).ok().and_then(HeaderValue::parse);
    sent.and_then(MediaType::known).ok_or_else(|| unsupported("the content type is not read"))
}

impl MediaType {
    fn known(sent: HeaderValue) -> Option<Self> {
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
