//! Verifies JWTs (RFC 7519) as strictly as RFC 8725 asks.
//!
//! Every check that is cheap comes before the signature, and before the keys are asked for: an expired token
//! with an invented `kid` costs microseconds and makes nobody fetch a key set. What is said of a token before
//! its signature holds is said to the caller who sent it, so nothing leaks.
//!
//! It does not fetch keys: those of remote issuers come in as values, and [`JwtRefusal`] says when they lack.

use hashbrown::HashMap;
use serde_json::{Map, Value};

use super::compact::Compact;
use super::engine::{EngineAnswer, Question};
use super::issuer::{Expiry, KeySource, TrustedIssuer, invalid, missing};
use super::key_set::{KeySet, NoKey};
use super::principal::Kind;
use super::signature::VerifyingKey;
use crate::config::{ConfigError, Issuer};
use crate::denial::{Denial, Reason};
use crate::request::Moment;

/// Every issuer of one configuration.
#[derive(Debug)]
pub struct Verifier {
    issuers: Vec<TrustedIssuer>,
    by_name: HashMap<String, usize>,
}

/// The key sets of remote issuers, as far as they have arrived.
pub trait RemoteKeys {
    /// The latest set of the issuer with this index.
    fn key_set(&self, issuer: usize) -> Option<&KeySet>;
}

/// By index; past the end, none has arrived.
impl RemoteKeys for Vec<Option<KeySet>> {
    fn key_set(&self, issuer: usize) -> Option<&KeySet> {
        self.get(issuer)?.as_ref()
    }
}

/// Why a token was not accepted; an issuer is named by its index in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwtRefusal {
    Denied(Denial),
    /// The issuer's key set lacks the token's key; a newer set may have it.
    UnknownKey {
        issuer: usize,
    },
    /// The issuer's key set has not arrived.
    KeysMissing {
        issuer: usize,
    },
    /// The issuer has no keys here; it is asked about its tokens.
    Introspected {
        issuer: usize,
    },
}

/// A token all of whose checks passed but the signature's. It has no `Debug`, because it holds the token.
pub struct Examined<'a> {
    token: Compact<'a>,
    issuer: usize,
    trusted: &'a TrustedIssuer,
    key: &'a VerifyingKey,
    expiry: Expiry,
    moment: Moment,
}

/// The claims of a token that is proven, by its signature or by its issuer's word; only this file can make one.
#[derive(Clone, Debug)]
pub struct Claims {
    issuer: usize,
    issuer_name: String,
    kind: Kind,
    kid: Option<String>,
    expiry: Option<Expiry>,
    claims: Map<String, Value>,
}

impl Verifier {
    /// # Errors
    /// The path of the first field that is wrong, such as `issuers[0].jwks.inline`.
    pub fn compile(issuers: &[Issuer]) -> Result<Self, ConfigError> {
        let mut by_name = HashMap::with_capacity(issuers.len());
        let mut compiled = Vec::with_capacity(issuers.len());
        for (index, issuer) in issuers.iter().enumerate() {
            let at = format!("issuers[{index}]");
            compiled.push(TrustedIssuer::compile(issuer, &at)?);
            if by_name.insert(issuer.issuer.clone(), index).is_some() {
                let why = format!("`{}` is listed twice; join the two entries", issuer.issuer);
                return Err(ConfigError::new(format!("{at}.issuer"), why));
            }
        }
        Ok(Self { issuers: compiled, by_name })
    }

    /// Reads a fetched key set for the issuer with this index.
    ///
    /// # Errors
    /// One line for the operator; the set in use stays in use.
    pub fn read_key_set(&self, issuer: usize, document: &[u8]) -> Result<KeySet, String> {
        let issuer = self.issuers.get(issuer).ok_or("no such issuer")?;
        KeySet::parse(document, &issuer.algorithms)
    }

    /// Verifies a token, signature included, without an engine outside.
    ///
    /// # Errors
    /// See [`JwtRefusal`].
    pub fn verify(&self, token: &str, keys: &dyn RemoteKeys, moment: &Moment) -> Result<Claims, JwtRefusal> {
        Ok(self.examine(token, keys, moment)?.prove(EngineAnswer::Unavailable)?)
    }

