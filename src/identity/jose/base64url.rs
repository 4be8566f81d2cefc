//! Base64url (RFC 4648 section 5) in its one canonical form, as tokens have it.
//!
//! Each new token has a kilobyte of it. `ct-codecs` hides its timing, which takes several times as long, and what is decoded
//! here is the caller's own.

use data_encoding::BASE64URL_NOPAD;

/// Decodes it: no padding, no other character, no stray bits at the end. An empty text is refused too.
pub fn base64url(text: &str) -> Option<Vec<u8>> {
    match text.is_empty() {
        true => None,
        false => BASE64URL_NOPAD.decode(text.as_bytes()).ok(),
    }
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
