//! The thumbprint of a client certificate or of a public key.

use std::fmt;
use std::str::FromStr;

use ct_codecs::{Base64UrlSafeNoPadding, Decoder, Encoder};
use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};

use super::key_hash::bytes_of_hex;
use super::units::Text;

/// SHA-256 over the DER of a certificate (RFC 8705 section 3.1), or over the canonical JSON of a JWK (RFC 7638).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    pub fn of_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// As `x5t#S256` and `jkt` have it: base64url without padding, in its one canonical form.
    pub fn of_base64url(text: &str) -> Option<Self> {
        Base64UrlSafeNoPadding::decode_to_vec(text, None).ok()?.try_into().ok().map(Self)
    }

    /// As Envoy's attributes have it: 64 hex digits.
    pub fn of_hex(text: &str) -> Option<Self> {
        bytes_of_hex(text).map(Self)
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Base64url, as tokens have it.
impl fmt::Display for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&Base64UrlSafeNoPadding::encode_to_string(self.0).unwrap_or_default())
    }
}

impl FromStr for Thumbprint {
    type Err = String;

    /// Reads base64url as in tokens, or `sha256:` and hex digits as other tools print them.
    fn from_str(text: &str) -> Result<Self, String> {
        let hex = || text.strip_prefix("sha256:").and_then(Self::of_hex);
        Self::of_base64url(text).or_else(hex).ok_or_else(|| {
            format!(
                "`{}` is not a thumbprint; write the 43 letters of base64url that a token has, or `sha256:` and 64 hex digits",
                text.escape_debug()
            )
        })
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text { expected: "a string", read: Self::from_str })
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Thumbprint;

    /// RFC 7638 section 3.1 has both forms of this digest.
    const BASE64URL: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    const HEX: &str = "sha256:3736cbb1787cb8309c77ee8c3705c5e16ffb9e859715901f1e4c59b11182f57b";

    #[test]
    fn both_usual_forms_are_read_and_one_is_written() {
        let thumbprint: Thumbprint = BASE64URL.parse().unwrap();
        assert_eq!(HEX.parse(), Ok(thumbprint));
        assert_eq!(thumbprint.to_string(), BASE64URL);
        assert_eq!(serde_json::from_value(serde_json::to_value(thumbprint).unwrap()).ok(), Some(thumbprint));
    }

    #[test]
    fn what_is_no_thumbprint_is_refused() {
        for (text, note) in [
            ("", "nothing"),
            (BASE64URL.get(..42).unwrap(), "cut off"),
            (&format!("{BASE64URL}="), "padding"),
            (&BASE64URL.replace('-', "+"), "the other alphabet"),
            (&BASE64URL.replace("9Xs", "9Xt"), "bits behind the last byte"),
            (HEX.trim_start_matches("sha256:"), "hex digits alone, as some write into `x5t#S256`"),
            (&HEX.replace("sha256", "sha1"), "another hash"),
        ] {
            assert!(text.parse::<Thumbprint>().is_err(), "{note}: {text}");
        }
    }
}
