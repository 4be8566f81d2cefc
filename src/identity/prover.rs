//! One door for all kinds of credential.

mod feeds;
mod inquiry;
mod parents;

use std::rc::Rc;

use super::api_key::{FedKeys, KeyFeeds, KeyHolder, KeyTable, Wanted};
use super::credential::{self, CredentialName, Presented, PresentedKind};
use super::introspection::{Inquiry, Introspected, Introspectors};
use super::jose::{EngineAnswer, Question};
use super::jwt::{Claims, FreshKeys, JwtRefusal, KeyRing, Verifier};
use super::mapping::{ClaimMap, Mapped, principal_of};
use super::minted::Mint;
use super::possession::Possession;
use super::principal::{Binding, Principal};
use super::proven::{Evidence, Proof, Proven};
use crate::config::{Config, ConfigError, Issuer};
use crate::denial::{Denial, Reason};
use crate::expression::Engine;
use crate::request::{Connection, Moment, RequestHead};
use crate::secret::{Environment, Secret};

/// A longer credential is verified each time: what it says could fill a worker's memory.
const LONGEST_REMEMBERED: usize = 4096;

/// Everybody who may call under one configuration.
#[derive(Debug)]
pub struct Identity {
    pub(super) keys: KeyTable,
    pub(super) feeds: KeyFeeds,
    verifier: Verifier,
    mappings: Vec<ClaimMap>,
    issuers: Vec<Issuer>,
    introspectors: Introspectors,
    mint: Option<Mint>,
    possession: Possession,
}

/// What is known beside the request's headers.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    pub connection: &'a Connection,
    pub keys: &'a KeyRing,
    pub fed: &'a FedKeys,
    pub moment: Moment,
    /// Verifies a signature outside, faster than this code could, or says that it cannot.
    pub verify: &'a dyn Fn(&Question<'_>) -> EngineAnswer,
    /// What this worker has proven before.
    pub proven: &'a Cache<Proof, CredentialName>,
    /// What issuers have said of tokens of this request.
    pub introspected: &'a [(CredentialName, Introspected)],
    /// What issuers have said of tokens that are not active.
    pub inactive: &'a Cache<Introspected, CredentialName>,
}

/// Why a caller is not proven.
#[derive(Debug)]
pub enum Unproven {
    Denied(Denial),
    /// A newer key set of the issuer with this index could prove the caller.
    NeedsKeys {
        issuer: usize,
    },
    /// The token's issuer could prove the caller.
    NeedsIntrospection(Inquiry),
}

impl Identity {
    /// # Errors
    /// Nobody who could call, or a key, issuer, mapping or signing key that is wrong.
    pub fn compile(
        config: &Config,
        engine: &Engine,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        if config.keys.is_empty() && config.key_feeds.is_empty() && config.issuers.is_empty() {
            let why = "there are neither `keys` nor `key_feeds` nor `issuers`, so nobody could call; add an entry made by `claimgate key new`, or an issuer";
            return Err(ConfigError::new("keys", why));
        }
        let mapping = |(index, issuer): (usize, &Issuer)| {
            ClaimMap::compile(&issuer.principal, &format!("issuers[{index}].principal"), engine)
        };
        Ok(Self {
            keys: KeyTable::compile(&config.keys, config.client_address)?,
            feeds: KeyFeeds::compile(config)?,
            verifier: Verifier::compile(&config.issuers)?,
            mappings: config.issuers.iter().enumerate().map(mapping).collect::<Result<_, _>>()?,
            issuers: config.issuers.clone(),
            introspectors: Introspectors::compile(&config.issuers, environment)?,
            mint: config
                .tokens
                .as_ref()
                .map(|tokens| Mint::compile(tokens, &config.issuers, environment))
                .transpose()?,
            possession: Possession::compile(config, environment)?,
        })
    }

    /// What proves that a caller holds what its credential is bound to.
    pub fn possession(&self) -> &Possession {
        &self.possession
    }

    /// A ring without keys for the remote issuers.
    pub fn key_ring(&self) -> KeyRing {
        KeyRing::new(&self.issuers)
    }

    /// True where a key is bound to networks, or one of a feed could be.
    pub fn asks_for_networks(&self) -> bool {
        self.keys.asks_for_networks() || self.feeds.may_ask_for_networks()
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
        let name = CredentialName::of(caller.proven, credential);
        if let Some(proof) =
            caller.proven.get(name, |proof| proof.holds(caller.fed, caller.keys, caller.moment.unix_ms))
        {
            match proof.by() {
                Evidence::Key { hash, .. } => {
                    let keys = self.known_keys(caller.fed);
                    keys.admit(Wanted::Hash(hash), caller.connection, &caller.moment)?;
                }
                Evidence::Minted { .. } => self.admit_parents(proof.principal(), &caller)?,
                Evidence::Token { .. } | Evidence::Introspection { .. } => {}
            }
            return Ok(proof.sent_by(presented.scheme));
        }
        let (principal, by) = match presented.kind {
            PresentedKind::ApiKey => self.prove_key(presented, name, &caller)?,
            PresentedKind::Jwt => self.prove_token(engine, presented, name, &caller)?,
            PresentedKind::Minted => self.prove_minted(presented.text(), &caller)?,
        };
        self.require_bound(principal.issuer.as_deref(), &principal.binding)?;
        let proof = Proof::of(caller.proven, name, principal, by);
        if credential.len() <= LONGEST_REMEMBERED {
            caller.proven.put(name, proof.clone());
        }
        Ok(proof.sent_by(presented.scheme))
    }

