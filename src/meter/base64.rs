//! Base64 in pieces of any size, as the documents come in that Bedrock sends within its events.

/// How much is decoded at a time.
const BLOCK: usize = 192;

/// Decodes one text.
#[derive(Debug, Default)]
pub(super) struct Base64Decoder {
    /// The letters of a group of four that have come: six bits each.
    group: u32,
    letters: u8,
}

impl Base64Decoder {
    /// Hands on what a piece of the text stands for; what is no letter of base64, such as the padding, is passed over.
    pub(super) fn take(&mut self, piece: &[u8], mut pass: impl FnMut(&[u8])) {
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
            pass(&decoded);
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
