//! The format of an API key, and its hash.
//!
//! A key is `cgk_`, 43 base62 digits that hold 256 random bits, and 6 base62 digits that hold the CRC-32 of
//! everything before them. Secret scanners find one with `\bcgk_[0-9A-Za-z]{49}\b`, and the checksum tells a
//! real key from a look-alike, or a mistyped key from an unknown one, without asking the gateway.
//!
//! It does not keep keys: the configuration holds their hashes (see `table`). A plain SHA-256 is enough
//! for a hash, because nobody can search 256 random bits; it would not be for a password.

use sha2::{Digest, Sha256};

use crate::config::KeyHash;
use crate::secret::Secret;

const PREFIX: &str = "cgk_";
const BODY_DIGITS: usize = 43;
const CHECKSUM_DIGITS: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The format of this gateway's own API keys.
pub struct ApiKey;

impl ApiKey {
    /// Writes 256 random bits as a key.
    pub fn mint(entropy: [u8; 32]) -> Secret {
        let mut text = PREFIX.to_owned();
        text.extend(base62(entropy, BODY_DIGITS));
        let checksum = crc32(text.as_bytes());
        text.extend(base62(checksum.to_be_bytes(), CHECKSUM_DIGITS));
        Secret::new(text)
    }

    /// True where a key of this gateway, or the beginning of one, stands anywhere in the text.
    pub fn may_stand_in(text: &str) -> bool {
        text.contains(PREFIX)
    }

    /// True where the whole text is a key whose checksum holds; it may still be unknown.
    pub fn is_well_formed(text: &str) -> bool {
        let Some(digits) = text.strip_prefix(PREFIX) else { return false };
        // The digits are ASCII once this holds, so the split below cannot fall inside a character.
        if digits.len() != BODY_DIGITS.saturating_add(CHECKSUM_DIGITS)
            || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return false;
        }
        let Some((signed, checksum)) = text.split_at_checked(text.len().saturating_sub(CHECKSUM_DIGITS))
        else {
            return false;
        };
        base62(crc32(signed.as_bytes()).to_be_bytes(), CHECKSUM_DIGITS).eq(checksum.chars())
    }

    /// True where the text claims to be a key of this gateway.
    pub fn has_prefix(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    pub fn hash(secret: &Secret) -> KeyHash {
        KeyHash::of_digest(Sha256::digest(secret.expose()).into())
    }
}

/// The big-endian number in `bytes` as exactly `width` base62 digits, which must be enough for it.
fn base62<const N: usize>(mut bytes: [u8; N], width: usize) -> impl Iterator<Item = char> {
    let mut digits = vec!['0'; width];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0;
        for byte in &mut bytes {
            let value = (remainder << 8) | u32::from(*byte);
            // The quotient fits a byte, because the remainder before it was below 62.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = usize::try_from(remainder)
            .ok()
            .and_then(|index| DIGITS.get(index))
            .map_or('0', |byte| char::from(*byte));
    }
    digits.into_iter()
}

/// CRC-32 as in zlib. Ten lines instead of a crate: it runs only over the 47 bytes of a key nobody knows,
/// so a crate's 16 KiB of tables would cost start-up time for nothing.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let polynomial = if sum & 1 == 1 { 0xEDB8_8320 } else { 0 };
            (sum >> 1) ^ polynomial
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{ApiKey, crc32};
    use crate::secret::Secret;

    fn text(secret: &Secret) -> String {
        String::from_utf8(secret.expose().to_vec()).unwrap()
    }

    #[test]
    fn a_minted_key_has_the_documented_shape() {
        for (entropy, note) in
            [([0; 32], "the least"), ([0xff; 32], "the greatest"), ([7; 32], "one between")]
        {
            let key = text(&ApiKey::mint(entropy));
            assert_eq!(key.len(), 53, "{note}");
            assert!(key.starts_with("cgk_") && ApiKey::is_well_formed(&key), "{note}: {key}");
        }
        let least = text(&ApiKey::mint([0; 32]));
        assert!(least.starts_with(&format!("cgk_{}", "0".repeat(43))));
    }

    #[test]
    fn the_checksum_is_crc_32_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_damaged_key_is_recognised() {
        let key = text(&ApiKey::mint([7; 32]));
        let longer = format!("{key}0");
        let shorter: String = key.chars().take(52).collect();
        let other_prefix = key.replace("cgk_", "sk-x");
        let swapped: String = {
            let mut characters: Vec<char> = key.chars().collect();
            let last = characters.pop().unwrap();
            characters.push(if last == 'a' { 'b' } else { 'a' });
            characters.into_iter().collect()
        };
        for (damaged, note) in [
            (longer, "one digit too many"),
            (shorter, "cut off"),
            (other_prefix, "another prefix"),
            (swapped, "one digit mistyped"),
            (format!("cgk_{}", "ä".repeat(24)), "not ASCII"),
            ("cgk_".to_owned(), "the prefix alone"),
            (String::new(), "nothing"),
        ] {
            assert!(!ApiKey::is_well_formed(&damaged), "{note}: {damaged}");
        }
    }

    #[test]
    fn a_hash_is_sha_256_of_the_whole_key() {
        assert_eq!(
            ApiKey::hash(&Secret::new("abc")).to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    proptest! {
        #[test]
        fn every_minted_key_is_well_formed_and_unlike_its_neighbour(mut entropy in any::<[u8; 32]>()) {
            let key = text(&ApiKey::mint(entropy));
            assert!(ApiKey::is_well_formed(&key));
            entropy[31] ^= 1;
            assert_ne!(key, text(&ApiKey::mint(entropy)));
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = ApiKey::is_well_formed(&text);
        }
    }
}
