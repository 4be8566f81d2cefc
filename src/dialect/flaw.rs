//! What is wrong with a body that is no JSON, in words for the one who sent it: where, and what should stand there.
//!
//! It repeats nothing of the body but short names of keys.

use super::facts::malformed;
use super::json::string;
use super::json::syntax_error::{Close, Malformed};
use crate::denial::Denial;

/// A longer name is not repeated.
const LONGEST_NAME: usize = 64;

/// Why a body is not read.
#[derive(Debug)]
pub(super) enum Flaw {
    /// It is no JSON where reading has come to.
    Malformed(Malformed),
    Denied(Denial),
}

impl From<Malformed> for Flaw {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<Denial> for Flaw {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl Flaw {
    /// `rest` is what of the body is yet to be read.
    pub(super) fn in_body(self, body: &str, rest: &str) -> Denial {
        let missed = match self {
            Self::Malformed(missed) => missed,
            Self::Denied(denial) => return denial,
        };
        let rest = rest.trim_start_matches([' ', '\n', '\t', '\r']);
        let begin = body.len().saturating_sub(rest.len());
        let (behind, what) = match missed {
            Malformed::Text => string::flaw(rest),
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
fn missing(missed: Malformed, rest: &str) -> &'static str {
    let begins = |with: &[&str]| with.iter().any(|with| rest.starts_with(with));
    match missed {
        Malformed::Value if begins(&["'"]) => "a text stands in single quotation marks; write double ones",
        Malformed::Value if begins(&["}", "]", ","]) => "a value is missing, or a comma is one too many",
        Malformed::Value if begins(&["NaN", "Infinity"]) => "`NaN` and `Infinity` are no numbers of JSON",
        Malformed::Value | Malformed::Key if begins(&["//", "/*", "#"]) => "JSON has no comments",
        Malformed::Value | Malformed::Kind => "a value is expected",
        Malformed::Number if begins(&["-I", "-N"]) => "`NaN` and `Infinity` are no numbers of JSON",
        Malformed::Number => "a number has a zero or a sign too many, lacks digits, or is too large",
        Malformed::Text => "a text is expected",
        Malformed::Key if begins(&["'"]) => "a key stands in single quotation marks; write double ones",
        Malformed::Key if begins(&["}"]) => "a comma is one too many",
        Malformed::Key if rest.is_empty() => "a key is expected",
        Malformed::Key => "a key stands without quotation marks",
        Malformed::Colon => "`:` is expected behind a key",
        Malformed::Comma(Close::List) => "`,` or `]` is expected",
        Malformed::Comma(Close::Object) => "`,` or `}` is expected",
        Malformed::End => "something follows the object",
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
