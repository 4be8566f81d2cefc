//! The keys that feeds bring, and those that they take away.

use super::identity::Identity;
use crate::identity::api_key::{FedKeys, Wanted};
use crate::identity::principal::{Parent, Principal};
use crate::identity::proven::{Evidence, Proven};

impl Identity {
    /// Takes a newer document of a feed.
    ///
    /// # Errors
    /// One line for the operator; the keys in use stay in use.
    pub fn accept_feed(
        &self,
        fed: &mut FedKeys,
        feed: usize,
        document: &[u8],
        checked_ms: u64,
    ) -> Result<(), String> {
        let table = self.feeds.read(feed, document, &self.keys, fed)?;
        fed.replace(feed, table, checked_ms);
        Ok(())
    }

    /// Which key, the caller's own or that of a token's parent, is not to be had any more; for the operator.
    pub fn withdrawn(&self, proven: &Proven, fed: &FedKeys) -> Option<String> {
        let keys = self.known_keys(fed);
        let own = match &proven.by {
            Evidence::Key { hash, .. } => keys.is_withdrawn(Wanted::Hash(hash)),
            Evidence::Token { .. } | Evidence::Introspection { .. } | Evidence::Minted { .. } => false,
        };
        let own = own.then_some(proven.principal.credential_id.as_str());
        let gone =
            own.or_else(|| parent_keys(&proven.principal).find(|id| keys.is_withdrawn(Wanted::Id(id))));
        gone.map(|id| format!("the key `{id}` has left its feed, or is disabled"))
    }

    /// That of the feeds, where a parent of the token is a key of one.
    pub(super) fn generation_of_parents(&self, principal: &Principal, fed: &FedKeys) -> Option<u64> {
        let is_fed = parent_keys(principal).any(|id| self.keys.by_id(id).is_none());
        is_fed.then(|| fed.generation())
    }
}

fn parent_keys(principal: &Principal) -> impl Iterator<Item = &str> {
    principal.minted.iter().flat_map(|minted| &minted.parents).filter_map(Parent::key_id)
}
