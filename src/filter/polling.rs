//! Polls the documents of revocation lists: one worker asks, all workers read.
//!
//! As with key sets, a lease on the ledger is both the single flight and the pace. What came goes into shared data in two
//! entries: the document with its `ETag`, and beside it a short stamp, so that the other workers can look every tick
//! whether there is anything new without copying the document.

use std::cell::RefCell;

use hashbrown::HashMap;
use log::warn;

use super::fetch::{self, Delivery, Fetched, Lease, Place};
use super::metrics::ListMetrics;
use super::shared_data;
use crate::config::PolledDocument;
use crate::gateway::Gateway;
use crate::ledger::compose;
use crate::revocation::{Board, MAX_DOCUMENT_BYTES};

/// What ticks and clocks may lie apart.
const LEASE_SLACK_MS: u64 = 200;

/// Shared data shows an empty value as no value.
const NOTHING: [u8; 1] = [0];

/// The lists of one configuration in one worker.
pub(super) struct Polling {
    board: RefCell<Board>,
    lists: Vec<Polled>,
    /// The polls under way, by token.
    under_way: RefCell<HashMap<u32, Poll>>,
}

/// One poll of a list and its lease.
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
    /// A list has never come.
    Waiting,
}

/// One polled list.
struct Polled {
    list: usize,
    id: String,
    source: PolledDocument,
    /// Where the document and the stamp are in shared data.
    document_key: String,
    stamp_key: String,
    /// The stamp that this worker has read last.
    seen: RefCell<Stamp>,
    /// The `ETag` of the list that this worker holds.
    etag: RefCell<Vec<u8>>,
    metrics: ListMetrics,
}

/// When the document came and when it was last known to be current, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    came_ms: u64,
    checked_ms: u64,
}

impl Polling {
    pub(super) fn new(gateway: &Gateway) -> Self {
        let lists = gateway.revocations().remotes().map(|(list, id, source)| Polled::new(list, id, source));
        let polling = Self {
            board: RefCell::new(gateway.revocations().board()),
            lists: lists.collect(),
            under_way: RefCell::default(),
        };
        polling.read_shared();
        polling
    }

    pub(super) fn with_board<T>(&self, with: impl FnOnce(&Board) -> T) -> T {
        with(&self.board.borrow())
    }

    pub(super) fn is_polling(&self) -> bool {
        !self.under_way.borrow().is_empty()
    }

    pub(super) fn pace(&self) -> Pace {
        let board = self.board.borrow();
        match self.lists.iter().any(|polled| board.checked_ms(polled.list).is_none()) {
            true => Pace::Waiting,
            false if self.lists.is_empty() => Pace::Idle,
            false => Pace::Polling,
        }
    }

    /// Reads what other workers got, asks for what is due, and tells how old the lists are.
    pub(super) fn tick(&self, gateway: &Gateway, now_ms: u64) {
        self.read_shared();
        for (place, polled) in self.lists.iter().enumerate() {
            let is_due = self.board.borrow().is_due(polled.list, polled.source.poll, now_ms);
            if let Some(lease) = is_due.then(|| polled.lease(gateway, now_ms)).flatten() {
                match polled.ask() {
                    Some(token) => {
                        let next_ms = polled.next_ms(now_ms);
                        self.under_way.borrow_mut().insert(token, Poll { place, lease, next_ms });
                    }
                    None => polled.metrics.count_poll("undispatched"),
                }
            }
            let (board, revocations) = (self.board.borrow(), gateway.revocations());
            let age_ms = revocations.age_ms(&board, polled.list, now_ms);
            let is_stale = revocations.is_stale(&board, polled.list, now_ms);
            polled.metrics.tell(age_ms, is_stale, board.entries(polled.list));
        }
    }

    /// Takes an answer, if it is one of these.
    pub(super) fn receive(&self, gateway: &Gateway, token: u32, delivery: Delivery, now_ms: u64) {
        let Some(poll) = self.under_way.borrow_mut().remove(&token) else { return };
        let Some(polled) = self.lists.get(poll.place) else { return };
        poll.lease.end(gateway, now_ms, poll.next_ms);
        match self.accept(polled, delivery, now_ms) {
            Ok(outcome) => polled.metrics.count_poll(outcome),
            Err(why) => {
                polled.metrics.count_poll("failed");
                warn!("claimgate: the revocation list `{}`: {why}; the last good one stays", polled.id);
            }
        }
    }

