//! Callers that were proven before, so that one credential is verified once per worker.
//!
//! A remembered proof is good only as long as the credential would prove its caller anew: a token until it expires and
//! while the key set is the one that verified it or as long as its issuer's word is relied on, an API key as long as its entry
//! admits it and says the same. It does not hold the credential, which is remembered under its fingerprint.

use std::rc::Rc;

use super::caller_name::{CallerName, CredentialName};
use super::credential::Scheme;
use super::key_feed::FedKeys;
use super::key_ring::KeyRing;
use super::principal::Principal;
use super::prover::Caller;
use crate::config::KeyHash;
use crate::recall::Recall;

/// A proven caller, and the name under which what is found out about it may be remembered.
#[derive(Clone, Debug)]
pub struct Proven {
    pub principal: Rc<Principal>,
    pub name: CallerName,
    pub(super) by: Evidence,
    /// How the credential was sent this time.
    pub scheme: Scheme,
}

/// What proved a caller, to be remembered.
#[derive(Clone, Debug)]
pub struct Proof {
    principal: Rc<Principal>,
    name: CallerName,
    by: Evidence,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Evidence {
    /// The entry that must admit the key again.
    Key {
        hash: KeyHash,
        /// That of the feeds, where the entry is in one.
        fed: Option<u64>,
    },
    Token {
        issuer: usize,
        /// Of the issuer's key set.
        generation: Option<u64>,
        /// Unix milliseconds; before it, where a clock was set back, the token may not be valid yet.
        proven_ms: u64,
        /// Unix milliseconds.
        refused_from_ms: u64,
    },
    /// What the token's issuer said of it.
    Word {
        /// SHA-256 of the whole answer.
        answer: [u8; 32],
        asked_ms: u64,
        until_ms: u64,
    },
    /// A token of ours, whose parents must be admitted again.
    Minted {
        proven_ms: u64,
        refused_from_ms: u64,
        /// That of the feeds, where a parent is a key of one.
        fed: Option<u64>,
    },
}

impl Proof {
    pub(super) fn of(
        names: &Recall<Self, CredentialName>,
        credential: CredentialName,
        principal: Rc<Principal>,
        by: Evidence,
    ) -> Self {
        Self { principal, name: CallerName::of(names, credential, &by), by }
    }

    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(super) fn by(&self) -> &Evidence {
        &self.by
    }

    /// The caller, whose credential was sent like this.
    pub(super) fn sent_by(self, scheme: Scheme) -> Proven {
        let Self { principal, name, by } = self;
        Proven { principal, name, by, scheme }
    }

    pub(super) fn holds(&self, caller: &Caller<'_>) -> bool {
        let now_ms = caller.moment.unix_ms;
        self.by.is_current(caller.fed, caller.keys, now_ms)
            && match self.by {
                Evidence::Key { .. } => true,
                Evidence::Minted { proven_ms, refused_from_ms, .. } => {
                    (proven_ms..refused_from_ms).contains(&now_ms)
                }
                Evidence::Word { asked_ms, until_ms, .. } => (asked_ms..until_ms).contains(&now_ms),
                Evidence::Token { generation, proven_ms, refused_from_ms, .. } => {
                    (proven_ms..refused_from_ms).contains(&now_ms) && generation.is_some()
                }
            }
    }
}

impl Proven {
    /// True where no feed and no key set has changed that the proof rests on.
    pub fn stands(&self, fed: &FedKeys, keys: &KeyRing, now_ms: u64) -> bool {
        self.by.is_current(fed, keys, now_ms)
    }
}

impl Evidence {
    fn is_current(&self, fed: &FedKeys, keys: &KeyRing, now_ms: u64) -> bool {
        match *self {
            Self::Key { fed: generation, .. } | Self::Minted { fed: generation, .. } => {
                generation.is_none_or(|generation| generation == fed.generation())
            }
            Self::Token { issuer, generation, .. } => keys.generation(issuer, now_ms) == generation,
            Self::Word { .. } => true,
        }
    }
}
