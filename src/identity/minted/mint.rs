//! Makes minted tokens, and proves them.
//!
//! It does not judge what a token may hold; the room `mint` does.

use serde::Deserialize;
use serde_json::Value;

use super::content::Content;
use super::signing_key::{self, SigningKey};
use crate::config::{ConfigError, Issuer, SecretSource, Tokens};
use crate::denial::{Denial, Reason};
use crate::identity::credential::{MAX_CREDENTIAL_BYTES, MINTED_PREFIX};
use crate::identity::jose::base64url;
use crate::identity::principal::Principal;
use crate::request::Moment;
use crate::secret::{Environment, Secret};
use crate::unique_json;

/// Makes and proves minted tokens.
#[derive(Debug)]
pub(in crate::identity) struct Mint {
    issuer: String,
    /// Signs. `None` where the environment has no such key.
    own: Option<SigningKey>,
    /// Proves too, while the key is rotated.
    other: Option<SigningKey>,
}

impl Mint {
    /// # Errors
    /// A name that an issuer has too, or a key that cannot be used.
    pub(in crate::identity) fn compile(
        tokens: &Tokens,
        issuers: &[Issuer],
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        if tokens.issuer.trim() != tokens.issuer || tokens.issuer.is_empty() {
            let why =
                "the name is empty or has space around it; write one such as `https://ai-gateway.example/`";
            return Err(ConfigError::new("tokens.issuer", why));
        }
        for (index, issuer) in issuers.iter().enumerate() {
            if issuer.names().contains(&tokens.issuer) || issuer.audiences.contains(&tokens.issuer) {
                let why =
                    format!("`{}` is what the gateway's own tokens have as `iss` and `aud`", tokens.issuer);
                return Err(ConfigError::new(format!("issuers[{index}]"), why));
            }
            // RFC 7515 section 4.1.9 lets `application/` be left out.
            let bare =
                |typ: &str| typ.to_ascii_lowercase().trim_start_matches("application/") == signing_key::TYPE;
            if issuer.types.iter().any(|typ| bare(typ)) {
                let why = format!("`{}` is the `typ` of the gateway's own tokens", signing_key::TYPE);
                return Err(ConfigError::new(format!("issuers[{index}].types"), why));
            }
        }
        let own = read_key(&tokens.signing_key, "tokens.signing_key", environment)?;
        let other = match &tokens.other_key {
            Some(key) => read_key(key, "tokens.other_key", environment)?,
            None => None,
        };
        if let (Some(own), Some(other)) = (&own, &other)
            && own.kid() == other.kid()
        {
            let why = "has the `kid` of `tokens.signing_key`, so that a token could not tell which it has; give each its own";
            return Err(ConfigError::new("tokens.other_key", why));
        }
        Ok(Self { issuer: tokens.issuer.clone(), own, other })
    }

    /// The token of a principal, which is its bearer from now until `expires_at` (Unix seconds).
    ///
    /// # Errors
    /// No key, or more than a credential may hold.
    pub(in crate::identity) fn sign(
        &self,
        principal: &Principal,
        moment: &Moment,
        expires_at: u64,
    ) -> Result<Secret, Denial> {
        let unavailable = |note: &str| Denial::new(Reason::TokensUnavailable).with_note(note);
        let own =
            self.own.as_ref().ok_or_else(|| unavailable("the environment of Envoy has no signing key"))?;
        let content = Content::of(principal, &self.issuer, moment.unix_seconds(), expires_at);
        let content = content.ok_or_else(|| unavailable("what is no minted principal was to be sealed"))?;
        let token = own.sign(&content).ok_or_else(|| unavailable("the token could not be signed"))?;
        let token = format!("{MINTED_PREFIX}{token}");
        match token.len() > MAX_CREDENTIAL_BYTES {
            true => Err(Denial::new(Reason::TokenRequestInvalid)
                .with_detail("the token would be larger than this gateway reads")),
            false => Ok(Secret::new(token)),
        }
    }

    /// The principal of a token, but for what its parents still are.
    ///
    /// # Errors
    /// Refuses a token that is not one of ours, or not at this time.
    pub(in crate::identity) fn verify(&self, token: &str, moment: &Moment) -> Result<Principal, Denial> {
        let malformed = || Denial::from(Reason::TokenMalformed);
        let token = token.strip_prefix(MINTED_PREFIX).ok_or_else(malformed)?;
        let mut segments = token.split('.');
        let mut object = || segments.next().and_then(base64url).and_then(|bytes| unique_json::object(&bytes));
        let (header, content) = (object().ok_or_else(malformed)?, object().ok_or_else(malformed)?);
        let content = Content::deserialize(Value::Object(content)).map_err(|_| malformed())?;
        if content.iss != self.issuer {
            return Err(Reason::TokenIssuerUnknown.into());
        }
        if content.aud != self.issuer {
            return Err(Reason::TokenAudienceMismatch.into());
        }
        if content.exp <= moment.unix_seconds() {
            return Err(Reason::TokenExpired.into());
        }
        if self.own.is_none() && self.other.is_none() {
            let note = "the environment of Envoy has no signing key";
            return Err(Denial::new(Reason::IdentityUnavailable).with_note(note));
        }
        let key = [&self.own, &self.other].into_iter().flatten().find(|key| key.wrote(&header));
        if !key.ok_or(Reason::TokenKeyUnknown)?.signed(token, moment) {
            return Err(Reason::TokenSignatureInvalid.into());
        }
        content.principal()
    }

    /// The public keys by which others can prove the tokens (RFC 7517); empty for HS256.
    pub(in crate::identity) fn public_keys(&self) -> Vec<Value> {
        [&self.own, &self.other].into_iter().flatten().filter_map(SigningKey::public_jwk).collect()
    }
}

fn read_key(
    key: &SecretSource,
    at: &str,
    environment: Environment<'_>,
) -> Result<Option<SigningKey>, ConfigError> {
    let SecretSource::Env(name) = key;
    let Some(jwk) = key.read(at, environment)? else { return Ok(None) };
    SigningKey::parse(&jwk)
        .map(Some)
        .map_err(|why| ConfigError::new(at, format!("the value of `{name}` {why}")))
}
