//! The hash by which the configuration knows an API key.

use std::fmt;
use std::str::FromStr;

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::units::Text;

const PREFIX: &str = "sha256:";

/// SHA-256 of a whole key; written `sha256:` and 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    pub fn of_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for KeyHash {
    type Err = String;

    /// Reads what `Display` writes; hex digits of either case.
    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix(PREFIX).and_then(bytes_of_hex).map(Self).ok_or_else(|| {
            // The text is not quoted back: it may be the key itself, pasted into the wrong place.
            "not the hash of a key; write `sha256:` and 64 hex digits, as `claimgate key new` prints them"
                .to_owned()
        })
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text { expected: "a string", read: Self::from_str })
    }
}

impl Serialize for KeyHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(super) fn bytes_of_hex(text: &str) -> Option<[u8; 32]> {
    let mut digits = text.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()));
    let mut bytes = [0; 32];
    for byte in &mut bytes {
        *byte = (digits.next()?? << 4) | digits.next()??;
    }
    digits.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::KeyHash;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_hash_reads_and_prints() {
        let hash: KeyHash = ABC.parse().unwrap();
        assert_eq!(hash.to_string(), ABC);
        assert_eq!(ABC.to_uppercase().replace("SHA256", "sha256").parse(), Ok(hash));
        assert_eq!(serde_json::from_value::<KeyHash>(serde_json::to_value(hash).unwrap()).unwrap(), hash);
    }

    #[test]
    fn what_is_no_hash_is_refused_without_quoting_it() {
        for text in ["", "sha256:", "cgk_secret", &ABC.replace("sha256", "sha1"), &format!("{ABC}0")] {
            let why = serde_json::from_value::<KeyHash>(text.into()).unwrap_err().to_string();
            assert!(why.contains("64 hex digits") && !why.contains("secret"), "{text}: {why}");
        }
    }

    proptest! {
        #[test]
        fn every_digest_prints_and_reads_back(digest in any::<[u8; 32]>()) {
            let hash = KeyHash::of_digest(digest);
            assert_eq!(hash.to_string().parse(), Ok(hash));
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = text.parse::<KeyHash>();
        }
    }
}
