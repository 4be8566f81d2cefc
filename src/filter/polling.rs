//! Polls the documents of a configuration, revocation lists and key feeds alike: one worker asks, all workers read.
//!
//! As with key sets, a lease on the ledger is both the single flight and the pace. What came goes into shared data in two
//! entries: the document with its `ETag`, and beside it a short stamp, so that the other workers can look every tick
//! whether there is anything new without copying the document.

use std::cell::{Cell, RefCell};

use hashbrown::HashMap;
use log::warn;

use super::fetch::{self, Delivery, Fetched, Lease, Place};
use super::metrics::DocumentMetrics;
use super::shared_data;
use crate::config::PolledDocument;
use crate::copies;
use crate::gateway::{Gateway, Polled, Remote};
use crate::ledger::compose;

/// What ticks and clocks may lie apart.
const LEASE_SLACK_MS: u64 = 200;

/// Shared data shows an empty value as no value.
const NOTHING: [u8; 1] = [0];

/// The documents of one configuration in one worker.
pub(super) struct Polling {
    polled: RefCell<Polled>,
    documents: Vec<Document>,
    /// The polls under way, by token.
    under_way: RefCell<HashMap<u32, Poll>>,
}

/// One poll of a document and its lease.
struct Poll {
    place: usize,
    lease: Lease,
    /// From when on the next one may ask.
    next_ms: u64,
}

/// How often there is something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Idle,
    Polling,
    /// A document has never come.
    Waiting,
}

/// One document.
struct Document {
    remote: Remote,
    id: String,
    source: PolledDocument,
    /// Where the document and the stamp are in shared data.
    document_key: String,
    stamp_key: String,
    /// The stamp of the copy that this worker holds.
    seen: Cell<Stamp>,
    /// When the document in shared data came that this worker could not take.
    refused_ms: Cell<u64>,
    /// The `ETag` of the copy that this worker holds.
    etag: RefCell<Vec<u8>>,
    metrics: DocumentMetrics,
}

/// When the document came and when it was last known to be current, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    came_ms: u64,
    checked_ms: u64,
}

impl Polling {
    pub(super) fn new(gateway: &Gateway) -> Self {
        let documents = gateway.remotes().map(|(remote, id, source)| Document::new(remote, id, source));
        let polling = Self {
            polled: RefCell::new(gateway.polled()),
            documents: documents.collect(),
            under_way: RefCell::default(),
        };
        polling.read_shared(gateway);
        polling
    }

    pub(super) fn with<T>(&self, with: impl FnOnce(&Polled) -> T) -> T {
        with(&self.polled.borrow())
    }

    pub(super) fn is_polling(&self) -> bool {
        !self.under_way.borrow().is_empty()
    }

    pub(super) fn pace(&self) -> Pace {
        let polled = self.polled.borrow();
        match self.documents.iter().any(|document| polled.checked_ms(document.remote).is_none()) {
            true => Pace::Waiting,
            false if self.documents.is_empty() => Pace::Idle,
            false => Pace::Polling,
        }
    }

    /// Reads what other workers got, asks for what is due, and tells how old the documents are.
    pub(super) fn tick(&self, gateway: &Gateway, now_ms: u64) {
        self.read_shared(gateway);
        for (place, document) in self.documents.iter().enumerate() {
            let (checked_ms, entries) =
                self.with(|polled| (polled.checked_ms(document.remote), polled.entries(document.remote)));
            let is_due = copies::is_due(&document.source, checked_ms, now_ms);
            if let Some(lease) = is_due.then(|| document.lease(gateway, now_ms)).flatten() {
                match document.ask() {
                    Some(token) => {
                        let next_ms = document.next_ms(now_ms);
                        self.under_way.borrow_mut().insert(token, Poll { place, lease, next_ms });
                    }
                    None => document.metrics.count_poll("undispatched"),
                }
            }
            let age_ms = checked_ms.map(|checked| now_ms.saturating_sub(checked));
            let is_stale = copies::is_stale(&document.source, checked_ms, now_ms);
            document.metrics.tell(age_ms, is_stale, entries);
        }
    }

    /// Takes an answer, if it is one of these.
    pub(super) fn receive(&self, gateway: &Gateway, token: u32, delivery: Delivery, now_ms: u64) {
        let Some(poll) = self.under_way.borrow_mut().remove(&token) else { return };
        let Some(document) = self.documents.get(poll.place) else { return };
        poll.lease.end(gateway, now_ms, poll.next_ms);
        // Whether a feed can be taken depends on the others, of which another worker may have got a newer one.
        self.read_shared(gateway);
        match self.accept(gateway, document, delivery, now_ms) {
            Ok(outcome) => document.metrics.count_poll(outcome),
            Err(why) => {
                document.metrics.count_poll("failed");
                let noun = document.remote.noun();
                warn!("claimgate: {noun} `{}`: {why}; the last good one stays", document.id);
            }
        }
    }

