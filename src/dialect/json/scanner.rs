//! JSON (RFC 8259) from its beginning to its end: accepts what `serde_json` accepts, and takes a fraction of the time.
//!
//! It does not build a tree, does not unescape and does not compute numbers: most of a body is only passed over. What
//! is read of it is handed to `serde_json`. It does not bound the nesting either; its caller does.

use serde::Deserialize;

use super::string::JsonString;
use super::syntax_error::{Close, SyntaxError};

/// From this length on a number may be too large for a double, even without an exponent.
const LONG_NUMBER: usize = 300;

/// A value, or the beginning of one that holds others.
#[derive(Clone, Copy, Debug)]
pub(in crate::dialect) enum Value<'a> {
    Null,
    False,
    True,
    Number,
    String(JsonString<'a>),
    Array,
    Object,
}

/// What is yet to be read.
#[derive(Debug)]
pub(in crate::dialect) struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(in crate::dialect) fn new(json: &'a str) -> Self {
        Self { rest: json }
    }

    /// What is yet to be read.
    pub(in crate::dialect) fn rest(&self) -> &'a str {
        self.rest
    }

    /// The next value; of a list or an object only the bracket, so that `opens` comes next.
    pub(in crate::dialect) fn value(&mut self) -> Result<Value<'a>, SyntaxError> {
        match self.peek() {
            Some(b'"') => Ok(Value::String(self.text()?)),
            Some(b'{') => self.past("{", Value::Object).ok_or(SyntaxError::Value),
            Some(b'[') => self.past("[", Value::Array).ok_or(SyntaxError::Value),
            Some(b'n') => self.past("null", Value::Null).ok_or(SyntaxError::Value),
            Some(b't') => self.past("true", Value::True).ok_or(SyntaxError::Value),
            Some(b'f') => self.past("false", Value::False).ok_or(SyntaxError::Value),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(SyntaxError::Value),
        }
    }

    /// The next value read as `T`; neither a list nor an object, `None` where it is `null`.
    pub(in crate::dialect) fn scalar<T: Deserialize<'a>>(&mut self) -> Result<Option<T>, SyntaxError> {
        self.peek();
        let before = self.rest;
        let value = self.value()?;
        let length = before.len().saturating_sub(self.rest.len());
        let scalar = match value {
            Value::Array | Value::Object => None,
            _ => before.get(..length).and_then(|scalar| serde_json::from_str(scalar).ok()),
        };
        if scalar.is_none() {
            self.rest = before;
        }
        scalar.ok_or(SyntaxError::Kind)
    }

    /// The next key of an object.
    pub(in crate::dialect) fn key(&mut self) -> Result<JsonString<'a>, SyntaxError> {
        match self.peek() {
            Some(b'"') => self.text(),
            _ => Err(SyntaxError::Key),
        }
    }

    /// What stands between a key and its value.
    pub(in crate::dialect) fn colon(&mut self) -> Result<(), SyntaxError> {
        self.peek();
        self.past(":", ()).ok_or(SyntaxError::Colon)
    }

    /// True where something stands behind the opening bracket.
    pub(in crate::dialect) fn opens(&mut self, close: Close) -> Result<bool, SyntaxError> {
        match self.peek() {
            Some(byte) if byte == close.byte() => {
                self.past(close.bracket(), false).ok_or(SyntaxError::Comma(close))
            }
            _ => Ok(true),
        }
    }

    /// True where a comma promises more; false behind the closing bracket.
    pub(in crate::dialect) fn goes_on(&mut self, close: Close) -> Result<bool, SyntaxError> {
        match self.peek() {
            Some(b',') => self.past(",", true),
            _ => self.past(close.bracket(), false),
        }
        .ok_or(SyntaxError::Comma(close))
    }

    /// Nothing but blanks follows.
    pub(in crate::dialect) fn end(&mut self) -> Result<(), SyntaxError> {
        self.peek().map_or(Ok(()), |_| Err(SyntaxError::End))
    }

    /// Goes on to the first byte that is not blank.
    pub(in crate::dialect) fn skip_blanks(&mut self) {
        self.peek();
    }

    /// The first byte that is not blank, which is then next.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.rest.as_bytes() {
                [b' ' | b'\n' | b'\t' | b'\r', ..] => self.rest = self.rest.get(1..)?,
                [byte, ..] => return Some(*byte),
                [] => return None,
            }
        }
    }

    fn past<T>(&mut self, expected: &str, then: T) -> Option<T> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(then)
    }

    fn text(&mut self) -> Result<JsonString<'a>, SyntaxError> {
        let (text, rest) = JsonString::take(self.rest)?;
        self.rest = rest;
        Ok(text)
    }

    fn number(&mut self) -> Result<Value<'a>, SyntaxError> {
        let length = number_length(self.rest.as_bytes())?;
        let (number, rest) = self.rest.split_at_checked(length).ok_or(SyntaxError::Number)?;
        let may_be_too_large =
            length >= LONG_NUMBER || number.bytes().any(|byte| matches!(byte, b'e' | b'E'));
        if may_be_too_large && serde_json::from_str::<f64>(number).is_err() {
            return Err(SyntaxError::Number);
        }
        self.rest = rest;
        Ok(Value::Number)
    }
}

/// How long the number is that `json` begins with (RFC 8259 section 6).
fn number_length(json: &[u8]) -> Result<usize, SyntaxError> {
    let unsigned = json.strip_prefix(b"-").unwrap_or(json);
    let mut rest = match unsigned {
        [b'0', b'0'..=b'9', ..] => return Err(SyntaxError::Number),
        [b'0', rest @ ..] => rest,
        _ => after_digits(unsigned)?,
    };
    if let [b'.', fraction @ ..] = rest {
        rest = after_digits(fraction)?;
    }
    if let [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] = rest {
        rest = after_digits(exponent)?;
    }
    Ok(json.len().saturating_sub(rest.len()))
}

/// What follows one digit or more.
fn after_digits(bytes: &[u8]) -> Result<&[u8], SyntaxError> {
    let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match count {
        0 => Err(SyntaxError::Number),
        count => bytes.get(count..).ok_or(SyntaxError::Number),
    }
}

#[cfg(test)]
mod tests;
