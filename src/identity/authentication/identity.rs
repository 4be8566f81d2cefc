//! Everybody who may call, compiled from the configuration.

use crate::config::{Config, ConfigError, Issuer};
use crate::denial::{Denial, Reason};
use crate::expression::Engine;
use crate::identity::api_key::{FedKeys, KeyFeeds, KeyTable, KnownKeys};
use crate::identity::introspection::Introspectors;
use crate::identity::jwt::{Claims, KeyRing, Verifier};
use crate::identity::mapping::{ClaimMap, Mapped, principal_of};
use crate::identity::minted::Mint;
use crate::identity::possession::Possession;
use crate::identity::principal::{Binding, Principal};
use crate::request::Moment;
use crate::secret::{Environment, Secret};

/// Everybody who may call under one configuration.
#[derive(Debug)]
pub struct Identity {
    pub(super) keys: KeyTable,
    pub(super) feeds: KeyFeeds,
    pub(super) verifier: Verifier,
    pub(super) mappings: Vec<ClaimMap>,
    pub(super) issuers: Vec<Issuer>,
    pub(super) introspectors: Introspectors,
    pub(super) mint: Option<Mint>,
    pub(super) possession: Possession,
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

    /// True where callers may be known by tokens with this `iss`.
    pub fn trusts(&self, issuer: &str) -> bool {
        self.verifier.index_of(issuer).is_some()
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

    pub fn feeds(&self) -> &KeyFeeds {
        &self.feeds
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

    pub(super) fn known_keys<'a>(&'a self, fed: &'a FedKeys) -> KnownKeys<'a> {
        KnownKeys { configured: &self.keys, feeds: &self.feeds, fed }
    }

    /// What an issuer demands of all its tokens holds for what was got with one, too.
    pub(super) fn require_bound(&self, issuer: Option<&str>, binding: &Binding) -> Result<(), Denial> {
        let named = issuer.and_then(|issuer| self.issuers.get(self.verifier.index_of(issuer)?));
        match named.and_then(|issuer| issuer.bound_by) {
            Some(bound_by) if !binding.satisfies(bound_by) => Err(Reason::BindingRequired.into()),
            _ => Ok(()),
        }
    }

    /// The principal of a token, as its issuer's mapping makes it.
    pub(super) fn principal_of(&self, engine: &Engine, claims: Claims) -> Result<Principal, Denial> {
        let mapped = match self.mappings.get(claims.issuer()) {
            Some(mapping) => mapping.apply(engine, &claims)?,
            None => Mapped::default(),
        };
        principal_of(claims, mapped)
    }
}