    fn accept(
        &self,
        gateway: &Gateway,
        document: &Document,
        delivery: Delivery,
        now_ms: u64,
    ) -> Result<&'static str, String> {
        let mut polled = self.polled.borrow_mut();
        let body = match fetch::answer(delivery, document.remote.limit())? {
            Fetched::Document(body) if !document.is_held(&body) => body,
            Fetched::Document(_) | Fetched::Unchanged => {
                polled.confirm(document.remote, now_ms);
                document.confirm(now_ms);
                return Ok("unchanged");
            }
        };
        gateway.accept(&mut polled, document.remote, &body, now_ms)?;
        let etag = fetch::answer_header("etag").unwrap_or_default();
        document.share(&etag, body, now_ms);
        *document.etag.borrow_mut() = etag;
        Ok("ok")
    }

    fn read_shared(&self, gateway: &Gateway) {
        for document in &self.documents {
            let Some(stamp) = document.stamp() else { continue };
            let seen = document.seen.get();
            if stamp == seen || stamp.came_ms == document.refused_ms.get() {
                continue;
            }
            let mut polled = self.polled.borrow_mut();
            if stamp.came_ms != seen.came_ms {
                let Some((etag, body)) = document.shared() else { continue };
                // It was taken once already, by the worker that got it; under another configuration, or beside other
                // feeds, it may still be wrong. Then it is asked for again, and told why.
                if gateway.accept(&mut polled, document.remote, &body, stamp.checked_ms).is_err() {
                    document.refused_ms.set(stamp.came_ms);
                    continue;
                }
                *document.etag.borrow_mut() = etag;
            }
            polled.confirm(document.remote, stamp.checked_ms);
            document.seen.set(stamp);
        }
    }
}

impl Document {
    fn new(remote: Remote, id: &str, source: &PolledDocument) -> Self {
        let (section, name) = (remote.section(), place(source).name());
        let document = Self {
            remote,
            id: id.to_owned(),
            source: source.clone(),
            document_key: format!("claimgate.{section}.{name}"),
            stamp_key: format!("claimgate.{section}.{name}.stamp"),
            seen: Cell::default(),
            refused_ms: Cell::default(),
            etag: RefCell::default(),
            metrics: DocumentMetrics::define(section, id),
        };
        shared_data::create(&document.document_key, &NOTHING);
        shared_data::create(&document.stamp_key, &NOTHING);
        document
    }

    /// No other worker asks while this one waits for the answer. Two configurations with different paces do not wait
    /// for each other.
    fn lease(&self, gateway: &Gateway, now_ms: u64) -> Option<Lease> {
        let (poll_ms, timeout_ms) = (self.source.poll.milliseconds(), self.source.timeout.milliseconds());
        let pace = [poll_ms.to_le_bytes(), timeout_ms.to_le_bytes()].concat();
        let key = compose(&[self.remote.section().as_bytes(), self.document_key.as_bytes(), &pace]);
        Lease::take(gateway, key, now_ms, poll_ms.max(timeout_ms).saturating_add(LEASE_SLACK_MS))
    }

    /// A little before the pace has passed, or the tick that comes just then would find the lease still held.
    fn next_ms(&self, asked_ms: u64) -> u64 {
        asked_ms.saturating_add(self.source.poll.milliseconds()).saturating_sub(LEASE_SLACK_MS)
    }

    /// Sends the request; `None` where Envoy does not even take it.
    fn ask(&self) -> Option<u32> {
        // That of the copy which this worker holds: a 304 must be about that one.
        let etag = String::from_utf8(self.etag.borrow().clone()).unwrap_or_default();
        let mut headers = vec![("accept", "application/json")];
        headers.extend((!etag.is_empty()).then_some(("if-none-match", etag.as_str())));
        place(&self.source).ask(
            &format!("{} `{}`", self.remote.noun(), self.id),
            self.source.timeout,
            &headers,
        )
    }

    fn stamp(&self) -> Option<Stamp> {
        let (bytes, _) = shared_data::read(&self.stamp_key)?;
        let (came, checked) = bytes.split_first_chunk::<8>()?;
        let checked = checked.first_chunk::<8>()?;
        Some(Stamp { came_ms: u64::from_le_bytes(*came), checked_ms: u64::from_le_bytes(*checked) })
    }

    /// The `ETag` and the document.
    fn shared(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (mut bytes, _) = shared_data::read(&self.document_key)?;
        let (rest, length) = bytes.split_last_chunk::<2>()?;
        let end = rest.len().checked_sub(usize::from(u16::from_le_bytes(*length)))?;
        let etag = rest.get(end..)?.to_vec();
        bytes.truncate(end);
        Some((etag, bytes))
    }

    /// True where this worker holds the same text, as a server without tags sends it each time.
    fn is_held(&self, body: &[u8]) -> bool {
        self.stamp().is_some_and(|stamp| stamp.came_ms == self.seen.get().came_ms)
            && self.shared().is_some_and(|(_, held)| held == body)
    }

    fn share(&self, etag: &[u8], document: Vec<u8>, now_ms: u64) {
        // Without a tag that fits, the next request is for the whole document.
        let (etag, length) = match u16::try_from(etag.len()) {
            Ok(length) => (etag, length),
            Err(_) => (b"".as_slice(), 0),
        };
        // Behind it, because a feed is long, and a VM's memory never shrinks again.
        let mut value = document;
        value.extend_from_slice(etag);
        value.extend_from_slice(&length.to_le_bytes());
        shared_data::replace(&self.document_key, &value);
        self.write(Stamp { came_ms: now_ms, checked_ms: now_ms });
    }

    /// The others may rely on it where they hold the same document.
    fn confirm(&self, now_ms: u64) {
        let seen = self.seen.get();
        match self.stamp() {
            Some(stamp) if stamp.came_ms == seen.came_ms => self.write(Stamp { checked_ms: now_ms, ..stamp }),
            // A newer one came meanwhile; the next tick reads it.
            _ => {}
        }
    }

    fn write(&self, stamp: Stamp) {
        let value = [stamp.came_ms.to_le_bytes(), stamp.checked_ms.to_le_bytes()].concat();
        shared_data::replace(&self.stamp_key, &value);
        self.seen.set(stamp);
    }
}

fn place(source: &PolledDocument) -> Place<'_> {
    Place { cluster: &source.cluster, host: &source.host, path: &source.path }
}
