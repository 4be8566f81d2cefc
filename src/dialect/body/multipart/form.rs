//! A multipart form (RFC 7578), read piece by piece in bounded memory, so that a long upload need not be held.
//!
//! It reads the whole form, because a second `model` behind a large file would otherwise pass unseen. Every
//! occurrence of the boundary is a delimiter (RFC 2046 section 5.1.1), or the form is ambiguous. What a part
//! means is `field`'s business.

use memchr::memmem::{self, Finder};

use super::field::{Field, FormFacts};
use crate::denial::Denial;
use crate::dialect::body::refusal::{ambiguous, malformed};

const CRLF: &[u8] = b"\r\n";
/// Both are far beyond what any client sends, and bound what is kept between two pieces.
const LONGEST_HEADERS: usize = 8 * 1024;
const LONGEST_VALUE: usize = 4 * 1024;

/// A form on its way.
#[derive(Clone, Debug)]
pub struct Form {
    delimiter: Finder<'static>,
    /// What has come; from `read` on it is not read yet.
    pending: Vec<u8>,
    read: usize,
    place: Place,
    facts: FormFacts,
    decided: Decided,
}

/// What a decision rests on, so that nothing more of it may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect::body) enum Decided {
    /// Nothing was decided yet.
    Nothing,
    /// The model alone: whether to stream may still be said.
    Model,
    All,
}

impl Decided {
    fn covers(self, field: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Model => field == "model",
            Self::All => true,
        }
    }
}

#[derive(Clone, Debug)]
enum Place {
    Start,
    /// Behind a delimiter.
    Delimited,
    Headers,
    /// In the content of a part; with its field where that is read.
    Content(Option<Field>),
    End,
}

/// Whether there is more to read in what is pending.
#[derive(PartialEq, Eq)]
enum Progress {
    Made,
    NeedsMore,
}

impl Form {
    pub(in crate::dialect::body) fn new(boundary: &str) -> Self {
        Self {
            delimiter: Finder::new(format!("--{boundary}").as_bytes()).into_owned(),
            pending: Vec::new(),
            read: 0,
            place: Place::Start,
            facts: FormFacts::default(),
            decided: Decided::Nothing,
        }
    }

    /// Reads the next piece.
    ///
    /// # Errors
    /// Refuses what parsers of forms are known to read differently; after a decision also a field that it would
    /// have rested on.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), Denial> {
        self.pending.extend_from_slice(piece);
        while self.step()? == Progress::Made {}
        // Once, since it moves what is left.
        self.pending.drain(..self.read.min(self.pending.len()));
        self.read = 0;
        Ok(())
    }

    /// The form ends here.
    ///
    /// # Errors
    /// Refuses a form that was cut off.
    pub fn finish(&self) -> Result<(), Denial> {
        match (&self.place, self.unread()) {
            (Place::End, b"" | CRLF) => Ok(()),
            (Place::End, _) => Err(ambiguous("the form goes on after its end")),
            _ => Err(malformed("the form does not end")),
        }
    }

    pub(in crate::dialect::body) fn facts(&self) -> &FormFacts {
        &self.facts
    }

    /// What has come is decided on.
    ///
    /// # Errors
    /// Refuses a form that was cut in the middle of a field that is read.
    pub(in crate::dialect::body) fn decide(&mut self, decided: Decided) -> Result<(), Denial> {
        self.decided = decided;
        self.pending.shrink_to_fit();
        match &self.place {
            Place::Content(Some(field)) => self.require_open(field.meaning()?),
            _ => Ok(()),
        }
    }

    fn require_open(&self, meaning: Option<&str>) -> Result<(), Denial> {
        match meaning.is_some_and(|field| self.decided.covers(field)) {
            true => Err(ambiguous("a field that is read stands behind what could be held")),
            false => Ok(()),
        }
    }

    fn step(&mut self) -> Result<Progress, Denial> {
        match &self.place {
            Place::Start => self.start(),
            Place::Delimited => self.delimited(),
            Place::Headers => self.headers(),
            Place::Content(field) => {
                let field = field.clone();
                self.content(field)
            }
            Place::End => match CRLF.starts_with(self.unread()) {
                true => Ok(Progress::NeedsMore),
                false => Err(ambiguous("the form goes on after its end")),
            },
        }
    }

    fn start(&mut self) -> Result<Progress, Denial> {
        let delimiter = self.delimiter.needle();
        if self.unread().starts_with(delimiter) {
            let length = delimiter.len();
            return Ok(self.enter(Place::Delimited, length));
        }
        match delimiter.starts_with(self.unread()) {
            true => Ok(Progress::NeedsMore),
            false => Err(malformed("the form does not begin with its boundary")),
        }
    }

    fn delimited(&mut self) -> Result<Progress, Denial> {
        match self.unread() {
            [b'-', b'-', ..] => Ok(self.enter(Place::End, 2)),
            [b'\r', b'\n', ..] => Ok(self.enter(Place::Headers, 2)),
            [] | [b'-' | b'\r'] => Ok(Progress::NeedsMore),
            _ => Err(ambiguous("a delimiter does not end its line")),
        }
    }

    fn headers(&mut self) -> Result<Progress, Denial> {
        let unread = self.unread();
        let end = memmem::find(unread, b"\r\n\r\n");
        let headers = unread.get(..end.unwrap_or(unread.len())).unwrap_or_default();
        if headers.len() > LONGEST_HEADERS {
            return Err(malformed("a part has no headers, or too many"));
        }
        if self.delimiter.find(headers).is_some() {
            return Err(malformed("a part has no headers"));
        }
        match end {
            Some(end) => {
                let field = Field::parse(headers)?;
                let meaning = field.meaning()?;
                let is_read = meaning.is_some();
                // Here already, so that nothing of its content goes on: some parsers take a last part without its end.
                self.require_open(meaning)?;
                Ok(self.enter(Place::Content(is_read.then_some(field)), end.saturating_add(4)))
            }
            None => Ok(Progress::NeedsMore),
        }
    }

    fn content(&mut self, field: Option<Field>) -> Result<Progress, Denial> {
        let delimiter = self.delimiter.needle().len();
        let Some(end) = self.delimiter.find(self.unread()) else {
            return self.pass_over(field.is_some(), delimiter);
        };
        let content = self.pending.get(self.read..).and_then(|unread| unread.get(..end)).unwrap_or_default();
        let content = content.strip_suffix(CRLF).ok_or_else(|| ambiguous("a part holds the boundary"))?;
        if let Some(field) = field {
            field.note(content, &mut self.facts)?;
        }
        Ok(self.enter(Place::Delimited, end.saturating_add(delimiter)))
    }

    /// Of a content that nobody reads, only what the delimiter could begin in is kept.
    fn pass_over(&mut self, is_read: bool, delimiter: usize) -> Result<Progress, Denial> {
        let kept = delimiter.saturating_add(CRLF.len());
        match is_read {
            true if self.unread().len() > LONGEST_VALUE => {
                return Err(malformed("a field that is read is too long, or the form does not end"));
            }
            true => {}
            false => self.forget(self.unread().len().saturating_sub(kept)),
        }
        Ok(Progress::NeedsMore)
    }

    fn enter(&mut self, place: Place, behind: usize) -> Progress {
        self.place = place;
        self.forget(behind);
        Progress::Made
    }

    fn unread(&self) -> &[u8] {
        self.pending.get(self.read..).unwrap_or_default()
    }

    fn forget(&mut self, bytes: usize) {
        self.read = self.read.saturating_add(bytes);
    }
}
