//! Tokens as an issuer of the configuration would make them, and what it says of those that it is asked about.

use ct_codecs::{Base64UrlSafeNoPadding, Decoder, Encoder};
use ed25519_compact::KeyPair;
use serde_json::{Map, Value, json};

use crate::config::{Algorithm, Issuer};
use crate::identity::IntrospectionRequest;

/// The longest life of a token made here, in seconds.
const LIFETIME: u64 = 3600;
const KEY_ID: &str = "claimgate-test";
/// What stands before the claims in an opaque token.
const OPAQUE: &str = "opaque.";

/// Signs tokens under one name of an issuer.
pub(super) struct TokenSigner {
    pair: KeyPair,
    issuer: Issuer,
    /// Which of the issuer's names it signs under.
    name: String,
}

impl TokenSigner {
    pub(super) fn new(pair: KeyPair, issuer: Issuer, name: String) -> Self {
        Self { pair, issuer, name }
    }

    pub(super) fn token(&self, claims: &Map<String, Value>, unix_seconds: u64) -> Option<String> {
        let claims = Value::Object(self.payload(claims, unix_seconds)).to_string();
        let Some(source) = self.issuer.introspection.as_ref().filter(|_| self.issuer.jwks.is_none()) else {
            return self.jwt(&claims);
        };
        let prefix = source.prefix.as_deref().unwrap_or_default();
        Some(format!("{prefix}{OPAQUE}{}", encoded(claims)?))
    }

    fn payload(&self, claims: &Map<String, Value>, unix_seconds: u64) -> Map<String, Value> {
        let longest = self.issuer.max_lifetime.map_or(LIFETIME, |span| span.seconds().min(LIFETIME));
        let mut payload = Map::new();
        let mut tenants = self.issuer.tenants.iter().zip(self.issuer.names());
        if let Some((tenant, _)) = tenants.find(|(_, name)| *name == self.name) {
            payload.insert("tid".to_owned(), json!(tenant));
        }
        for (claim, accepted) in &self.issuer.claim_values {
            payload.insert(claim.clone(), json!(accepted.first()));
        }
        let audience = self.issuer.audience_claim.as_deref().unwrap_or("aud");
        payload.insert(audience.to_owned(), json!(self.issuer.audiences.first()));
        payload.insert("iss".to_owned(), json!(self.name));
        payload.insert("iat".to_owned(), json!(unix_seconds));
        payload.insert("exp".to_owned(), json!(unix_seconds.saturating_add(longest)));
        payload.extend(claims.clone());
        payload.retain(|_, value| !value.is_null());
        payload
    }

    fn jwt(&self, claims: &str) -> Option<String> {
        let header = json!({
            "alg": Algorithm::EdDSA.name(),
            "kid": KEY_ID,
            "typ": self.issuer.types.first().map_or("JWT", String::as_str),
        });
        let signed = format!("{}.{}", encoded(header.to_string())?, encoded(claims)?);
        let signature = self.pair.sk.sign(signed.as_bytes(), None);
        Some(format!("{signed}.{}", encoded(signature.as_ref())?))
    }
}

/// What the issuer of an opaque token made here says of it: a token holds its claims, and is active wherever it says so.
pub(super) fn introspection_answer(request: &IntrospectionRequest<'_>) -> Vec<u8> {
    let claims = request.token().split_once(OPAQUE).and_then(|(_, claims)| {
        let claims = Base64UrlSafeNoPadding::decode_to_vec(claims, None).ok()?;
        serde_json::from_slice::<Map<String, Value>>(&claims).ok()
    });
    let is_active = claims.is_some();
    let mut answer = claims.unwrap_or_default();
    answer.entry("active").or_insert(json!(is_active));
    Value::Object(answer).to_string().into_bytes()
}

/// RFC 8037 section 2.
pub(super) fn public_key(pair: &KeyPair) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": encoded(pair.pk.as_ref())})
}

fn encoded(bytes: impl AsRef<[u8]>) -> Option<String> {
    Base64UrlSafeNoPadding::encode_to_string(bytes).ok()
}