    fn accept(&self, polled: &Polled, delivery: Delivery, now_ms: u64) -> Result<&'static str, String> {
        let Fetched::Document(document) = fetch::answer(delivery, MAX_DOCUMENT_BYTES)? else {
            self.board.borrow_mut().confirm(polled.list, now_ms);
            polled.confirm(now_ms);
            return Ok("unchanged");
        };
        self.board.borrow_mut().accept(polled.list, &document, now_ms)?;
        let etag = fetch::answer_header("etag").unwrap_or_default();
        polled.share(&etag, &document, now_ms);
        *polled.etag.borrow_mut() = etag;
        Ok("ok")
    }

    fn read_shared(&self) {
        for polled in &self.lists {
            let Some(stamp) = polled.stamp() else { continue };
            let seen = *polled.seen.borrow();
            if stamp == seen {
                continue;
            }
            let mut board = self.board.borrow_mut();
            if stamp.came_ms != seen.came_ms {
                // It was read once already, by the worker that got it.
                let Some((etag, document)) = polled.shared() else { continue };
                if board.accept(polled.list, &document, stamp.checked_ms).is_err() {
                    continue;
                }
                *polled.etag.borrow_mut() = etag;
            }
            board.confirm(polled.list, stamp.checked_ms);
            *polled.seen.borrow_mut() = stamp;
        }
    }
}

impl Polled {
    fn new(list: usize, id: &str, source: &PolledDocument) -> Self {
        let name = place(source).name();
        let polled = Self {
            list,
            id: id.to_owned(),
            source: source.clone(),
            document_key: format!("claimgate.revocations.{name}"),
            stamp_key: format!("claimgate.revocations.{name}.stamp"),
            seen: RefCell::default(),
            etag: RefCell::default(),
            metrics: ListMetrics::define(id),
        };
        shared_data::create(&polled.document_key, &NOTHING);
        shared_data::create(&polled.stamp_key, &NOTHING);
        polled
    }

    /// No other worker asks while this one waits for the answer. Two configurations with different paces do not wait
    /// for each other.
    fn lease(&self, gateway: &Gateway, now_ms: u64) -> Option<Lease> {
        let (poll_ms, timeout_ms) = (self.source.poll.milliseconds(), self.source.timeout.milliseconds());
        let pace = [poll_ms.to_le_bytes(), timeout_ms.to_le_bytes()].concat();
        let key = compose(&[b"revocations", self.document_key.as_bytes(), &pace]);
        Lease::take(gateway, key, now_ms, poll_ms.max(timeout_ms).saturating_add(LEASE_SLACK_MS))
    }

    /// A little before the pace has passed, or the tick that comes just then would find the lease still held.
    fn next_ms(&self, asked_ms: u64) -> u64 {
        asked_ms.saturating_add(self.source.poll.milliseconds()).saturating_sub(LEASE_SLACK_MS)
    }

    /// Sends the request; `None` where Envoy does not even take it.
    fn ask(&self) -> Option<u32> {
        // That of the list which this worker holds: a 304 must be about that one.
        let etag = String::from_utf8(self.etag.borrow().clone()).unwrap_or_default();
        let mut headers = vec![("accept", "application/json")];
        headers.extend((!etag.is_empty()).then_some(("if-none-match", etag.as_str())));
        place(&self.source).ask(&format!("the revocation list `{}`", self.id), self.source.timeout, &headers)
    }

    fn stamp(&self) -> Option<Stamp> {
        let (bytes, _) = shared_data::read(&self.stamp_key)?;
        let (came, checked) = bytes.split_first_chunk::<8>()?;
        let checked = checked.first_chunk::<8>()?;
        Some(Stamp { came_ms: u64::from_le_bytes(*came), checked_ms: u64::from_le_bytes(*checked) })
    }

    /// The `ETag` and the document.
    fn shared(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (bytes, _) = shared_data::read(&self.document_key)?;
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (etag, document) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        Some((etag.to_vec(), document.to_vec()))
    }

    fn share(&self, etag: &[u8], document: &[u8], now_ms: u64) {
        // Without a tag that fits, the next request is for the whole document.
        let (etag, length) = match u16::try_from(etag.len()) {
            Ok(length) => (etag, length),
            Err(_) => (b"".as_slice(), 0),
        };
        let value = [length.to_le_bytes().as_slice(), etag, document].concat();
        shared_data::replace(&self.document_key, &value);
        self.write(Stamp { came_ms: now_ms, checked_ms: now_ms });
    }

    /// The others may rely on it where they hold the same list.
    fn confirm(&self, now_ms: u64) {
        let seen = *self.seen.borrow();
        match self.stamp() {
            Some(stamp) if stamp.came_ms == seen.came_ms => self.write(Stamp { checked_ms: now_ms, ..stamp }),
            // A newer one came meanwhile; the next tick reads it.
            _ => {}
        }
    }

    fn write(&self, stamp: Stamp) {
        let value = [stamp.came_ms.to_le_bytes(), stamp.checked_ms.to_le_bytes()].concat();
        shared_data::replace(&self.stamp_key, &value);
        *self.seen.borrow_mut() = stamp;
    }
}

fn place(source: &PolledDocument) -> Place<'_> {
    Place { cluster: &source.cluster, host: &source.host, path: &source.path }
}
