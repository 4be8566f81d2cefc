//! The key sets of remote issuers as one worker has them, and when they are due.
//!
//! It does not fetch. The host fetches what is [`KeyRing::is_due`], one worker for all (the ledger's lease
//! sees to that), and hands the document in. A set that cannot be read never replaces one that could.

use super::jwt::RemoteKeys;
use super::key_set::KeySet;
use crate::config::{Issuer, Jwks, RemoteJwks};

/// One place per issuer of the configuration; issuers with inline keys leave theirs empty.
#[derive(Debug, Default)]
pub struct KeyRing {
    remotes: Vec<Option<Remote>>,
}

#[derive(Debug)]
struct Remote {
    source: RemoteJwks,
    held: Option<Held>,
    /// A token named a key that the held set lacks.
    wanted: bool,
}

#[derive(Debug)]
struct Held {
    set: KeySet,
    fetched_ms: u64,
}

/// A ring at one moment: sets beyond their `max_stale` are not seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct FreshKeys<'a> {
    pub(super) ring: &'a KeyRing,
    pub(super) now_ms: u64,
}

impl KeyRing {
    pub fn new(issuers: &[Issuer]) -> Self {
        let remote = |issuer: &Issuer| match &issuer.jwks {
            Jwks::Inline(_) => None,
            Jwks::Remote(source) => Some(Remote { source: source.clone(), held: None, wanted: false }),
        };
        Self { remotes: issuers.iter().map(remote).collect() }
    }

    /// Every remote issuer's index and where its set comes from.
    pub fn sources(&self) -> impl Iterator<Item = (usize, &RemoteJwks)> {
        self.remotes
            .iter()
            .enumerate()
            .filter_map(|(issuer, remote)| Some((issuer, &remote.as_ref()?.source)))
    }

    /// When the held set was fetched, in milliseconds since the Unix epoch.
    pub fn fetched_ms(&self, issuer: usize) -> Option<u64> {
        Some(self.remote(issuer)?.held.as_ref()?.fetched_ms)
    }

    /// Takes a newer set.
    pub fn accept(&mut self, issuer: usize, set: KeySet, fetched_ms: u64) {
        if let Some(Some(remote)) = self.remotes.get_mut(issuer) {
            remote.held = Some(Held { set, fetched_ms });
            remote.wanted = false;
        }
    }

    /// Notes that a call waits for a newer set.
    pub fn want(&mut self, issuer: usize) {
        if let Some(Some(remote)) = self.remotes.get_mut(issuer) {
            remote.wanted = true;
        }
    }

    /// True where a fetch should start: no set yet, one past its refresh time, or one that a call found
    /// lacking.
    pub fn is_due(&self, issuer: usize, now_ms: u64) -> bool {
        self.remote(issuer).is_some_and(|remote| match &remote.held {
            None => true,
            Some(held) => {
                let age = now_ms.saturating_sub(held.fetched_ms);
                remote.wanted || age >= remote.source.refresh.milliseconds()
            }
        })
    }

    /// True where the held set is so new that fetching again for an unknown key is not allowed yet.
    pub(super) fn is_just_fetched(&self, issuer: usize, now_ms: u64) -> bool {
        self.remote(issuer).is_some_and(|remote| {
            let age = self.fetched_ms(issuer).map(|fetched| now_ms.saturating_sub(fetched));
            age.is_some_and(|age| age < remote.source.refetch.milliseconds())
        })
    }

    fn remote(&self, issuer: usize) -> Option<&Remote> {
        self.remotes.get(issuer)?.as_ref()
    }
}

impl RemoteKeys for FreshKeys<'_> {
    fn key_set(&self, issuer: usize) -> Option<&KeySet> {
        let remote = self.ring.remote(issuer)?;
        let held = remote.held.as_ref()?;
        let age = self.now_ms.saturating_sub(held.fetched_ms);
        (age <= remote.source.max_stale.milliseconds()).then_some(&held.set)
    }
}
