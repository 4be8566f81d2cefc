//! What proved a caller, so that what was found out about the caller ends with it.

use crate::config::KeyHash;
use crate::identity::api_key::FedKeys;
use crate::identity::jwt::KeyRing;

#[derive(Clone, Copy, Debug)]
pub(in crate::identity) enum Evidence {
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
    Introspection {
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

impl Evidence {
    /// True where no feed and no key set has changed that it rests on.
    pub(super) fn is_current(&self, fed: &FedKeys, keys: &KeyRing, now_ms: u64) -> bool {
        match *self {
            Self::Key { fed: generation, .. } | Self::Minted { fed: generation, .. } => {
                generation.is_none_or(|generation| generation == fed.generation())
            }
            Self::Token { issuer, generation, .. } => keys.generation(issuer, now_ms) == generation,
            Self::Introspection { .. } => true,
        }
    }
}
