//! A document on each line (`application/x-ndjson`), as Ollama streams, in pieces of any size.

use super::json_reader::JsonReader;
use super::usage_accumulator::UsageAccumulator;
use crate::dialect::AnswerKey;

/// What reads the lines of one stream.
#[derive(Debug)]
pub(super) struct Ndjson {
    reader: JsonReader,
    /// How many have ended.
    seen: u64,
    is_begun: bool,
}

impl Ndjson {
    pub(super) fn new(document: &'static AnswerKey) -> Self {
        Self { reader: JsonReader::new(document), seen: 0, is_begun: false }
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    pub(super) fn take(&mut self, piece: &[u8], usage: &mut UsageAccumulator) {
        let mut rest = piece;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let (line, behind) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
            self.reader.take(line, usage);
            self.is_begun |= !line.trim_ascii().is_empty();
            rest = behind.get(1..).unwrap_or_default();
            if end.is_some() && std::mem::take(&mut self.is_begun) {
                self.seen = self.seen.saturating_add(1);
                self.reader.reset();
            }
        }
    }
}
