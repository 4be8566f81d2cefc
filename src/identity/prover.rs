//! One door for all kinds of credential.

use std::rc::Rc;

use super::claim_map::ClaimMap;
use super::credential::{self, Presented, PresentedKind};
use super::engine::{EngineAnswer, Question};
use super::jwt::{JwtRefusal, Verifier};
use super::key_ring::{FreshKeys, KeyRing};
use super::key_table::KeyTable;
use super::mapping::{self, Mapped};
use super::minted::Mint;
use super::principal::{KeyFacts, Parent, Principal, holds_scope};
use super::proven::{Evidence, Proof, Proven};
use crate::config::{Config, ConfigError, Issuer};
use crate::denial::{Denial, Reason};
use crate::expression::Engine;
use crate::recall::Recall;
use crate::request::{Connection, Moment, RequestHead};
use crate::secret::{Environment, Secret};

/// A longer credential is verified each time: what it says could fill a worker's memory.
const LONGEST_REMEMBERED: usize = 4096;

/// Everybody who may call under one configuration.
#[derive(Debug)]
pub struct Identity {
    keys: KeyTable,
    verifier: Verifier,
    mappings: Vec<ClaimMap>,
    issuers: Vec<Issuer>,
    mint: Option<Mint>,
}

/// What is known beside the request's headers.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    pub connection: &'a Connection,
    pub keys: &'a KeyRing,
    pub moment: Moment,
    /// Verifies a signature outside, faster than this code could, or says that it cannot.
    pub verify: &'a dyn Fn(&Question<'_>) -> EngineAnswer,
    /// What this worker has proven before.
    pub proven: &'a Recall<Proof>,
}

/// Why a caller is not proven.
#[derive(Debug)]
pub enum Unproven {
    Denied(Denial),
    /// A newer key set of the issuer with this index could prove the caller.
    NeedsKeys {
        issuer: usize,
    },
}

impl Identity {
    /// # Errors
    /// Nobody who could call, or a key, issuer, mapping or signing key that is wrong.
    pub fn compile(
        config: &Config,
        engine: &Engine,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        if config.keys.is_empty() && config.issuers.is_empty() {
            let why = "there are neither `keys` nor `issuers`, so nobody could call; add an entry made by `claimgate key new`, or an issuer";
            return Err(ConfigError::new("keys", why));
        }
        let mapping = |(index, issuer): (usize, &Issuer)| {
            ClaimMap::compile(&issuer.principal, &format!("issuers[{index}].principal"), engine)
        };
        Ok(Self {
            keys: KeyTable::compile(&config.keys, config.client_address)?,
            verifier: Verifier::compile(&config.issuers)?,
            mappings: config.issuers.iter().enumerate().map(mapping).collect::<Result<_, _>>()?,
            issuers: config.issuers.clone(),
            mint: config
                .tokens
                .as_ref()
                .map(|tokens| Mint::compile(tokens, &config.issuers, environment))
                .transpose()?,
        })
    }

    /// A ring without keys for the remote issuers.
    pub fn key_ring(&self) -> KeyRing {
        KeyRing::new(&self.issuers)
    }

    /// True where a key is bound to networks.
    pub fn asks_for_networks(&self) -> bool {
        self.keys.asks_for_networks()
    }

    /// Takes a fetched document into the ring.
    ///
    /// # Errors
    /// One line for the operator; the set in use stays in use.
    pub fn accept_keys(
        &self,
        ring: &mut KeyRing,
        issuer: usize,
        document: &[u8],
        fetched_ms: u64,
    ) -> Result<(), String> {
        let set = self.verifier.read_key_set(issuer, document)?;
        ring.accept(issuer, set, fetched_ms);
        Ok(())
    }

    /// Proves who sent the request.
    ///
    /// # Errors
    /// A denial, or the issuer whose newer keys could still prove it.
    pub fn authenticate(
        &self,
        engine: &Engine,
        request: &RequestHead,
        caller: Caller<'_>,
    ) -> Result<Proven, Unproven> {
        self.prove(engine, &credential::find(request)?, caller)
    }

