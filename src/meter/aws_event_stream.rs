//! AWS's binary event stream (`application/vnd.amazon.eventstream`), in pieces of any size.
//!
//! A message is a prelude (its length, that of its headers, a checksum of both), headers, a payload and a checksum
//! (<https://smithy.io/2.0/aws/amazon-eventstream.html>). The payloads are read, and the prelude is checked,
//! because a wrong length would make noise of all that follows. The checksum of the whole is for the caller.

use super::json_reader::JsonReader;
use super::usage_accumulator::UsageAccumulator;
use crate::dialect::AnswerKey;

const PRELUDE: usize = 12;
/// What a message has beside headers and payload.
const FRAMING: u32 = 16;
const CHECKSUM: u32 = 4;
/// The longest message there may be, and the longest headers.
const LONGEST_MESSAGE: u32 = 24 * 1024 * 1024;
const LONGEST_HEADERS: u32 = 128 * 1024;

/// What reads the messages of one stream.
#[derive(Debug)]
pub(super) struct AwsEventStream {
    reader: JsonReader,
    stage: Stage,
    prelude: [u8; PRELUDE],
    /// How many messages have begun.
    seen: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// So much of the prelude has come.
    Prelude(usize),
    /// So much of the headers is yet to come, and so much payload follows.
    Headers(u32, u32),
    Payload(u32),
    Checksum(u32),
    Broken,
}

impl AwsEventStream {
    pub(super) fn new(document: &'static AnswerKey) -> Self {
        Self { reader: JsonReader::new(document), stage: Stage::Prelude(0), prelude: [0; PRELUDE], seen: 0 }
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// True between two messages.
    pub(super) fn is_whole(&self) -> bool {
        self.stage == Stage::Prelude(0)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.stage == Stage::Broken
    }

    pub(super) fn take(&mut self, piece: &[u8], usage: &mut UsageAccumulator) {
        let mut rest = piece;
        while !rest.is_empty() && self.stage != Stage::Broken {
            rest = match self.stage {
                Stage::Prelude(filled) => self.fill(filled, rest),
                Stage::Headers(left, payload) => {
                    let (_, left, behind) = cut(rest, left);
                    self.stage =
                        if left == 0 { begin_payload(payload) } else { Stage::Headers(left, payload) };
                    behind
                }
                Stage::Payload(left) => {
                    let (part, left, behind) = cut(rest, left);
                    self.reader.take(part, usage);
                    self.stage = if left == 0 { Stage::Checksum(CHECKSUM) } else { Stage::Payload(left) };
                    behind
                }
                Stage::Checksum(left) => {
                    let (_, left, behind) = cut(rest, left);
                    self.stage = if left == 0 { Stage::Prelude(0) } else { Stage::Checksum(left) };
                    behind
                }
                Stage::Broken => return,
            };
        }
    }

    fn fill<'a>(&mut self, filled: usize, rest: &'a [u8]) -> &'a [u8] {
        let free = self.prelude.get_mut(filled..).unwrap_or_default();
        let (part, behind) = rest.split_at_checked(free.len()).unwrap_or((rest, &[]));
        free.iter_mut().zip(part).for_each(|(place, byte)| *place = *byte);
        self.stage = match filled.saturating_add(part.len()) {
            PRELUDE => self.begin_message().unwrap_or(Stage::Broken),
            filled => Stage::Prelude(filled),
        };
        behind
    }

    fn begin_message(&mut self) -> Option<Stage> {
        let (lengths, checksum) = self.prelude.split_first_chunk::<8>()?;
        let ([total, headers], _) = lengths.as_chunks::<4>() else { return None };
        let (total, headers) = (u32::from_be_bytes(*total), u32::from_be_bytes(*headers));
        let payload = total.checked_sub(FRAMING)?.checked_sub(headers)?;
        if total > LONGEST_MESSAGE || headers > LONGEST_HEADERS || crc32(lengths).to_be_bytes() != checksum {
            return None;
        }
        self.reader.reset();
        self.seen = self.seen.saturating_add(1);
        Some(if headers == 0 { begin_payload(payload) } else { Stage::Headers(headers, payload) })
    }
}

fn begin_payload(payload: u32) -> Stage {
    if payload == 0 { Stage::Checksum(CHECKSUM) } else { Stage::Payload(payload) }
}

/// What is there of the next `left` bytes, how many are then left, and what follows.
fn cut(rest: &[u8], left: u32) -> (&[u8], u32, &[u8]) {
    let wanted = usize::try_from(left).unwrap_or(usize::MAX);
    let (part, behind) = rest.split_at_checked(wanted).unwrap_or((rest, &[]));
    let taken = u32::try_from(part.len()).unwrap_or(left);
    (part, left.saturating_sub(taken), behind)
}

/// CRC-32 as of gzip, bit by bit: it is only run over eight bytes.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 },
        )
    })
}
