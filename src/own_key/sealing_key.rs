//! One key by which the gateway seals and opens: a JWK (RFC 7517) of 256 bits with a name.

use ct_codecs::{Base64UrlSafeNoPadding, Decoder as _};
use serde_json::{Map, Value, json};

use super::jwe::{Parts, WrappingKey};
use crate::secret::Secret;
use crate::unique_json;

/// The longest name.
const LONGEST_ID: usize = 64;

/// A key of the gateway. It has no `Debug` of what it holds.
pub(super) struct SealingKey {
    key: WrappingKey,
    id: String,
    /// To be told from the keys that sign.
    secret: Secret,
}

impl SealingKey {
    /// # Errors
    /// What is wrong with the JWK, without quoting it.
    pub(super) fn parse(jwk: &Secret) -> Result<Self, &'static str> {
        const SHAPE: &str = "is not a JWK; make one with `claimgate key sealing`";
        let object = unique_json::object(jwk.expose()).ok_or(SHAPE)?;
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        if text("kty") != Some("oct") {
            return Err("is a JWK of another kind than `oct`; make one with `claimgate key sealing`");
        }
        let secret = secret_of(&object).ok_or("has no `k` in base64url")?;
        let bytes = <&[u8; 32]>::try_from(secret.expose());
        let bytes = bytes.map_err(|_| "has a `k` that is not of 32 bytes")?;
        Ok(Self { key: WrappingKey::new(bytes), id: id_of(&object)?, secret })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// True where this JWK, if it is one, is of the same secret.
    pub(super) fn is_also(&self, jwk: &Secret) -> bool {
        unique_json::object(jwk.expose()).and_then(|object| secret_of(&object)).as_ref() == Some(&self.secret)
    }

    pub(super) fn seal(&self, text: &[u8], entropy: &[u8; 16]) -> Option<String> {
        self.key.encrypt(&self.header().to_string(), text, entropy)
    }

    /// True where the header is exactly one that this key writes.
    pub(super) fn wrote(&self, header: &Map<String, Value>) -> bool {
        self.header().as_object() == Some(header)
    }

    pub(super) fn open(&self, parts: Parts<'_>) -> Option<Vec<u8>> {
        self.key.decrypt(parts)
    }

    fn header(&self) -> Value {
        json!({ "alg": "A256KW", "enc": "A256GCM", "typ": "cgs+jwt", "kid": self.id })
    }
}

/// The name of a key of the gateway's, which stands in the names of stats.
pub(super) fn id_of(jwk: &Map<String, Value>) -> Result<String, &'static str> {
    let is_plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let id = jwk.get("kid").and_then(Value::as_str);
    let id = id.filter(|id| (1..=LONGEST_ID).contains(&id.len()) && is_plain(id));
    id.map(str::to_owned).ok_or("has no `kid` of 1 to 64 letters, digits, `-` and `_`")
}

fn secret_of(jwk: &Map<String, Value>) -> Option<Secret> {
    let text = jwk.get("k")?.as_str()?;
    Base64UrlSafeNoPadding::decode_to_vec(text, None).ok().map(Secret::new)
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SealingKey({})", self.id)
    }
}
