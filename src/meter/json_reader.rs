//! One JSON document, in pieces of any size: only what the keys lead to is kept, the rest is passed over.
//!
//! It holds a few hundred bytes whatever comes. It does not check what it passes over; a document that is not JSON is
//! noticed where it breaks off, or where its structure is read.

use super::base64::Base64Decoder;
use super::usage_accumulator::UsageAccumulator;
use crate::dialect::{AnswerKey, Holds};

/// The longest key or value that is read; a longer one is none that is asked for.
pub(super) const LONGEST: usize = 128;
/// How deep the keys lead, lists included.
const DEEPEST: usize = 8;

/// What reads one document.
#[derive(Debug)]
pub(super) struct JsonReader {
    document: &'static AnswerKey,
    state: State,
    /// The lists and objects that are open and may hold something; the first `depth` of them.
    levels: [Level; DEEPEST],
    depth: usize,
    /// How many are open within what is passed over.
    below: u32,
    /// Of the value that comes next or is being read.
    next: &'static AnswerKey,
    held: Held,
    /// The last byte of a text was a backslash.
    escapes: bool,
    nested: Option<Box<Nested>>,
}

/// A document in base64 within this one.
#[derive(Debug)]
struct Nested {
    decoder: Base64Decoder,
    reader: JsonReader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    /// Behind an opening bracket or a comma of an object.
    Key,
    KeyText,
    Colon,
    Text,
    Scalar,
    /// Behind a value.
    Behind,
    /// In a list or object that is passed over.
    Below,
    BelowText,
    /// Behind the document.
    Closed,
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    List,
    Object,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    kind: Kind,
    /// Of its elements, or of itself.
    key: &'static AnswerKey,
}

impl JsonReader {
    pub(super) fn new(document: &'static AnswerKey) -> Self {
        Self {
            document,
            state: State::Value,
            levels: [Level { kind: Kind::Object, key: document }; DEEPEST],
            depth: 0,
            below: 0,
            next: document,
            held: Held::new(),
            escapes: false,
            nested: None,
        }
    }

    /// The next document begins.
    pub(super) fn reset(&mut self) {
        (self.state, self.depth, self.below, self.escapes) = (State::Value, 0, 0, false);
        self.next = self.document;
        self.held.clear();
    }

    /// True once the document has come to its end.
    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// True where the document is a list.
    pub(super) fn is_list(&self) -> bool {
        self.levels.first().is_some_and(|level| level.kind == Kind::List)
    }

    pub(super) fn take(&mut self, piece: &[u8], usage: &mut UsageAccumulator) {
        let mut rest = piece;
        while let Some((byte, behind)) = rest.split_first() {
            rest = match self.state {
                State::KeyText | State::Text | State::BelowText => self.text(rest, usage),
                State::Scalar => self.scalar(rest, usage),
                State::Below => self.below(rest),
                State::Closed | State::Broken => return,
                State::Value | State::Key | State::Colon | State::Behind => {
                    self.structure(*byte, usage);
                    // A scalar has no mark before its first byte.
                    if self.state == State::Scalar { rest } else { behind }
                }
            };
        }
    }

    fn structure(&mut self, byte: u8, usage: &mut UsageAccumulator) {
        self.state = match (self.state, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => return,
            (State::Value, b'{') => return self.open(Kind::Object, usage),
            (State::Value, b'[') => return self.open(Kind::List, usage),
            (State::Value, b'"') => {
                self.begin_text(usage);
                State::Text
            }
            // Of an empty list.
            (State::Value, b']') => return self.close(Kind::List, usage),
            (State::Value, b'-' | b'0'..=b'9' | b'n' | b't' | b'f') => {
                self.held.clear();
                State::Scalar
            }
            (State::Key, b'"') => {
                self.held.clear();
                State::KeyText
            }
            (State::Key, b'}') | (State::Behind, b'}') => return self.close(Kind::Object, usage),
            (State::Behind, b']') => return self.close(Kind::List, usage),
            (State::Colon, b':') => State::Value,
            (State::Behind, b',') => match self.level() {
                Some(Level { kind: Kind::List, key }) => {
                    self.next = key;
                    State::Value
                }
                Some(Level { kind: Kind::Object, .. }) => State::Key,
                None => State::Broken,
            },
            _ => State::Broken,
        };
    }

    fn level(&self) -> Option<Level> {
        self.depth.checked_sub(1).and_then(|last| self.levels.get(last)).copied()
    }

    fn open(&mut self, kind: Kind, usage: &mut UsageAccumulator) {
        let key = self.next;
        match kind {
            Kind::List => usage.list_opens(key.holds),
            Kind::Object => usage.object_opens(key.holds),
        }
        // A list of texts has no keys below it.
        let is_read = !key.below.is_empty() || kind == Kind::List && matches!(key.holds, Holds::Each(_));
        match self.levels.get_mut(self.depth).filter(|_| is_read) {
            Some(level) => {
                *level = Level { kind, key };
                self.depth = self.depth.saturating_add(1);
                self.state = if kind == Kind::List { State::Value } else { State::Key };
            }
            None => (self.state, self.below) = (State::Below, 1),
        }
    }

    fn close(&mut self, kind: Kind, usage: &mut UsageAccumulator) {
        match self.level() {
            Some(level) if level.kind == kind => {
                if kind == Kind::Object {
                    usage.object_closes(level.key.holds);
                }
                self.depth = self.depth.saturating_sub(1);
                self.value_ends();
            }
            _ => self.state = State::Broken,
        }
    }

