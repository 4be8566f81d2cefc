//! A caller that is proven, and the proof of it that is remembered.

use std::rc::Rc;

use super::caller_name::CallerName;
use super::evidence::Evidence;
use crate::cache::Cache;
use crate::identity::api_key::FedKeys;
use crate::identity::credential::{CredentialName, Scheme};
use crate::identity::jwt::KeyRing;
use crate::identity::principal::Principal;

/// A proven caller, and the name under which what is found out about it may be remembered.
#[derive(Clone, Debug)]
pub struct Proven {
    pub principal: Rc<Principal>,
    pub name: CallerName,
    pub(in crate::identity) by: Evidence,
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
    pub(in crate::identity) fn of(
        names: &Cache<Self, CredentialName>,
        credential: CredentialName,
        principal: Rc<Principal>,
        by: Evidence,
    ) -> Self {
        Self { principal, name: CallerName::of(names, credential, &by), by }
    }

    pub(in crate::identity) fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(in crate::identity) fn by(&self) -> &Evidence {
        &self.by
    }

    /// The caller, whose credential was sent like this.
    pub(in crate::identity) fn sent_by(self, scheme: Scheme) -> Proven {
        let Self { principal, name, by } = self;
        Proven { principal, name, by, scheme }
    }

    /// True where the credential would prove its caller anew.
    pub(in crate::identity) fn holds(&self, fed: &FedKeys, keys: &KeyRing, now_ms: u64) -> bool {
        self.by.is_current(fed, keys, now_ms)
            && match self.by {
                Evidence::Key { .. } => true,
                Evidence::Minted { proven_ms, refused_from_ms, .. } => {
                    (proven_ms..refused_from_ms).contains(&now_ms)
                }
                Evidence::Introspection { asked_ms, until_ms, .. } => (asked_ms..until_ms).contains(&now_ms),
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
