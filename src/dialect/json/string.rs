//! A string of JSON (RFC 8259 section 7): found in one pass, and unescaped only where somebody asks for it.

use std::borrow::Cow;

use super::syntax_error::SyntaxError;

/// A well-formed string as it was sent, with its quotation marks.
#[derive(Clone, Copy, Debug)]
pub(in crate::dialect) struct JsonString<'a> {
    quoted: &'a str,
    writing: Writing,
    /// How many of its bytes only escapes take.
    escaping: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Plain,
    Escaped,
}

impl<'a> JsonString<'a> {
    /// Takes the text that `json` begins with, and returns it with what follows.
    pub(in crate::dialect) fn take(json: &'a str) -> Result<(Self, &'a str), SyntaxError> {
        let (mut rest, mut writing) =
            (json.as_bytes().strip_prefix(b"\"").ok_or(SyntaxError::String)?, Writing::Plain);
        let mut escaping: usize = 0;
        loop {
            match rest.get(plain_length(rest)..).and_then(<[u8]>::split_first) {
                Some((b'"', behind)) => {
                    let length = json.len().saturating_sub(behind.len());
                    let (quoted, behind) = json.split_at_checked(length).ok_or(SyntaxError::String)?;
                    return Ok((Self { quoted, writing, escaping }, behind));
                }
                Some((b'\\', escape)) => {
                    (rest, writing) = (after_escape(escape)?, Writing::Escaped);
                    // Of `\n` one byte, of `\u4e2d` the three of most letters, of a pair of such the four of one letter.
                    let excess = match escape.len().saturating_sub(rest.len()) {
                        1 => 1,
                        5 => 3,
                        _ => 8,
                    };
                    escaping = escaping.saturating_add(excess);
                }
                _ => return Err(SyntaxError::String),
            }
        }
    }

    /// How many bytes it took, without its quotation marks.
    pub(in crate::dialect) fn sent_length(&self) -> usize {
        self.quoted.len().saturating_sub(2)
    }

    /// How long it is in UTF-8, about: of letters that are escaped each is taken to have three bytes.
    pub(in crate::dialect) fn length(&self) -> usize {
        self.sent_length().saturating_sub(self.escaping)
    }

    pub(in crate::dialect) fn unescaped(&self) -> Result<Cow<'a, str>, SyntaxError> {
        match self.writing {
            Writing::Plain => {
                let end = self.quoted.len().saturating_sub(1);
                self.quoted.get(1..end).map(Cow::Borrowed).ok_or(SyntaxError::String)
            }
            Writing::Escaped => {
                serde_json::from_str(self.quoted).map(Cow::Owned).map_err(|_| SyntaxError::String)
            }
        }
    }
}

/// What is wrong with the text that `json` begins with, and how many bytes behind its quotation mark.
pub(in crate::dialect) fn explain(json: &str) -> (usize, &'static str) {
    let mut behind = json.as_bytes().get(1..).unwrap_or_default();
    loop {
        let rest = behind;
        let at = json.len().saturating_sub(rest.len());
        match rest.split_first() {
            None => return (at, "the body ends within a text"),
            Some((b'\\', escape)) => match after_escape(escape) {
                Ok(after) => behind = after,
                Err(_) => return (at, "an escape stands for no letter, or for half of one"),
            },
            Some((byte, _)) if *byte < b' ' => {
                return (at, "a control character stands in a text; write it as an escape");
            }
            Some((_, after)) => behind = after,
        }
    }
}

/// What follows an escape, of which the backslash is gone. Half of a surrogate pair is no text in UTF-8.
fn after_escape(escape: &[u8]) -> Result<&[u8], SyntaxError> {
    match escape {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => Ok(rest),
        [b'u', a, b, c, d, rest @ ..] => match (unit([*a, *b, *c, *d])?, rest) {
            (0xd800..=0xdbff, [b'\\', b'u', a, b, c, d, rest @ ..]) => match unit([*a, *b, *c, *d])? {
                0xdc00..=0xdfff => Ok(rest),
                _ => Err(SyntaxError::String),
            },
            (0xd800..=0xdfff, _) => Err(SyntaxError::String),
            _ => Ok(rest),
        },
        _ => Err(SyntaxError::String),
    }
}

/// A unit of UTF-16 in four hexadecimal digits.
fn unit(digits: [u8; 4]) -> Result<u32, SyntaxError> {
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(SyntaxError::String)?;
        Ok(unit << 4 | digit)
    })
}

/// How many bytes come before the next quotation mark, backslash or control character.
fn plain_length(bytes: &[u8]) -> usize {
    const BLOCK: usize = 32;
    const WORD: usize = size_of::<u64>();
    // Keys are short, and so is what stands between two escapes.
    let first = bytes.first_chunk().map_or(0, |word| specials(u64::from_le_bytes(*word)));
    if first != 0 {
        return first.trailing_zeros() as usize / 8;
    }
    // The compiler makes a few instructions of a whole block, as long as nothing in it ends the work early.
    let is_plain = |block: &&[u8]| !block.iter().fold(false, |special, byte| special | is_special(*byte));
    let blocks = bytes.chunks_exact(BLOCK).take_while(is_plain).count().saturating_mul(BLOCK);
    let rest = bytes.get(blocks..).unwrap_or_default();
    let mut before = blocks;
    let mut words = rest.chunks_exact(WORD);
    for word in words.by_ref() {
        let specials = word.try_into().map_or(0, |word| specials(u64::from_le_bytes(word)));
        if specials != 0 {
            return before.saturating_add(specials.trailing_zeros() as usize / 8);
        }
        before = before.saturating_add(WORD);
    }
    let remainder = words.remainder();
    before.saturating_add(remainder.iter().position(|byte| is_special(*byte)).unwrap_or(remainder.len()))
}

fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Eight bytes at once: the lowest bit that is set is the highest one of the first special byte. Above that there may
/// be others, because a subtraction borrows (<https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>).
fn specials(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let less = |word: u64, limit: u8| word.wrapping_sub(ONES.wrapping_mul(limit.into())) & !word;
    let equal = |byte: u8| less(word ^ ONES.wrapping_mul(byte.into()), 1);
    (less(word, b' ') | equal(b'"') | equal(b'\\')) & ONES << 7
}
