//! Callers that were proven before, so that one credential is verified once per worker.
//!
//! A remembered proof is good only as long as the credential would prove its caller anew: a token until it expires and
//! while the key set is the one that verified it or as long as its issuer's word is relied on, an API key as long as its entry
//! admits it and says the same. It does not hold the credential, which is remembered under its fingerprint.

use std::rc::Rc;

use super::api_key::FedKeys;
use super::caller_name::CallerName;
use super::credential::{CredentialName, Scheme};
use super::evidence::Evidence;
use super::jwt::KeyRing;
use super::principal::Principal;
use crate::cache::Cache;

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

impl Proof {
    pub(super) fn of(
        names: &Cache<Self, CredentialName>,
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

    /// True where the credential would prove its caller anew.
    pub(super) fn holds(&self, fed: &FedKeys, keys: &KeyRing, now_ms: u64) -> bool {
        self.by.is_current(fed, keys, now_ms)
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
