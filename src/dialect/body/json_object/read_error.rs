//! What is wrong with a body that is no JSON, in words for the one who sent it: where, and what should stand there.
//!
//! It repeats nothing of the body but short names of keys.

use crate::denial::Denial;
use crate::dialect::body::refusal::malformed;
use crate::dialect::json::string;
use crate::dialect::json::syntax_error::{Close, SyntaxError};

/// A longer name is not repeated.
const LONGEST_NAME: usize = 64;

/// Why a body is not read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// It is no JSON where reading has come to.
    Syntax(SyntaxError),
    Denied(Denial),
}

impl From<SyntaxError> for ReadError {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

impl From<Denial> for ReadError {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl ReadError {
    /// `rest` is what of the body is yet to be read.
    pub(super) fn in_body(self, body: &str, rest: &str) -> Denial {
        let missed = match self {
            Self::Syntax(missed) => missed,
            Self::Denied(denial) => return denial,
        };
        let rest = rest.trim_start_matches([' ', '\n', '\t', '\r']);
        let begin = body.len().saturating_sub(rest.len());
        let (behind, what) = match missed {
            SyntaxError::String => string::explain(rest),
            _ => (0, missing(missed, rest)),
        };
        let at = begin.saturating_add(behind);
        if rest.is_empty() {
            return malformed(format!("the body ends at byte {at}, where {what}"));
        }
        malformed(format!("the body is not JSON at byte {at}: {what}"))
    }
}

/// What should stand before `rest`, and what stands there where that is a usual mistake.
fn missing(missed: SyntaxError, rest: &str) -> &'static str {
    let begins = |with: &[&str]| with.iter().any(|with| rest.starts_with(with));
    match missed {
        SyntaxError::Value if begins(&["'"]) => "a text stands in single quotation marks; write double ones",
        SyntaxError::Value if begins(&["}", "]", ","]) => "a value is missing, or a comma is one too many",
        SyntaxError::Value if begins(&["NaN", "Infinity"]) => "`NaN` and `Infinity` are no numbers of JSON",
        SyntaxError::Value | SyntaxError::Key if begins(&["//", "/*", "#"]) => "JSON has no comments",
        SyntaxError::Value | SyntaxError::Kind => "a value is expected",
        SyntaxError::Number if begins(&["-I", "-N"]) => "`NaN` and `Infinity` are no numbers of JSON",
        SyntaxError::Number => "a number has a zero or a sign too many, lacks digits, or is too large",
        SyntaxError::String => "a text is expected",
        SyntaxError::Key if begins(&["'"]) => "a key stands in single quotation marks; write double ones",
        SyntaxError::Key if begins(&["}"]) => "a comma is one too many",
        SyntaxError::Key if rest.is_empty() => "a key is expected",
        SyntaxError::Key => "a key stands without quotation marks",
        SyntaxError::Colon => "`:` is expected behind a key",
        SyntaxError::Comma(Close::Array) => "`,` or `]` is expected",
        SyntaxError::Comma(Close::Object) => "`,` or `}` is expected",
        SyntaxError::End => "something follows the object",
    }
}

/// A key by its name, where that is one that people would read.
pub(super) fn key(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.$[]".contains(c);
    match !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(is_plain) {
        true => format!("the key `{name}`"),
        false => "a key".to_owned(),
    }
}

/// The body has bytes that are no UTF-8.
pub(super) fn not_utf8(body: &[u8]) -> Denial {
    let at = std::str::from_utf8(body).err().map_or(0, |error| error.valid_up_to());
    malformed(format!("the body is not UTF-8 at byte {at}"))
}
