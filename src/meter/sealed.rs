//! A document in base64 within another one, as Bedrock sends the events of a model's maker.

use super::sieve::Sieve;
use super::told::Told;
use crate::dialect::AnswerKey;

/// How much is decoded at a time.
const BLOCK: usize = 192;

/// Decodes one document and reads it, in pieces of any size.
#[derive(Debug)]
pub(super) struct Unsealing {
    sieve: Sieve,
    /// The letters of a group of four that have come: six bits each.
    group: u32,
    letters: u8,
}

impl Unsealing {
    pub(super) fn new(document: &'static AnswerKey) -> Self {
        Self { sieve: Sieve::new(document), group: 0, letters: 0 }
    }

    /// The next document begins.
    pub(super) fn reset(&mut self) {
        (self.group, self.letters) = (0, 0);
        self.sieve.reset();
    }

    /// Reads on; what is no letter of base64, such as the padding, is passed over.
    pub(super) fn take(&mut self, piece: &[u8], told: &mut Told) {
        let mut decoded = Vec::with_capacity(BLOCK);
        for letters in piece.chunks(BLOCK) {
            decoded.clear();
            for value in letters.iter().filter_map(|letter| value(*letter)) {
                self.group = self.group << 6 | u32::from(value);
                self.letters = self.letters.saturating_add(1);
                // A byte is whole with each letter but the first of a group.
                match self.letters {
                    2 => decoded.push(byte(self.group >> 4)),
                    3 => decoded.push(byte(self.group >> 2)),
                    4 => {
                        decoded.push(byte(self.group));
                        (self.group, self.letters) = (0, 0);
                    }
                    _ => {}
                }
            }
            self.sieve.take(&decoded, told);
        }
    }
}

/// The lowest eight bits.
fn byte(bits: u32) -> u8 {
    u8::try_from(bits & 0xff).unwrap_or_default()
}

fn value(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter.wrapping_sub(b'A')),
        b'a'..=b'z' => Some(letter.wrapping_sub(b'a').wrapping_add(26)),
        b'0'..=b'9' => Some(letter.wrapping_sub(b'0').wrapping_add(52)),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
