//! Base64url (RFC 4648 section 5) in its one canonical form, as tokens have it.
//!
//! Each new token has a kilobyte of it. A decoder that hides its timing takes several times as long, and what is decoded
//! here is the caller's own.

/// Of a byte that is no letter; no value of a letter has these bits.
const NO_LETTER: u8 = 0xc0;

/// What each byte stands for.
#[expect(clippy::indexing_slicing, reason = "of a constant: out of bounds it would not compile")]
const VALUES: [u8; 256] = {
    let mut values = [NO_LETTER; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut value = 0;
    while value < 64 {
        values[letters[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Decodes it: no padding, no other character, no stray bits at the end. An empty text is refused too.
pub(super) fn base64url(text: &str) -> Option<Vec<u8>> {
    let (blocks, end) = text.as_bytes().as_chunks::<4>();
    let mut decoded = Vec::with_capacity(text.len());
    let mut seen = 0;
    for block in blocks {
        let letters = block.map(value);
        seen |= letters.iter().fold(0, |seen, letter| seen | letter);
        decoded.extend_from_slice(&bytes(letters));
    }
    let (letters, length, stray) = match *end {
        [] => ([0; 4], 0, 0),
        [first, second] => ([value(first), value(second), 0, 0], 1, value(second) & 0x0f),
        [first, second, third] => ([value(first), value(second), value(third), 0], 2, value(third) & 0x03),
        _ => return None,
    };
    seen |= letters.iter().fold(0, |seen, letter| seen | letter);
    decoded.extend(bytes(letters).into_iter().take(length));
    (!text.is_empty() && seen & NO_LETTER == 0 && stray == 0).then_some(decoded)
}

fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(NO_LETTER)
}

/// Four values of six bits as three bytes.
fn bytes([first, second, third, fourth]: [u8; 4]) -> [u8; 3] {
    [first << 2 | second >> 4, second << 4 | third >> 2, third << 6 | fourth]
}

#[cfg(test)]
mod tests {
    use ct_codecs::{Base64UrlSafeNoPadding, Decoder as _};
    use proptest::prelude::{ProptestConfig, proptest};

    use super::base64url;

    #[test]
    fn only_canonical_base64url_is_read() {
        assert_eq!(base64url("_-8"), Some(vec![0xff, 0xef]));
        for (text, note) in [
            ("", "nothing"),
            ("_-8=", "padding"),
            ("_-9", "bits set behind the last byte"),
            ("/+8", "the other alphabet"),
            ("_-8 ", "a space"),
            ("_\n-8", "a line break inside"),
            ("_", "a length that no bytes have"),
            ("_-8A_", "a length that no bytes have, longer"),
            ("_é8", "not ASCII"),
        ] {
            assert_eq!(base64url(text), None, "{note}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn another_decoder_reads_the_same(text in "[A-Za-z0-9_-]{0,40}.?[A-Za-z0-9_-]{0,5}") {
            let other = Base64UrlSafeNoPadding::decode_to_vec(&text, None).ok().filter(|_| !text.is_empty());
            assert_eq!(base64url(&text), other, "{text}");
        }
    }
}
