//! The keys that sign minted tokens and prove them; beside those in `jose`, the only file that names `jwt_simple`.
//!
//! A key is a JWK (RFC 7517): Ed25519 with its private part (RFC 8037), or `oct` of at least 32 bytes for HS256 (RFC
//! 7518 section 3.2). Which algorithm a token has follows from the key, never from the token.

use jwt_simple::prelude::{
    Ed25519KeyPair, EdDSAKeyPairLike as _, EdDSAPublicKeyLike as _, HS256Key, HeaderOptions, MACLike as _,
    NoCustomClaims,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::config::Span;
use crate::identity::jose::{base64url, jwt_claims, options};
use crate::request::Moment;
use crate::secret::Secret;
use crate::unique_json;

/// The `typ` of minted tokens.
pub(super) const TYPE: &str = "cgt+jwt";

const SHORTEST_SECRET: usize = 32;

/// One key for minted tokens. It has no `Debug`, because it holds the key.
pub(super) struct SigningKey {
    material: Material,
    kid: String,
}

enum Material {
    Ed25519(Box<Ed25519KeyPair>),
    Hs256(HS256Key),
}

impl SigningKey {
    /// # Errors
    /// What is wrong with the JWK, without quoting it.
    pub(super) fn parse(jwk: &Secret) -> Result<Self, &'static str> {
        const SHAPE: &str = "is not a JWK; make one with `claimgate key signing`";
        let object = unique_json::object(jwk.expose()).ok_or(SHAPE)?;
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let kid = text("kid").filter(|kid| !kid.is_empty()).map(str::to_owned);
        match text("kty") {
            Some("OKP") => {
                let text = std::str::from_utf8(jwk.expose()).map_err(|_| SHAPE)?;
                let pair = Ed25519KeyPair::from_jwk(text)
                    .map_err(|_| "is not an Ed25519 key with `d` and the `x` that belongs to it")?;
                let kid = kid.unwrap_or_else(|| pair.public_key().jwk_thumbprint());
                let pair = Box::new(pair.with_key_id(&kid));
                Ok(Self { material: Material::Ed25519(pair), kid })
            }
            Some("oct") => {
                let secret = text("k").and_then(base64url).ok_or("has no `k` in base64url")?;
                if secret.len() < SHORTEST_SECRET {
                    return Err("has a `k` of less than 32 bytes");
                }
                let kid = kid.unwrap_or_else(|| name_of(&secret));
                Ok(Self { material: Material::Hs256(HS256Key::from_bytes(&secret).with_key_id(&kid)), kid })
            }
            _ => Err("is a JWK of another kind than `OKP` (Ed25519) and `oct` (HS256)"),
        }
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// A token of this content, in the JWS compact serialization.
    pub(super) fn sign(&self, content: &impl Serialize) -> Option<String> {
        let claims = jwt_claims(content);
        let options = HeaderOptions { content_type: None, signature_type: Some(TYPE.to_owned()) };
        match &self.material {
            Material::Ed25519(pair) => pair.sign_with_options(claims, &options),
            Material::Hs256(key) => key.authenticate_with_options(claims, &options),
        }
        .ok()
    }

    /// True where the header is exactly one that this key writes.
    pub(super) fn wrote(&self, header: &Map<String, Value>) -> bool {
        let own = json!({ "alg": self.algorithm(), "typ": TYPE, "kid": self.kid });
        own.as_object() == Some(header)
    }

    /// True where this key signed the token.
    pub(super) fn signed(&self, token: &str, moment: &Moment) -> bool {
        // The times were judged before, in exact arithmetic.
        let (kid, typ) = (Some(self.kid.clone()), Some(TYPE.to_owned()));
        let options = Some(options(kid, typ, Span::from_seconds(0), moment));
        match &self.material {
            Material::Ed25519(pair) => {
                pair.public_key().verify_token::<NoCustomClaims>(token, options).is_ok()
            }
            Material::Hs256(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
        }
    }

    /// The public half (RFC 8037); `None` where there is none.
    pub(super) fn public_jwk(&self) -> Option<Value> {
        match &self.material {
            Material::Ed25519(pair) => serde_json::from_str(&pair.public_key().to_jwk()).ok(),
            Material::Hs256(_) => None,
        }
    }

    fn algorithm(&self) -> &'static str {
        match self.material {
            Material::Ed25519(_) => "EdDSA",
            Material::Hs256(_) => "HS256",
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SigningKey({}, {})", self.algorithm(), self.kid)
    }
}

/// A name that tells secrets apart and nothing of them: they are too long to be guessed.
fn name_of(secret: &[u8]) -> String {
    let digest = Sha256::new().chain_update(b"claimgate kid").chain_update(secret).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
