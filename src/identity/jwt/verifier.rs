//! The one verifier for the tokens of all issuers.
//!
//! Every check that is cheap comes before the signature, and before the keys are asked for: an expired token
//! with an invented `kid` costs microseconds and makes nobody fetch a key set. What is said of a token before
//! its signature holds is said to the caller who sent it, so nothing leaks.

use hashbrown::HashMap;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::expiry::Expiry;
use super::issuer::{IssuerName, KeySource, TrustedIssuer, spiffe};
use super::key_set::{Chosen, ChosenBy, KeySet, NoKey, RemoteKeys};
use super::refusal::JwtRefusal;
use crate::config::{ConfigError, Issuer};
use crate::denial::{Denial, Reason};
use crate::identity::claim::{invalid, missing};
use crate::identity::jose::{Compact, EngineAnswer, Question, VerifyingKey};
use crate::identity::principal::Kind;
use crate::request::Moment;

/// Every issuer of one configuration.
#[derive(Debug)]
pub struct Verifier {
    issuers: Vec<TrustedIssuer>,
    by_name: HashMap<String, Named>,
}

/// Which issuer has a name.
#[derive(Debug)]
struct Named {
    issuer: usize,
    name: IssuerName,
}

/// A token all of whose checks passed but the signature's. It has no `Debug`, because it holds the token.
pub struct Examined<'a> {
    token: Compact<'a>,
    named: &'a Named,
    trusted: &'a TrustedIssuer,
    keys: Chosen<'a>,
    expiry: Expiry,
    moment: Moment,
}

impl Verifier {
    /// # Errors
    /// The path of the first field that is wrong, such as `issuers[0].jwks.inline`.
    pub fn compile(issuers: &[Issuer]) -> Result<Self, ConfigError> {
        let mut by_name = HashMap::with_capacity(issuers.len());
        let mut compiled = Vec::with_capacity(issuers.len());
        for (index, issuer) in issuers.iter().enumerate() {
            let at = format!("issuers[{index}]");
            for name in IssuerName::compile(issuer, &at)? {
                let text = name.name.clone();
                if by_name.insert(text.clone(), Named { issuer: index, name }).is_some() {
                    let why = format!("`{text}` is listed twice; join the two entries");
                    return Err(ConfigError::new(format!("{at}.issuer"), why));
                }
            }
            compiled.push(TrustedIssuer::compile(issuer, &at)?);
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
        self.examine(token, keys, moment)?.prove(&|_| EngineAnswer::Unavailable)
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
        let named = self.issuer_of(&token.claims)?;
        let issuer = named.issuer;
        let trusted = self.issuers.get(issuer).ok_or(Denial::from(Reason::TokenIssuerUnknown))?;
        let admit = || {
            trusted.admit_header(&token.header)?;
            trusted.admit_claims(&token.claims, &named.name, moment)
        };
        let (expiry, set) = match &trusted.keys {
            KeySource::Inline(set) => (admit()?, set),
            KeySource::Remote => (admit()?, keys.key_set(issuer).ok_or(JwtRefusal::KeysMissing { issuer })?),
            KeySource::Introspection => return Err(JwtRefusal::Introspected { issuer }),
        };
        let keys = set
            .choose(&token.header, named.name.tenant.as_deref())
            .map_err(|why| trusted.refusal(issuer, why))?;
        Ok(Examined { token, named, trusted, keys, expiry, moment: *moment })
    }

    /// Judges what the issuer with this index said of a token when it was asked.
    ///
    /// # Errors
    /// Refuses what a JWT would be refused for, but that `iss` and `exp` may be absent, and `aud` where the issuer's
    /// configuration says so.
    pub(in crate::identity) fn admit_answer(
        &self,
        issuer: usize,
        claims: Map<String, Value>,
        moment: &Moment,
    ) -> Result<Claims, Denial> {
        let trusted = self.issuers.get(issuer).ok_or(Reason::TokenIssuerUnknown)?;
        // What it leaves out, its own name stands for; of several it must say which.
        let named = match claims.get("iss") {
            None => self.by_name.get(&trusted.name).ok_or_else(|| missing("iss"))?,
            Some(name) => name
                .as_str()
                .and_then(|name| self.by_name.get(name))
                .filter(|named| named.issuer == issuer)
                .ok_or(Reason::TokenIssuerUnknown)?,
        };
        let expiry = trusted.admit_answer(&claims, &named.name, moment)?;
        let issuer_name = named.name.name.clone();
        Ok(Claims { issuer, issuer_name, kind: Kind::OpaqueToken, kid: None, expiry, claims })
    }

    /// The index of the issuer with this name.
    pub(in crate::identity) fn index_of(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).map(|named| named.issuer)
    }

