//! One polled document as all workers share it.
//!
//! It lies in two entries: the document with its `ETag`, and beside it a short stamp, so that the other workers can look
//! every tick whether there is anything new without copying the document.

use std::cell::{Cell, RefCell};

use super::fetch::{Place, Request};
use super::lease::Lease;
use crate::config::PolledDocument;
use crate::gateway::Remote;
use crate::ledger::compose;
use crate::lifecycle::context::Context;
use crate::lifecycle::host::House;
use crate::lifecycle::metrics::DocumentMetrics;

/// What ticks and clocks may lie apart.
const LEASE_SLACK_MS: u64 = 200;

/// Shared data shows an empty value as no value.
const NOTHING: [u8; 1] = [0];

/// The document, and what this worker has seen of it.
pub(super) struct SharedDocument {
    pub(super) remote: Remote,
    pub(super) id: String,
    pub(super) source: PolledDocument,
    pub(super) metrics: DocumentMetrics,
    /// Where the document and the stamp are.
    document_key: String,
    stamp_key: String,
    /// The stamp of the copy that this worker holds.
    seen: Cell<Stamp>,
    /// When the shared document came that this worker could not take.
    refused_ms: Cell<u64>,
    /// The `ETag` of the copy that this worker holds.
    etag: RefCell<Vec<u8>>,
}

/// When the document came and when it was last known to be current, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) came_ms: u64,
    pub(super) checked_ms: u64,
}

impl SharedDocument {
    pub(super) fn open(house: &dyn House, remote: Remote, (id, source): (&str, &PolledDocument)) -> Self {
        let (section, name) = (remote.section(), place(source).name());
        let document = Self {
            remote,
            id: id.to_owned(),
            source: source.clone(),
            metrics: DocumentMetrics::define(house, section, id),
            document_key: format!("claimgate.{section}.{name}"),
            stamp_key: format!("claimgate.{section}.{name}.stamp"),
            seen: Cell::default(),
            refused_ms: Cell::default(),
            etag: RefCell::default(),
        };
        house.create_document(&document.document_key, &NOTHING);
        house.create_document(&document.stamp_key, &NOTHING);
        document
    }

    /// No other worker asks while this one waits for the answer. Two configurations with different paces do not wait
    /// for each other.
    pub(super) fn lease(&self, context: Context<'_>, now_ms: u64) -> Option<Lease> {
        let (poll_ms, timeout_ms) = (self.source.poll.milliseconds(), self.source.timeout.milliseconds());
        let pace = [poll_ms.to_le_bytes(), timeout_ms.to_le_bytes()].concat();
        let key = compose(&[self.remote.section().as_bytes(), self.document_key.as_bytes(), &pace]);
        let for_ms = poll_ms.max(timeout_ms).saturating_add(LEASE_SLACK_MS);
        Lease::take(context, key, now_ms, for_ms)
    }

    /// A little before the pace has passed, or the tick that comes just then would find the lease still held.
    pub(super) fn next_ms(&self, asked_ms: u64) -> u64 {
        asked_ms.saturating_add(self.source.poll.milliseconds()).saturating_sub(LEASE_SLACK_MS)
    }

    /// Sends the request; `None` where the host does not even take it.
    pub(super) fn ask(&self, house: &dyn House) -> Option<u32> {
        // That of the copy which this worker holds: a 304 must be about that one.
        let etag = String::from_utf8(self.etag.borrow().clone()).unwrap_or_default();
        let mut headers = vec![("accept", "application/json")];
        headers.extend((!etag.is_empty()).then_some(("if-none-match", etag.as_str())));
        let what = format!("{} `{}`", self.remote.noun(), self.id);
        let request = Request { what: &what, timeout: self.source.timeout, headers: &headers, form: None };
        place(&self.source).send(house, request)
    }

    /// The shared stamp, where it tells this worker anything new.
    pub(super) fn news(&self, house: &dyn House) -> Option<Stamp> {
        self.stamp(house).filter(|stamp| *stamp != self.seen.get() && stamp.came_ms != self.refused_ms.get())
    }

    /// True where the document itself is another than this worker holds.
    pub(super) fn is_newer(&self, stamp: Stamp) -> bool {
        stamp.came_ms != self.seen.get().came_ms
    }

    /// This worker holds what the stamp says.
    pub(super) fn see(&self, stamp: Stamp) {
        self.seen.set(stamp);
    }

    /// This worker cannot take what the stamp is of.
    pub(super) fn refuse(&self, stamp: Stamp) {
        self.refused_ms.set(stamp.came_ms);
    }

    /// This worker holds the copy with this `ETag`.
    pub(super) fn take(&self, etag: Vec<u8>) {
        *self.etag.borrow_mut() = etag;
    }

    /// The `ETag` and the document.
    pub(super) fn content(&self, house: &dyn House) -> Option<(Vec<u8>, Vec<u8>)> {
        let (mut bytes, _) = house.document(&self.document_key)?;
        let (rest, length) = bytes.split_last_chunk::<2>()?;
        let end = rest.len().checked_sub(usize::from(u16::from_le_bytes(*length)))?;
        let etag = rest.get(end..)?.to_vec();
        bytes.truncate(end);
        Some((etag, bytes))
    }

    /// True where this worker holds the same text, as a server without tags sends it each time.
    pub(super) fn is_held(&self, house: &dyn House, body: &[u8]) -> bool {
        self.stamp(house).is_some_and(|stamp| !self.is_newer(stamp))
            && self.content(house).is_some_and(|(_, held)| held == body)
    }

    /// Shares what came, and holds it.
    pub(super) fn share(&self, house: &dyn House, etag: Vec<u8>, document: Vec<u8>, now_ms: u64) {
        // Without a tag that fits, the next request is for the whole document.
        let (tag, length) = match u16::try_from(etag.len()) {
            Ok(length) => (etag.as_slice(), length),
            Err(_) => (b"".as_slice(), 0),
        };
        // Behind it, because a feed is long, and a VM's memory never shrinks again.
        let mut value = document;
        value.extend_from_slice(tag);
        value.extend_from_slice(&length.to_le_bytes());
        house.replace_document(&self.document_key, &value);
        self.write(house, Stamp { came_ms: now_ms, checked_ms: now_ms });
        self.take(etag);
    }

    /// The others may rely on it where they hold the same document.
    pub(super) fn confirm(&self, house: &dyn House, now_ms: u64) {
        match self.stamp(house) {
            Some(stamp) if !self.is_newer(stamp) => self.write(house, Stamp { checked_ms: now_ms, ..stamp }),
            // A newer one came meanwhile; the next tick reads it.
            _ => {}
        }
    }

    fn stamp(&self, house: &dyn House) -> Option<Stamp> {
        let (bytes, _) = house.document(&self.stamp_key)?;
        let (came, checked) = bytes.split_first_chunk::<8>()?;
        let checked = checked.first_chunk::<8>()?;
        Some(Stamp { came_ms: u64::from_le_bytes(*came), checked_ms: u64::from_le_bytes(*checked) })
    }

    fn write(&self, house: &dyn House, stamp: Stamp) {
        let value = [stamp.came_ms.to_le_bytes(), stamp.checked_ms.to_le_bytes()].concat();
        house.replace_document(&self.stamp_key, &value);
        self.see(stamp);
    }
}

fn place(source: &PolledDocument) -> Place<'_> {
    Place { cluster: &source.cluster, host: &source.host, path: &source.path }
}
