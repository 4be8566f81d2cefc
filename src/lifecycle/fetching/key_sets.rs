//! Fetches key sets of remote issuers: one worker fetches, all workers read.
//!
//! The lease on the ledger is both the single flight and the rate limit: whoever holds it may start one fetch,
//! and it lasts until that has ended, but at least `refetch`. A fetched document goes into shared data; the other workers see it on
//! their next tick. A fetch that fails changes nothing: the last good set serves on until `max_stale`.

use std::cell::RefCell;

use hashbrown::{HashMap, HashSet};

use super::fetch::{self, Delivery, Fetched, Place, Request};
use super::lease::Lease;
use crate::config::RemoteJwks;
use crate::gateway::Gateway;
use crate::identity::{KeyRing, MAX_KEY_SET_BYTES};
use crate::ledger::compose;
use crate::lifecycle::context::Context;
use crate::lifecycle::host::{House, Level};
use crate::lifecycle::metrics;

/// A document that has not been fetched yet; shared data shows an empty value as no value.
const UNFETCHED: [u8; 1] = [0];
/// Milliseconds since the Unix epoch, little endian, stand before the document.
const STAMP_BYTES: usize = 8;

const ACCEPT: (&str, &str) = ("accept", "application/jwk-set+json, application/json");

/// The key sets of one configuration in one worker.
pub(in crate::lifecycle) struct KeySets {
    ring: RefCell<KeyRing>,
    /// The fetches under way, by token.
    under_way: RefCell<HashMap<u32, Fetch>>,
    /// Issuers whose cluster Envoy does not have, as the last try showed.
    unreachable: RefCell<HashSet<usize>>,
    /// The version of the shared document that each issuer's set was read from.
    versions: RefCell<HashMap<usize, u32>>,
}

/// One fetch and its lease.
struct Fetch {
    issuer: usize,
    lease: Lease,
    /// The next one may start when `refetch` has passed since this one did.
    next_ms: u64,
}

impl KeySets {
    pub(in crate::lifecycle) fn new(gateway: &Gateway, house: &dyn House) -> Self {
        let sets = Self {
            ring: RefCell::new(gateway.identity().key_ring()),
            under_way: RefCell::default(),
            unreachable: RefCell::default(),
            versions: RefCell::default(),
        };
        for (_, source) in sets.ring.borrow().sources() {
            house.create_document(&document_key(source), &UNFETCHED);
        }
        sets.read_shared(gateway, house);
        sets
    }

    pub(in crate::lifecycle) fn with_ring<T>(&self, with: impl FnOnce(&KeyRing) -> T) -> T {
        with(&self.ring.borrow())
    }

    pub(in crate::lifecycle) fn is_fetching(&self) -> bool {
        !self.under_way.borrow().is_empty()
    }

    /// True where the last fetch could not even be sent, so that waiting for it is in vain.
    pub(in crate::lifecycle) fn is_unreachable(&self, issuer: usize) -> bool {
        self.unreachable.borrow().contains(&issuer)
    }

    pub(in crate::lifecycle) fn fetched_ms(&self, issuer: usize) -> Option<u64> {
        self.ring.borrow().fetched_ms(issuer)
    }

    /// How long a stream may wait for this issuer's keys.
    pub(in crate::lifecycle) fn patience_ms(&self, issuer: usize) -> u64 {
        let ring = self.ring.borrow();
        let source = ring.sources().find(|(other, _)| *other == issuer);
        source.map_or(0, |(_, source)| source.timeout.milliseconds())
    }

    pub(in crate::lifecycle) fn want(&self, issuer: usize) {
        self.ring.borrow_mut().want(issuer);
    }