    /// Proves whose credential it is.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub fn prove(
        &self,
        engine: &Engine,
        presented: &Presented,
        caller: Caller<'_>,
    ) -> Result<Proven, Unproven> {
        let credential = presented.secret.expose();
        let name = caller.proven.name(&[credential]);
        if let Some(Proof { principal, by }) = caller.proven.get(name, |proof| proof.holds(&caller)) {
            match by {
                Evidence::Key(hash) => self.keys.admit(&hash, caller.connection, &caller.moment)?,
                Evidence::Minted { .. } => self.admit_parents(&principal, &caller)?,
                Evidence::Token { .. } => {}
            }
            return Ok(Proven { principal, name });
        }
        let (principal, by) = match presented.kind {
            PresentedKind::ApiKey => {
                let (hash, principal) =
                    self.keys.authenticate(presented, caller.connection, &caller.moment)?;
                (principal, Evidence::Key(hash))
            }
            PresentedKind::Jwt => self.prove_token(engine, credential, caller)?,
            PresentedKind::Minted => self.prove_minted(presented.text(), &caller)?,
        };
        let principal = Rc::new(principal);
        if credential.len() <= LONGEST_REMEMBERED {
            caller.proven.put(name, Proof { principal: Rc::clone(&principal), by });
        }
        Ok(Proven { principal, name })
    }

    /// Makes the token of a principal, good until `expires_at` (Unix seconds).
    ///
    /// # Errors
    /// No signing key, or more than a token may hold.
    pub fn mint(&self, principal: &Principal, moment: &Moment, expires_at: u64) -> Result<Secret, Denial> {
        let mint = self.mint.as_ref().ok_or(Reason::TokensUnavailable)?;
        mint.seal(principal, moment, expires_at)
    }

    /// The holder of the API key of this id, wherever the holder is.
    ///
    /// # Errors
    /// Refuses a key that is unknown or not in force.
    pub fn holder(&self, id: &str, moment: &Moment) -> Result<Principal, Denial> {
        self.keys.holder(id, moment)
    }

    /// The keys by which others can prove the tokens of this gateway (RFC 7517).
    pub fn public_keys(&self) -> Vec<serde_json::Value> {
        self.mint.as_ref().map(Mint::public_keys).unwrap_or_default()
    }

    fn prove_minted(&self, token: &str, caller: &Caller<'_>) -> Result<(Principal, Evidence), Denial> {
        let none = || Denial::new(Reason::TokenIssuerUnknown).with_detail("this gateway gives no tokens");
        let mut principal = self.mint.as_ref().ok_or_else(none)?.open(token, &caller.moment)?;
        self.admit_parents(&principal, caller)?;
        principal.key = self.subjects_key(&principal, &caller.moment)?;
        let refused_from_ms = principal.expires_at.unwrap_or_default().saturating_mul(1000);
        Ok((principal, Evidence::Minted { proven_ms: caller.moment.unix_ms, refused_from_ms }))
    }

    /// A token is good only as long as every credential that it was got with would be.
    fn admit_parents(&self, principal: &Principal, caller: &Caller<'_>) -> Result<(), Denial> {
        let parents = principal.minted.iter().flat_map(|minted| &minted.parents);
        for parent in parents {
            self.admit_parent(parent, caller).map_err(|denial| match denial.reason().status() {
                // It was not what the caller sent.
                401 => Denial::new(Reason::ParentCredentialInvalid).with_note(format!(
                    "the credential `{}`: {}",
                    parent.id,
                    denial.reason()
                )),
                _ => denial,
            })?;
        }
        Ok(())
    }

    /// What rules know of the subject's key, which is not the token's to say. What a key lost since, its tokens have lost
    /// too.
    fn subjects_key(&self, principal: &Principal, moment: &Moment) -> Result<Option<KeyFacts>, Denial> {
        let mut key = None;
        let parents = principal.minted.iter().flat_map(|minted| &minted.parents);
        // The first parent is the subject's.
        for (place, parent) in parents.enumerate() {
            let Some(id) = parent.key_id() else { continue };
            let holder = self.keys.holder(id, moment)?;
            let is_subject = place > 0
                || (holder.project == principal.project
                    && holder.service_account == principal.service_account);
            let holds = |scope: &String| holds_scope(&holder.scopes, scope);
            if !is_subject || holder.tenant != principal.tenant || !principal.scopes.iter().all(holds) {
                return Err(Denial::new(Reason::ParentCredentialInvalid)
                    .with_note(format!("the key `{id}` is not what it was")));
            }
            if place == 0 {
                key = holder.key;
            }
        }
        Ok(key)
    }

    fn admit_parent(&self, parent: &Parent, caller: &Caller<'_>) -> Result<(), Denial> {
        match (parent.key_id(), &parent.issuer) {
            (Some(id), _) => self.keys.admit_by_id(id, caller.connection, &caller.moment),
            (None, Some(name)) if self.issuers.iter().any(|issuer| issuer.issuer == *name) => Ok(()),
            (None, _) => Err(Reason::TokenIssuerUnknown.into()),
        }
    }

    fn prove_token(
        &self,
        engine: &Engine,
        token: &[u8],
        caller: Caller<'_>,
    ) -> Result<(Principal, Evidence), Unproven> {
        let token = std::str::from_utf8(token).map_err(|_| Denial::from(Reason::TokenMalformed))?;
        let now_ms = caller.moment.unix_ms;
        let keys = FreshKeys { ring: caller.keys, now_ms };
        let claims = match self.verifier.examine(token, &keys, &caller.moment) {
            Ok(examined) => {
                let answer = examined
                    .question()
                    .map_or(EngineAnswer::Unavailable, |question| (caller.verify)(&question));
                examined.prove(answer)?
            }
            Err(JwtRefusal::Denied(denial)) => return Err(denial.into()),
            Err(JwtRefusal::UnknownKey { issuer }) if caller.keys.is_just_fetched(issuer, now_ms) => {
                return Err(Denial::from(Reason::TokenKeyUnknown).into());
            }
            Err(JwtRefusal::UnknownKey { issuer } | JwtRefusal::KeysMissing { issuer }) => {
                return Err(Unproven::NeedsKeys { issuer });
            }
        };
        let mapped = match self.mappings.get(claims.issuer()) {
            Some(mapping) => mapping.apply(engine, &claims)?,
            None => Mapped::default(),
        };
        let by = Evidence::Token {
            issuer: claims.issuer(),
            generation: caller.keys.generation(claims.issuer(), now_ms),
            proven_ms: now_ms,
            refused_from_ms: claims.refused_from_ms(),
        };
        Ok((mapping::principal(claims, mapped)?, by))
    }
}

impl From<Denial> for Unproven {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

#[cfg(test)]
mod tests;
