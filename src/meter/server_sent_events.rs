//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), in pieces of any size.
//!
//! Most events of a stream say nothing of its cost. Where such a one is there as a whole, it is not read but searched for
//! the marks that one with figures has.

use memchr::memmem::Finder;

use super::json_reader::JsonReader;
use super::usage_accumulator::UsageAccumulator;
use crate::dialect::Statement;

const DATA: &[u8] = b"data:";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// A longer event is always read, so that all its text counts.
const LONGEST_SILENT: usize = 1024;
/// The model's name is looked for in so many events.
const FIRST_EVENTS: u64 = 4;

/// What reads the events of one stream.
#[derive(Debug)]
pub(super) struct ServerSentEvents {
    reader: JsonReader,
    marks: Vec<Finder<'static>>,
    texts: Texts,
    line: Line,
    /// A line has ended with a carriage return, so that a line feed belongs to it.
    is_returned: bool,
    /// The event has a line of data.
    has_data: bool,
    /// How many events have gone by.
    seen: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// At the beginning of the stream, so much of a byte order mark has come.
    First(usize),
    /// So much of `data:` has come.
    Name(usize),
    /// Behind `data:`, where a blank may follow.
    Blank,
    Data,
    /// A comment, or a field that is not read.
    Other,
}

impl ServerSentEvents {
    pub(super) fn new(statement: &'static Statement) -> Self {
        Self {
            reader: JsonReader::new(&statement.event),
            marks: statement.marks.iter().map(|mark| Finder::new(*mark)).collect(),
            texts: Texts { keys: statement.texts, last: None },
            line: Line::First(0),
            is_returned: false,
            has_data: false,
            seen: 0,
        }
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    pub(super) fn take(&mut self, piece: &[u8], usage: &mut UsageAccumulator) {
        let mut rest = piece;
        while let Some((byte, behind)) = rest.split_first() {
            if std::mem::take(&mut self.is_returned) && *byte == b'\n' {
                rest = behind;
                continue;
            }
            rest = match self.line {
                Line::Name(0) if *byte == b'd' => match self.silent_event(rest, usage) {
                    Some(behind) => behind,
                    None => self.step(*byte, behind, usage),
                },
                Line::Data | Line::Other => self.rest_of_line(rest, usage),
                _ => self.step(*byte, behind, usage),
            };
        }
    }

    /// What follows an event that is there as a whole and says nothing; `None` where one has to be read.
    fn silent_event<'a>(&mut self, rest: &'a [u8], usage: &mut UsageAccumulator) -> Option<&'a [u8]> {
        if self.marks.is_empty() || self.has_data || (self.seen < FIRST_EVENTS && usage.model.is_none()) {
            return None;
        }
        let (line, behind) = rest.split_at_checked(memchr::memchr2(b'\n', b'\r', rest)?)?;
        // Another line of data may belong to it.
        let behind = after_break(behind)?;
        let behind = after_break(behind)?;
        if !line.starts_with(DATA)
            || line.len() > LONGEST_SILENT
            || self.marks.iter().any(|mark| has_value(line, mark))
        {
            return None;
        }
        usage.text_passes(self.texts.length(line));
        self.event_ends();
        Some(behind)
    }

    /// A byte of a line's name.
    fn step<'a>(&mut self, byte: u8, behind: &'a [u8], usage: &mut UsageAccumulator) -> &'a [u8] {
        let is_next = |text: &[u8], length: usize| text.get(length) == Some(&byte);
        self.line = match self.line {
            _ if matches!(byte, b'\n' | b'\r') => {
                self.line_ends(byte, usage);
                return behind;
            }
            Line::First(2) if is_next(BYTE_ORDER_MARK, 2) => Line::Name(0),
            Line::First(length) if is_next(BYTE_ORDER_MARK, length) => Line::First(length.saturating_add(1)),
            Line::First(0) if is_next(DATA, 0) => Line::Name(1),
            Line::Name(4) if is_next(DATA, 4) => {
                if self.has_data {
                    self.reader.take(b"\n", usage);
                }
                self.has_data = true;
                Line::Blank
            }
            Line::Name(length) if is_next(DATA, length) => Line::Name(length.saturating_add(1)),
            Line::Blank if byte == b' ' => Line::Data,
            Line::Blank => {
                self.reader.take(&[byte], usage);
                Line::Data
            }
            _ => Line::Other,
        };
        behind
    }

    /// The rest of a line, as far as it is there.
    fn rest_of_line<'a>(&mut self, rest: &'a [u8], usage: &mut UsageAccumulator) -> &'a [u8] {
        let end = memchr::memchr2(b'\n', b'\r', rest);
        let (part, behind) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
        if self.line == Line::Data {
            self.reader.take(part, usage);
        }
        match behind.split_first() {
            Some((byte, behind)) => {
                self.line_ends(*byte, usage);
                behind
            }
            None => &[],
        }
    }

    fn line_ends(&mut self, byte: u8, usage: &mut UsageAccumulator) {
        self.is_returned = byte == b'\r';
        if matches!(self.line, Line::Name(0) | Line::First(0)) && self.has_data {
            // The first events may have said which model it is.
            self.event_ends();
        }
        usage.has_done_with_model = self.seen >= FIRST_EVENTS;
        self.line = Line::Name(0);
    }

    fn event_ends(&mut self) {
        self.has_data = false;
        self.seen = self.seen.saturating_add(1);
        self.reader.reset();
    }
}

/// Finds the text of a short event without reading the event.
#[derive(Debug)]
struct Texts {
    keys: &'static [&'static str],
    /// Where which key stood last: in most streams each event has it there.
    last: Option<(&'static str, usize)>,
}

impl Texts {
    /// How many bytes of text the event has at the first of the keys that has a text there.
    fn length(&mut self, line: &[u8]) -> usize {
        let at = |key: &str, begin: usize| {
            let value = line.get(begin..)?.strip_prefix(key.as_bytes())?.trim_ascii_start();
            value.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")
        };
        let text = self.last.and_then(|(key, begin)| at(key, begin)).or_else(|| {
            self.keys.iter().find_map(|key| {
                let begin = memchr::memmem::find(line, key.as_bytes())?;
                self.last = Some((key, begin));
                at(key, begin)
            })
        });
        text.map_or(0, text_length)
    }
}

/// How long the text is that begins here; an escape is one byte.
fn text_length(text: &[u8]) -> usize {
    let (mut length, mut rest): (usize, _) = (0, text);
    while let Some(end) = memchr::memchr2(b'"', b'\\', rest) {
        length = length.saturating_add(end);
        match rest.get(end..) {
            Some([b'\\', _, behind @ ..]) => (length, rest) = (length.saturating_add(1), behind),
            _ => return length,
        }
    }
    length.saturating_add(rest.len())
}

/// What follows a line break; `None` where there is none, or what follows a carriage return has yet to come.
fn after_break(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [b'\r', b'\n', behind @ ..] | [b'\n', behind @ ..] => Some(behind),
        [b'\r', behind @ ..] if !behind.is_empty() => Some(behind),
        _ => None,
    }
}

/// True where the mark, a key, has a value other than `null` somewhere in the line.
fn has_value(line: &[u8], mark: &Finder<'_>) -> bool {
    let length = mark.needle().len();
    mark.find_iter(line).any(|begin| {
        let behind = line.get(begin.saturating_add(length)..).unwrap_or_default().trim_ascii_start();
        let value = behind.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| !value.starts_with(b"null"))
    })
}