    /// Makes the token of a principal, good until `expires_at` (Unix seconds).
    ///
    /// # Errors
    /// No signing key, or more than a token may hold.
    pub fn mint(&self, principal: &Principal, moment: &Moment, expires_at: u64) -> Result<Secret, Denial> {
        let mint = self.mint.as_ref().ok_or(Reason::TokensUnavailable)?;
        mint.sign(principal, moment, expires_at)
    }

    /// The holder of the API key of this id, wherever the holder is.
    ///
    /// # Errors
    /// Refuses a key that is unknown or not in force.
    pub fn holder(&self, id: &str, fed: &FedKeys, moment: &Moment) -> Result<Principal, Denial> {
        self.known_keys(fed).holder(id, moment)
    }

    /// The keys by which others can prove the tokens of this gateway (RFC 7517).
    pub fn public_keys(&self) -> Vec<serde_json::Value> {
        self.mint.as_ref().map(Mint::public_keys).unwrap_or_default()
    }

    /// An API key, or what an issuer may know where nobody does here.
    fn prove_key(
        &self,
        presented: &Presented,
        name: CredentialName,
        caller: &Caller<'_>,
    ) -> Result<(Rc<Principal>, Evidence), Unproven> {
        let keys = self.known_keys(caller.fed);
        let denial = match keys.authenticate(presented, caller.connection, &caller.moment) {
            Ok(KeyHolder { principal, hash, generation }) => {
                return Ok((Rc::new(principal), Evidence::Key { hash, fed: generation }));
            }
            Err(denial) => denial,
        };
        let issuer = self.introspectors.issuer_of(presented.text());
        match (denial.reason(), issuer) {
            (Reason::KeyUnknown, Some(issuer)) => inquiry::answered(issuer, &presented.secret, name, caller),
            // Where the issuer does not know it either, a feed still could.
            (Reason::KeyFeedUnavailable, Some(issuer)) => {
                inquiry::answered(issuer, &presented.secret, name, caller).map_err(
                    |unproven| match unproven {
                        Unproven::Denied(_) => denial.into(),
                        unproven => unproven,
                    },
                )
            }
            _ => Err(denial.into()),
        }
    }

    /// What an issuer demands of all its tokens holds for what was got with one, too.
    fn require_bound(&self, issuer: Option<&str>, binding: &Binding) -> Result<(), Denial> {
        let named = issuer.and_then(|issuer| self.issuers.get(self.verifier.index_of(issuer)?));
        match named.and_then(|issuer| issuer.bound_by) {
            Some(bound_by) if !binding.satisfies(bound_by) => Err(Reason::BindingRequired.into()),
            _ => Ok(()),
        }
    }

    fn prove_token(
        &self,
        engine: &Engine,
        presented: &Presented,
        name: CredentialName,
        caller: &Caller<'_>,
    ) -> Result<(Rc<Principal>, Evidence), Unproven> {
        let now_ms = caller.moment.unix_ms;
        let keys = FreshKeys { ring: caller.keys, now_ms };
        let examined = self.verifier.examine(presented.text(), &keys, &caller.moment);
        let claims = match examined.and_then(|examined| examined.prove(caller.verify)) {
            Ok(claims) => claims,
            Err(JwtRefusal::Denied(denial)) => return Err(denial.into()),
            Err(JwtRefusal::UnknownKey { issuer, reason }) if caller.keys.is_just_fetched(issuer, now_ms) => {
                return Err(Denial::from(reason).into());
            }
            Err(JwtRefusal::UnknownKey { issuer, .. } | JwtRefusal::KeysMissing { issuer }) => {
                return Err(Unproven::NeedsKeys { issuer });
            }
            Err(JwtRefusal::Introspected { issuer }) => {
                return inquiry::answered(issuer, &presented.secret, name, caller);
            }
        };
        let by = Evidence::Token {
            issuer: claims.issuer(),
            generation: caller.keys.generation(claims.issuer(), now_ms),
            proven_ms: now_ms,
            refused_from_ms: claims.refused_from_ms(),
        };
        Ok((Rc::new(self.principal(engine, claims)?), by))
    }

    fn principal(&self, engine: &Engine, claims: Claims) -> Result<Principal, Denial> {
        let mapped = match self.mappings.get(claims.issuer()) {
            Some(mapping) => mapping.apply(engine, &claims)?,
            None => Mapped::default(),
        };
        principal_of(claims, mapped)
    }
}

impl From<Denial> for Unproven {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

#[cfg(test)]
mod tests;