    /// The issuer is chosen by `iss` alone, never by the key. A JWT-SVID may lack it: its `sub` is within a trust domain.
    fn issuer_of(&self, claims: &Map<String, Value>) -> Result<&Named, Denial> {
        let name = match claims.get("iss") {
            None | Some(Value::Null) => {
                let subject = claims.get("sub").and_then(Value::as_str);
                subject.and_then(spiffe::trust_domain).ok_or_else(|| missing("iss"))?.0
            }
            Some(Value::String(name)) => name,
            Some(_) => return Err(invalid("iss", "is not a text")),
        };
        self.by_name.get(name).ok_or_else(|| Reason::TokenIssuerUnknown.into())
    }
}

impl TrustedIssuer {
    fn refusal(&self, issuer: usize, why: NoKey) -> JwtRefusal {
        let denial = match (why, &self.keys) {
            (NoKey::Unknown, KeySource::Remote) => {
                return JwtRefusal::UnknownKey { issuer, reason: Reason::TokenKeyUnknown };
            }
            (NoKey::Unknown, KeySource::Inline(_) | KeySource::Introspection) => {
                Reason::TokenKeyUnknown.into()
            }
            (NoKey::OtherAlgorithm, _) => Denial::new(Reason::TokenAlgorithmNotAllowed)
                .with_detail("the key that `kid` names is for another algorithm"),
            (NoKey::Ambiguous, _) => Denial::new(Reason::TokenKeyUnknown)
                .with_detail("many keys of the issuer fit, and `kid` does not tell them apart"),
        };
        JwtRefusal::Denied(denial)
    }
}

impl Examined<'_> {
    /// Proves the signature by what an engine outside says, or here where it cannot say. Of a token that does not name its
    /// key each that fits is tried.
    ///
    /// # Errors
    /// Refuses a signature that does not verify; where a newer key set could have the key, with that.
    pub fn prove(self, engine: &dyn Fn(&Question<'_>) -> EngineAnswer) -> Result<Claims, JwtRefusal> {
        let mut proven = Err(Reason::TokenSignatureInvalid.into());
        for key in self.keys.keys() {
            proven = self.proven_by(key, engine);
            if !proven.as_ref().is_err_and(|denial| denial.reason() == Reason::TokenSignatureInvalid) {
                break;
            }
        }
        let issuer = self.named.issuer;
        match (proven, self.keys.by, &self.trusted.keys) {
            (Ok(()), _, _) => Ok(Claims {
                issuer,
                issuer_name: self.named.name.name.clone(),
                kind: Kind::Jwt,
                kid: self.token.header.kid,
                expiry: Some(self.expiry),
                claims: self.token.claims,
            }),
            (Err(denial), ChosenBy::Algorithm, KeySource::Remote) => {
                Err(JwtRefusal::UnknownKey { issuer, reason: denial.reason() })
            }
            (Err(denial), _, _) => Err(denial.into()),
        }
    }

    fn proven_by(
        &self,
        key: &VerifyingKey,
        engine: &dyn Fn(&Question<'_>) -> EngineAnswer,
    ) -> Result<(), Denial> {
        // What cannot be put to the engine is not proven by it.
        match key.question(&self.token).map_or(EngineAnswer::Unavailable, |question| engine(&question)) {
            EngineAnswer::Valid => Ok(()),
            EngineAnswer::Invalid => Err(Reason::TokenSignatureInvalid.into()),
            EngineAnswer::Unavailable => key.verify(&self.token, self.trusted.leeway, &self.moment),
        }
    }
}