    /// Does everything but verify the signature.
    ///
    /// # Errors
    /// See [`JwtRefusal`].
    pub fn examine<'a>(
        &'a self,
        token: &'a str,
        keys: &'a dyn RemoteKeys,
        moment: &Moment,
    ) -> Result<Examined<'a>, JwtRefusal> {
        let token = Compact::read(token)?;
        let issuer = self.issuer_of(&token)?;
        let trusted = self.issuers.get(issuer).ok_or(Denial::from(Reason::TokenIssuerUnknown))?;
        let admit = || {
            trusted.admit_header(&token.header)?;
            trusted.admit_claims(&token.claims, moment)
        };
        let (expiry, set) = match &trusted.keys {
            KeySource::Inline(set) => (admit()?, set),
            KeySource::Remote => (admit()?, keys.key_set(issuer).ok_or(JwtRefusal::KeysMissing { issuer })?),
            KeySource::Introspection => return Err(JwtRefusal::Introspected { issuer }),
        };
        let key = set
            .choose(token.header.kid.as_deref(), token.header.algorithm)
            .map_err(|why| trusted.refusal(issuer, why))?;
        Ok(Examined { token, issuer, trusted, key, expiry, moment: *moment })
    }

    /// Judges what the issuer with this index said of a token when it was asked.
    ///
    /// # Errors
    /// Refuses what a JWT would be refused for, but that `iss` and `exp` may be absent, and `aud` where the issuer's
    /// configuration says so.
    pub(super) fn admit_answer(
        &self,
        issuer: usize,
        claims: Map<String, Value>,
        moment: &Moment,
    ) -> Result<Claims, Denial> {
        let trusted = self.issuers.get(issuer).ok_or(Reason::TokenIssuerUnknown)?;
        let expiry = trusted.admit_answer(&claims, moment)?;
        let issuer_name = trusted.name.clone();
        Ok(Claims { issuer, issuer_name, kind: Kind::OpaqueToken, kid: None, expiry, claims })
    }

    /// The issuer is chosen by `iss` alone, never by the key.
    fn issuer_of(&self, token: &Compact<'_>) -> Result<usize, Denial> {
        match token.claims.get("iss") {
            None | Some(Value::Null) => Err(missing("iss")),
            Some(Value::String(name)) => {
                self.by_name.get(name).copied().ok_or_else(|| Reason::TokenIssuerUnknown.into())
            }
            Some(_) => Err(invalid("iss", "is not a text")),
        }
    }
}

impl TrustedIssuer {
    fn refusal(&self, issuer: usize, why: NoKey) -> JwtRefusal {
        let denial = match (why, &self.keys) {
            (NoKey::Unknown, KeySource::Remote) => return JwtRefusal::UnknownKey { issuer },
            (NoKey::Unknown, KeySource::Inline(_) | KeySource::Introspection) => {
                Reason::TokenKeyUnknown.into()
            }
            (NoKey::OtherAlgorithm, _) => Denial::new(Reason::TokenAlgorithmNotAllowed)
                .with_detail("the key that `kid` names is for another algorithm"),
            (NoKey::Ambiguous, _) => Denial::new(Reason::TokenKeyUnknown)
                .with_detail("several keys of the issuer fit, and `kid` does not tell them apart"),
        };
        JwtRefusal::Denied(denial)
    }
}

impl Examined<'_> {
    /// The issuer's index, for the key of a cache.
    pub fn issuer(&self) -> usize {
        self.issuer
    }

    /// What an engine outside may be asked; `None` where it could not answer.
    pub fn question(&self) -> Option<Question<'_>> {
        self.key.question(&self.token)
    }

    /// Proves the signature by the engine's answer to [`Self::question`], or here where there is none.
    ///
    /// # Errors
    /// Refuses a signature that does not verify.
    pub fn prove(self, answer: EngineAnswer) -> Result<Claims, Denial> {
        match answer {
            // An answer to a question that could not be put proves nothing.
            EngineAnswer::Valid if self.question().is_some() => {}
            EngineAnswer::Invalid => return Err(Reason::TokenSignatureInvalid.into()),
            _ => self.key.verify(&self.token, self.trusted.leeway, &self.moment)?,
        }
        Ok(Claims {
            issuer: self.issuer,
            issuer_name: self.trusted.name.clone(),
            kind: Kind::Jwt,
            kid: self.token.header.kid,
            expiry: Some(self.expiry),
            claims: self.token.claims,
        })
    }
}

impl Claims {
    /// The issuer's index in the configuration.
    pub fn issuer(&self) -> usize {
        self.issuer
    }

    /// The claim `iss`.
    pub fn issuer_name(&self) -> &str {
        &self.issuer_name
    }

    /// The header's `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The claim `exp` in Unix seconds, rounded up.
    pub fn expires_at(&self) -> Option<u64> {
        self.expiry.map(Expiry::unix_seconds)
    }

    /// From when on the token is refused, the issuer's leeway included; in Unix milliseconds.
    pub fn refused_from_ms(&self) -> u64 {
        self.expiry.map_or(u64::MAX, Expiry::refused_from_ms)
    }

    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }
}

impl From<Denial> for JwtRefusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// For a caller that cannot wait for keys.
impl From<JwtRefusal> for Denial {
    fn from(refusal: JwtRefusal) -> Self {
        match refusal {
            JwtRefusal::Denied(denial) => denial,
            JwtRefusal::UnknownKey { .. } => Reason::TokenKeyUnknown.into(),
            JwtRefusal::KeysMissing { .. } | JwtRefusal::Introspected { .. } => {
                Reason::IdentityUnavailable.into()
            }
        }
    }
}

#[cfg(test)]
mod tests;
