//! Fetches key sets of remote issuers: one worker fetches, all workers read.
//!
//! The lease on the ledger is both the single flight and the rate limit: whoever holds it may start one fetch,
//! and it lasts until that has ended, but at least `refetch`. A fetched document goes into shared data; the other workers see it on
//! their next tick. A fetch that fails changes nothing: the last good set serves on until `max_stale`.

use std::cell::RefCell;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use log::warn;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};
use sha2::{Digest, Sha256};

use super::metrics;
use super::shared_data::{self, SharedData};
use crate::config::RemoteJwks;
use crate::gateway::Gateway;
use crate::identity::KeyRing;
use crate::ledger::{Entry, Namespace, compose};

/// A document that has not been fetched yet; shared data shows an empty value as no value.
const UNFETCHED: [u8; 1] = [0];
/// Milliseconds since the Unix epoch, little endian, stand before the document.
const STAMP_BYTES: usize = 8;

/// The key sets of one configuration in one worker.
pub(super) struct KeyFetch {
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
    lease: Vec<u8>,
    next_ms: u64,
}

impl KeyFetch {
    pub(super) fn new(gateway: &Gateway) -> Self {
        let fetch = Self {
            ring: RefCell::new(gateway.identity().key_ring()),
            under_way: RefCell::default(),
            unreachable: RefCell::default(),
            versions: RefCell::default(),
        };
        for (_, source) in fetch.ring.borrow().sources() {
            shared_data::create(&document_key(source), &UNFETCHED);
        }
        fetch.read_shared(gateway);
        fetch
    }

    pub(super) fn with_ring<T>(&self, with: impl FnOnce(&KeyRing) -> T) -> T {
        with(&self.ring.borrow())
    }

    pub(super) fn is_fetching(&self) -> bool {
        !self.under_way.borrow().is_empty()
    }

    /// True where the last fetch could not even be sent, so that waiting for it is in vain.
    pub(super) fn is_unreachable(&self, issuer: usize) -> bool {
        self.unreachable.borrow().contains(&issuer)
    }

    pub(super) fn fetched_ms(&self, issuer: usize) -> Option<u64> {
        self.ring.borrow().fetched_ms(issuer)
    }

    /// How long a stream may wait for this issuer's keys.
    pub(super) fn patience_ms(&self, issuer: usize) -> u64 {
        let ring = self.ring.borrow();
        let source = ring.sources().find(|(other, _)| *other == issuer);
        source.map_or(0, |(_, source)| source.timeout.milliseconds())
    }

    pub(super) fn want(&self, issuer: usize) {
        self.ring.borrow_mut().want(issuer);
    }

    /// Reads what other workers fetched and fetches what is due.
    pub(super) fn tick(&self, gateway: &Gateway, now_ms: u64) {
        self.read_shared(gateway);
        let due: Vec<(usize, RemoteJwks)> = {
            let ring = self.ring.borrow();
            let due = ring.sources().filter(|(issuer, _)| ring.is_due(*issuer, now_ms));
            due.map(|(issuer, source)| (issuer, source.clone())).collect()
        };
        for (issuer, source) in due {
            let lease = compose(&[b"jwks", document_key(&source).as_bytes()]);
            // A second fetch must not start beside one that takes as long as it may.
            let lease_ms = source.refetch.max(source.timeout).milliseconds();
            if gateway.ledger().lease(&SharedData, lease_entry(&lease), now_ms, lease_ms) == Ok(true) {
                let next_ms = now_ms.saturating_add(source.refetch.milliseconds());
                let fetch = Fetch { issuer, lease, next_ms };
                match dispatch(&source) {
                    Some(token) => {
                        self.unreachable.borrow_mut().remove(&issuer);
                        self.under_way.borrow_mut().insert(token, fetch);
                    }
                    None => {
                        self.unreachable.borrow_mut().insert(issuer);
                        fetch.end(gateway, now_ms);
                    }
                }
            }
        }
    }

    /// Takes the answer of a fetch; a failed one has no headers.
    pub(super) fn receive(&self, gateway: &Gateway, token: u32, body_size: usize, now_ms: u64) {
        let Some(fetch) = self.under_way.borrow_mut().remove(&token) else { return };
        fetch.end(gateway, now_ms);
        let issuer = fetch.issuer;
        let outcome = self.accept(gateway, issuer, body_size, now_ms);
        metrics::count_key_fetch(if outcome.is_ok() { "ok" } else { "failed" });
        if let Err(why) = outcome {
            warn!(
                "claimgate: the keys of issuers[{issuer}] could not be fetched: {why}; the last good ones stay"
            );
        }
    }

    fn accept(&self, gateway: &Gateway, issuer: usize, body_size: usize, now_ms: u64) -> Result<(), String> {
        let status =
            hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, ":status").ok().flatten();
        match status.as_deref() {
            Some(b"200") => {}
            Some(other) => return Err(format!("status {}", String::from_utf8_lossy(other))),
            None => return Err("no answer in time".to_owned()),
        }
        let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size).ok().flatten();
        let document = body.unwrap_or_default();
        let mut ring = self.ring.borrow_mut();
        gateway.identity().accept_keys(&mut ring, issuer, &document, now_ms)?;
        if let Some((_, source)) = ring.sources().find(|(other, _)| *other == issuer) {
            let shared = [now_ms.to_le_bytes().as_slice(), &document].concat();
            shared_data::replace(&document_key(source), &shared);
        }
        Ok(())
    }

    fn read_shared(&self, gateway: &Gateway) {
        let sources: Vec<(usize, String)> =
            self.ring.borrow().sources().map(|(issuer, source)| (issuer, document_key(source))).collect();
        for (issuer, key) in sources {
            let Some((bytes, version)) = shared_data::read(&key) else { continue };
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

impl Fetch {
    /// The next one may start when `refetch` has passed since this one did.
    fn end(&self, gateway: &Gateway, now_ms: u64) {
        // A lease that cannot be shortened ends by itself.
        let _ = gateway.ledger().shorten_lease(&SharedData, lease_entry(&self.lease), now_ms, self.next_ms);
    }
}

fn lease_entry(key: &[u8]) -> Entry<'_> {
    Entry { namespace: Namespace::Lease, key }
}

/// Sends the request for a key set; `None` where Envoy does not even take it.
fn dispatch(source: &RemoteJwks) -> Option<u32> {
    let headers = vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":path", source.path.as_str()),
        (":authority", source.host.as_str()),
        ("accept", "application/jwk-set+json, application/json"),
    ];
    let timeout = Duration::from_millis(source.timeout.milliseconds());
    let sent = hostcalls::dispatch_http_call(&source.cluster, headers, None, Vec::new(), timeout);
    sent.inspect_err(|status| {
        metrics::count_key_fetch("undispatched");
        warn!(
            "claimgate: cannot fetch keys through the cluster `{}`: {status:?}; is there such a cluster?",
            source.cluster
        );
    })
    .ok()
}

/// Names the document by where it comes from, so that two configurations with the same source share it and
/// two with different ones never do.
fn document_key(source: &RemoteJwks) -> String {
    let parts = compose(&[source.cluster.as_bytes(), source.host.as_bytes(), source.path.as_bytes()]);
    let digest = Sha256::digest(&parts);
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("claimgate.jwks.{name}")
}