    fn value_ends(&mut self) {
        self.state = if self.depth == 0 { State::Closed } else { State::Behind };
    }

    fn begin_text(&mut self, usage: &mut UsageAccumulator) {
        self.held.clear();
        usage.text_begins(self.next.holds);
        if let Holds::Sealed(document) = self.next.holds {
            match &mut self.nested {
                Some(nested) => {
                    nested.decoder = Base64Decoder::default();
                    nested.reader.reset();
                }
                none => {
                    let reader = Self::new(document);
                    *none = Some(Box::new(Nested { decoder: Base64Decoder::default(), reader }));
                }
            }
        }
    }

    /// Reads on in a text; returns what follows the part of it that is there.
    fn text<'a>(&mut self, rest: &'a [u8], usage: &mut UsageAccumulator) -> &'a [u8] {
        if std::mem::take(&mut self.escapes) {
            let (escaped, behind) = rest.split_at_checked(1).unwrap_or((rest, &[]));
            self.keep(escaped, usage);
            return behind;
        }
        let end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        let (plain, special) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        match special.split_first() {
            Some((b'"', behind)) => {
                self.text_ends(plain, usage);
                behind
            }
            Some((_, behind)) => {
                self.keep(plain, usage);
                // An escape is one byte of text.
                if self.state != State::Text || !matches!(self.next.holds, Holds::Text) {
                    self.keep(b"\\", usage);
                }
                self.escapes = true;
                behind
            }
            None => {
                self.keep(plain, usage);
                &[]
            }
        }
    }

    fn keep(&mut self, part: &[u8], usage: &mut UsageAccumulator) {
        match (self.state, self.next.holds) {
            (State::KeyText, _) => self.held.push(part),
            (State::Text, holds) if holds.is_read_as_text() => self.held.push(part),
            (State::Text, Holds::Text) => usage.text_passes(part.len()),
            (State::Text, Holds::Sealed(_)) => {
                if let Some(Nested { decoder, reader }) = self.nested.as_deref_mut() {
                    decoder.take(part, |decoded| reader.take(decoded, usage));
                }
            }
            _ => {}
        }
    }

    fn text_ends(&mut self, last: &[u8], usage: &mut UsageAccumulator) {
        match self.state {
            State::KeyText => {
                let level = self.level();
                let name = self.held.with_last(last);
                let found = name.and_then(|name| level?.key.below.find(name));
                self.next = found.unwrap_or(&AnswerKey::UNREAD);
                self.state = State::Colon;
            }
            State::Text if self.next.holds.is_read_as_text() => {
                let element = self.level().map_or(Holds::Others, |level| level.key.holds);
                if let Some(written) = self.held.with_last(last) {
                    usage.text(self.next.holds, element, written);
                }
                self.value_ends();
            }
            State::Text => {
                self.keep(last, usage);
                self.value_ends();
            }
            _ => self.state = State::Below,
        }
    }

    /// Reads on in a number or a word; returns what follows the part of it that is there.
    fn scalar<'a>(&mut self, rest: &'a [u8], usage: &mut UsageAccumulator) -> &'a [u8] {
        let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
        let end = rest.iter().position(is_end);
        let (part, behind) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
        match end {
            Some(_) => {
                if let Some(written) = self.held.with_last(part) {
                    usage.scalar(self.next.holds, written);
                }
                self.value_ends();
            }
            None => self.held.push(part),
        }
        behind
    }

    /// Reads on in what is passed over, until its last bracket closes.
    fn below<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let Some((byte, behind)) = rest.get(level_length(rest)..).and_then(<[u8]>::split_first) else {
            return &[];
        };
        match byte {
            b'"' => self.state = State::BelowText,
            b'{' | b'[' => self.below = self.below.saturating_add(1),
            _ => {
                self.below = self.below.saturating_sub(1);
                if self.below == 0 {
                    self.value_ends();
                }
            }
        }
        behind
    }
}

/// A key or a value, as far as it has come.
#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl Held {
    fn new() -> Self {
        Self { bytes: Vec::with_capacity(LONGEST), is_too_long: false }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.is_too_long = false;
    }

    fn push(&mut self, part: &[u8]) {
        self.is_too_long |= self.bytes.len().saturating_add(part.len()) > LONGEST;
        if !self.is_too_long {
            self.bytes.extend_from_slice(part);
        }
    }

    /// The whole, of which this is the last part; most come in one.
    fn with_last<'a>(&'a mut self, part: &'a [u8]) -> Option<&'a [u8]> {
        if self.bytes.is_empty() && !self.is_too_long {
            return (part.len() <= LONGEST).then_some(part);
        }
        self.push(part);
        (!self.is_too_long).then_some(self.bytes.as_slice())
    }
}

/// How many bytes come before the next bracket or quotation mark.
fn level_length(bytes: &[u8]) -> usize {
    const BLOCK: usize = 32;
    // `[` and `{`, and `]` and `}`, differ in one bit.
    let leaves = |byte: u8| byte == b'"' || matches!(byte | 0x20, b'{' | b'}');
    // The compiler makes a few instructions of a whole block, as long as nothing in it ends the work early.
    let is_level = |block: &&[u8]| !block.iter().fold(false, |found, byte| found | leaves(*byte));
    let level = bytes.chunks_exact(BLOCK).take_while(is_level).count().saturating_mul(BLOCK);
    let rest = bytes.get(level..).unwrap_or_default();
    level.saturating_add(rest.iter().position(|byte| leaves(*byte)).unwrap_or(rest.len()))
}