    /// Reads what other workers fetched and fetches what is due.
    pub(in crate::lifecycle) fn tick(&self, context: Context<'_>, now_ms: u64) {
        let Context { gateway, house, .. } = context;
        self.read_shared(gateway, house);
        let due: Vec<(usize, RemoteJwks)> = {
            let ring = self.ring.borrow();
            let due = ring.sources().filter(|(issuer, _)| ring.is_due(*issuer, now_ms));
            due.map(|(issuer, source)| (issuer, source.clone())).collect()
        };
        for (issuer, source) in due {
            let key = compose(&[b"jwks", document_key(&source).as_bytes()]);
            // A second fetch must not start beside one that takes as long as it may.
            let lease_ms = source.refetch.max(source.timeout).milliseconds();
            let Some(lease) = Lease::take(context, key, now_ms, lease_ms) else { continue };
            let next_ms = now_ms.saturating_add(source.refetch.milliseconds());
            let request = Request { what: "keys", timeout: source.timeout, headers: &[ACCEPT], form: None };
            match place(&source).send(house, request) {
                Some(token) => {
                    self.unreachable.borrow_mut().remove(&issuer);
                    self.under_way.borrow_mut().insert(token, Fetch { issuer, lease, next_ms });
                }
                None => {
                    metrics::count_key_fetch(house, "undispatched");
                    self.unreachable.borrow_mut().insert(issuer);
                    lease.end(context, now_ms, next_ms);
                }
            }
        }
    }

    /// Takes the answer of a fetch, if it is one of these.
    pub(in crate::lifecycle) fn receive(
        &self,
        context: Context<'_>,
        token: u32,
        delivery: Delivery,
        now_ms: u64,
    ) {
        let house = context.house;
        let Some(fetch) = self.under_way.borrow_mut().remove(&token) else { return };
        fetch.lease.end(context, now_ms, fetch.next_ms);
        let issuer = fetch.issuer;
        let outcome = self.accept(context, issuer, delivery, now_ms);
        metrics::count_key_fetch(house, if outcome.is_ok() { "ok" } else { "failed" });
        if let Err(why) = outcome {
            house.log(
                Level::Warning,
                &format!(
                    "the keys of issuers[{issuer}] could not be fetched: {why}; the last good ones stay"
                ),
            );
        }
    }

    fn accept(
        &self,
        Context { gateway, house, .. }: Context<'_>,
        issuer: usize,
        delivery: Delivery,
        now_ms: u64,
    ) -> Result<(), String> {
        let Fetched::Document(document) = fetch::answer(house, delivery, MAX_KEY_SET_BYTES)? else {
            return Err("status 304".to_owned());
        };
        let mut ring = self.ring.borrow_mut();
        gateway.identity().accept_keys(&mut ring, issuer, &document, now_ms)?;
        if let Some((_, source)) = ring.sources().find(|(other, _)| *other == issuer) {
            let shared = [now_ms.to_le_bytes().as_slice(), &document].concat();
            house.replace_document(&document_key(source), &shared);
        }
        Ok(())
    }

    fn read_shared(&self, gateway: &Gateway, house: &dyn House) {
        let sources: Vec<(usize, String)> =
            self.ring.borrow().sources().map(|(issuer, source)| (issuer, document_key(source))).collect();
        for (issuer, key) in sources {
            let Some((bytes, version)) = house.document(&key) else { continue };
            if self.versions.borrow_mut().insert(issuer, version) == Some(version) {
                continue;
            }
            let Some((stamp, document)) = bytes.split_first_chunk::<STAMP_BYTES>() else { continue };
            let fetched_ms = u64::from_le_bytes(*stamp);
            if self.fetched_ms(issuer).is_none_or(|own| own < fetched_ms) {
                // It was read once already, by the worker that fetched it.
                let _ =
                    gateway.identity().accept_keys(&mut self.ring.borrow_mut(), issuer, document, fetched_ms);
            }
        }
    }
}

fn place(source: &RemoteJwks) -> Place<'_> {
    Place { cluster: &source.cluster, host: &source.host, path: &source.path }
}

fn document_key(source: &RemoteJwks) -> String {
    format!("claimgate.jwks.{}", place(source).name())
}
