//! The two halves of a pair of the gateway's, as JWKs (RFC 7517, RFC 8037), and what is sealed by the one for the other.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::agreement::{ALGORITHM, HALF, public_half, wrapping_key};
use super::content::FeedContent;
use super::entry::FeedEntry;
use crate::identity::base64url;
use crate::own_key::content::is_key;
use crate::own_key::jwe::Parts;
use crate::own_key::sealing_key::id_of;
use crate::secret::Secret;
use crate::unique_json;

const CURVE: &str = "X25519";

/// The half that opens. It has no `Debug` of what it holds.
pub(super) struct FeedPrivateKey {
    private: [u8; HALF],
    id: String,
}

/// The half that seals, which everybody may have.
#[derive(Debug)]
pub struct FeedPublicKey {
    public: [u8; HALF],
    id: String,
}

/// A new pair under this name, made of random bytes: the private JWK, and the public one. `None` for bytes that make none.
pub fn new_pair(id: &str, random: [u8; 32]) -> Option<(Value, Value)> {
    let encoded = |half: &[u8; HALF]| BASE64URL_NOPAD.encode(half);
    let x = encoded(&public_half(&random)?);
    let public = json!({ "kty": "OKP", "crv": CURVE, "kid": id, "x": x, "use": "enc" });
    let private =
        json!({ "kty": "OKP", "crv": CURVE, "kid": id, "x": x, "d": encoded(&random), "use": "enc" });
    Some((private, public))
}

impl FeedPrivateKey {
    /// # Errors
    /// What is wrong with the JWK, without quoting it.
    pub(super) fn parse(jwk: &Secret) -> Result<Self, &'static str> {
        let object = jwk_of(jwk.expose())?;
        let private = half_of(&object, "d").ok_or("has no `d` of 32 bytes in base64url")?;
        let public = half_of(&object, "x").ok_or("has no `x` of 32 bytes in base64url")?;
        if public_half(&private) != Some(public) {
            return Err("has an `x` that is not the public half of its `d`");
        }
        Ok(Self { private, id: id_of(&object)? })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The other side's public half, where the header is exactly one that is written for this key.
    pub(super) fn sender(&self, header: &Map<String, Value>) -> Option<[u8; HALF]> {
        let ephemeral = header.get("epk")?.as_object()?;
        let public = half_of(ephemeral, "x")?;
        (Some(header) == header_for(&self.id, &public).as_object()).then_some(public)
    }

    pub(super) fn open(&self, parts: Parts<'_>, sender: &[u8; HALF]) -> Option<Vec<u8>> {
        wrapping_key(&self.private, sender)?.decrypt(parts)
    }
}

impl FeedPublicKey {
    /// # Errors
    /// What is wrong with the JWK, without quoting it; one with the private half in it, which belongs to the gateway alone.
    pub fn parse(jwk: &[u8]) -> Result<Self, &'static str> {
        let object = jwk_of(jwk)?;
        if object.contains_key("d") {
            return Err("has the private half in it, which only the gateway may have; take the public one");
        }
        let public = half_of(&object, "x").ok_or("has no `x` of 32 bytes in base64url")?;
        Ok(Self { public, id: id_of(&object)? })
    }

    /// The entry with the key sealed in it; what was sealed in it before is replaced. The random bytes must be of use only once.
    ///
    /// # Errors
    /// What cannot be a provider's key, or cannot be sealed.
    pub fn seal(&self, entry: FeedEntry, key: &Secret, random: &[u8; 32]) -> Result<FeedEntry, &'static str> {
        let key = std::str::from_utf8(key.expose()).ok().filter(|key| is_key(key));
        let key = key.ok_or("the key must be visible ASCII without spaces")?;
        let jwe = self.sealed(&entry, key, random).ok_or("the key cannot be sealed by this public key")?;
        Ok(FeedEntry { jwe, ..entry })
    }

    fn sealed(&self, entry: &FeedEntry, key: &str, random: &[u8; 32]) -> Option<String> {
        let content = FeedContent {
            id: entry.id.clone(),
            tenant: entry.tenant.clone(),
            subject: entry.subject.clone(),
            issuer: entry.issuer.clone(),
            upstreams: entry.upstreams.clone(),
            models: entry.models.clone(),
            key: key.to_owned(),
        };
        let text = serde_json::to_vec(&content).ok()?;
        let header = header_for(&self.id, &public_half(random)?);
        // The key that wraps is a new one each time, and so is all that is derived from it.
        wrapping_key(random, &self.public)?.encrypt(&header.to_string(), &text, &[0; 16])
    }
}

fn header_for(id: &str, ephemeral: &[u8; HALF]) -> Value {
    let ephemeral = json!({ "kty": "OKP", "crv": CURVE, "x": BASE64URL_NOPAD.encode(ephemeral) });
    json!({ "alg": ALGORITHM, "enc": "A256GCM", "typ": "cgf+jwt", "kid": id, "epk": ephemeral })
}

fn jwk_of(bytes: &[u8]) -> Result<Map<String, Value>, &'static str> {
    let object = unique_json::object(bytes);
    let object = object.ok_or("is not a JWK; make a pair with `claimgate key sealing --feed`")?;
    let is = |name: &str, wanted: &str| object.get(name).and_then(Value::as_str) == Some(wanted);
    match is("kty", "OKP") && is("crv", CURVE) {
        true => Ok(object),
        false => Err(
            "is a JWK of another kind than `OKP` on `X25519`; make a pair with `claimgate key sealing --feed`",
        ),
    }
}

fn half_of(object: &Map<String, Value>, name: &str) -> Option<[u8; HALF]> {
    base64url(object.get(name)?.as_str()?)?.try_into().ok()
}

impl std::fmt::Debug for FeedPrivateKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "FeedPrivateKey({})", self.id)
    }
}
