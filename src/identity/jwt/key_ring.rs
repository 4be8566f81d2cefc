//! The key sets of remote issuers as one worker has them, and when they are due.
//!
//! It does not fetch. The host fetches what is [`KeyRing::is_due`], one worker for all (the ledger's lease
//! sees to that), and hands the document in. A set that cannot be read never replaces one that could.

use super::key_set::{KeySet, RemoteKeys};
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
    /// How many different sets have come.
    generation: u64,
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
pub(in crate::identity) struct FreshKeys<'a> {
    pub(in crate::identity) ring: &'a KeyRing,
    pub(in crate::identity) now_ms: u64,
}

impl KeyRing {
    pub fn new(issuers: &[Issuer]) -> Self {
        let remote = |issuer: &Issuer| match &issuer.jwks {
            Some(Jwks::Inline(_)) | None => None,
            Some(Jwks::Remote(source)) => {
                Some(Remote { source: source.clone(), held: None, generation: 0, wanted: false })
            }
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
            if !remote.held.as_ref().is_some_and(|held| held.set.is_same_document(&set)) {
                remote.generation = remote.generation.saturating_add(1);
            }
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

    /// Which set of the issuer's may be used now, counted from the first; `None` where there is none or it is too
    /// stale. What was proven by another one is proven no more. Keys of the configuration are always the same.
    pub(in crate::identity) fn generation(&self, issuer: usize, now_ms: u64) -> Option<u64> {
        match self.remote(issuer) {
            None => Some(0),
            Some(remote) => FreshKeys { ring: self, now_ms }.key_set(issuer).map(|_| remote.generation),
        }
    }

    /// True where the held set is so new that fetching again for an unknown key is not allowed yet.
    pub(in crate::identity) fn is_just_fetched(&self, issuer: usize, now_ms: u64) -> bool {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{FreshKeys, KeyRing};
    use crate::config::{Algorithm, Issuer};
    use crate::identity::jwt::key_set::{KeySet, RemoteKeys};
    use crate::identity::signing::RawSigner;

    const FETCHED: u64 = 1_800_000_000_000;

    /// An issuer with inline keys, and one whose keys are fetched.
    fn ring() -> KeyRing {
        let issuer =
            |jwks| json!({ "issuer": "i", "audiences": ["a"], "algorithms": ["EdDSA"], "jwks": jwks });
        let remote = json!({ "remote": {
            "cluster": "idp", "host": "idp.example", "path": "/jwks",
            "refresh": "600s", "refetch": "10s", "max_stale": "1h",
        } });
        let issuers: Vec<Issuer> =
            serde_json::from_value(json!([issuer(json!({ "inline": { "keys": [] } })), issuer(remote)]))
                .unwrap();
        KeyRing::new(&issuers)
    }

    fn set(kid: &str) -> KeySet {
        let document = json!({ "keys": [RawSigner::generate(kid).jwk()] }).to_string();
        KeySet::parse(document.as_bytes(), &[Algorithm::EdDSA]).unwrap()
    }

    #[test]
    fn only_remote_issuers_have_a_place() {
        let mut ring = ring();
        assert_eq!(ring.sources().map(|(issuer, _)| issuer).collect::<Vec<_>>(), [1]);
        for issuer in [0, 2] {
            ring.accept(issuer, set("k"), FETCHED);
            ring.want(issuer);
            assert_eq!((ring.fetched_ms(issuer), ring.is_due(issuer, FETCHED)), (None, false), "{issuer}");
        }
    }

    #[test]
    fn a_fetch_is_due_where_there_is_none_or_it_is_old_or_lacking() {
        let mut ring = ring();
        assert!(ring.is_due(1, FETCHED), "nothing has come");
        ring.accept(1, set("k"), FETCHED);
        for (age_ms, due, note) in [
            (0, false, "just fetched"),
            (599_999, false, "a millisecond before its time"),
            (600_000, true, "at its time"),
        ] {
            assert_eq!(ring.is_due(1, FETCHED + age_ms), due, "{note}");
        }
        assert!(!ring.is_due(1, FETCHED - 5), "fetched by a worker whose clock is ahead");
        ring.want(1);
        assert!(ring.is_due(1, FETCHED), "a call found it lacking");
        ring.accept(1, set("k"), FETCHED + 1);
        assert!(!ring.is_due(1, FETCHED + 1), "a newer one has come");
    }

    #[test]
    fn a_set_is_used_until_it_is_too_stale_and_not_refetched_too_soon() {
        let mut ring = ring();
        let sees = |ring: &KeyRing, now_ms| FreshKeys { ring, now_ms }.key_set(1).is_some();
        assert!(!sees(&ring, FETCHED) && !ring.is_just_fetched(1, FETCHED), "nothing has come");
        ring.accept(1, set("k"), FETCHED);
        for (age_ms, used, just_fetched, note) in [
            (0, true, true, "just fetched"),
            (9_999, true, true, "within the least time between fetches"),
            (10_000, true, false, "after it"),
            (3_600_000, true, false, "as stale as it may be"),
            (3_600_001, false, false, "staler"),
        ] {
            assert_eq!(sees(&ring, FETCHED + age_ms), used, "{note}");
            assert_eq!(ring.is_just_fetched(1, FETCHED + age_ms), just_fetched, "{note}");
        }
    }

    #[test]
    fn a_newer_set_replaces_the_older_whole() {
        let mut ring = ring();
        for kid in ["old", "new"] {
            ring.accept(1, set(kid), FETCHED);
            let keys = FreshKeys { ring: &ring, now_ms: FETCHED };
            assert_eq!(keys.key_set(1).unwrap().kids().collect::<Vec<_>>(), [kid]);
        }
    }
}
