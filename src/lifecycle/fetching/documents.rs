//! Polls the documents of a configuration, revocation lists and key feeds alike: one worker asks, all workers read.
//!
//! As with key sets, a lease on the ledger is both the single flight and the pace.

use std::cell::RefCell;

use hashbrown::HashMap;

use super::fetch::{self, Delivery, Fetched};
use super::lease::Lease;
use super::shared_document::SharedDocument;
use crate::gateway::{Gateway, Polled};
use crate::last_known_good;
use crate::lifecycle::context::Context;
use crate::lifecycle::host::{House, Level};

/// The documents of one configuration in one worker.
pub(in crate::lifecycle) struct Documents {
    polled: RefCell<Polled>,
    documents: Vec<SharedDocument>,
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
pub(in crate::lifecycle) enum Pace {
    Idle,
    Polling,
    /// A document has never come.
    Waiting,
}

impl Documents {
    pub(in crate::lifecycle) fn new(gateway: &Gateway, house: &dyn House) -> Self {
        let open = |(remote, id, source)| SharedDocument::open(house, remote, (id, source));
        let documents = Self {
            polled: RefCell::new(gateway.polled()),
            documents: gateway.remotes().map(open).collect(),
            under_way: RefCell::default(),
        };
        documents.read_shared(gateway, house);
        documents
    }

    pub(in crate::lifecycle) fn with<T>(&self, with: impl FnOnce(&Polled) -> T) -> T {
        with(&self.polled.borrow())
    }

    pub(in crate::lifecycle) fn is_polling(&self) -> bool {
        !self.under_way.borrow().is_empty()
    }

    pub(in crate::lifecycle) fn pace(&self) -> Pace {
        let polled = self.polled.borrow();
        match self.documents.iter().any(|document| polled.checked_ms(document.remote).is_none()) {
            true => Pace::Waiting,
            false if self.documents.is_empty() => Pace::Idle,
            false => Pace::Polling,
        }
    }

    /// Reads what other workers got, asks for what is due, and tells how old the documents are.
    pub(in crate::lifecycle) fn tick(&self, context: Context<'_>, now_ms: u64) {
        let Context { gateway, house, .. } = context;
        self.read_shared(gateway, house);
        for (place, document) in self.documents.iter().enumerate() {
            let (checked_ms, entries) =
                self.with(|polled| (polled.checked_ms(document.remote), polled.entries(document.remote)));
            let is_due = last_known_good::is_due(&document.source, checked_ms, now_ms);
            if let Some(lease) = is_due.then(|| document.lease(context, now_ms)).flatten() {
                match document.ask(house) {
                    Some(token) => {
                        let next_ms = document.next_ms(now_ms);
                        self.under_way.borrow_mut().insert(token, Poll { place, lease, next_ms });
                    }
                    None => document.metrics.count_poll(house, "undispatched"),
                }
            }
            let age_ms = checked_ms.map(|checked| now_ms.saturating_sub(checked));
            let is_stale = last_known_good::is_stale(&document.source, checked_ms, now_ms);
            document.metrics.tell(house, age_ms, is_stale, entries);
        }
    }

    /// Takes an answer, if it is one of these.
    pub(in crate::lifecycle) fn receive(
        &self,
        context: Context<'_>,
        token: u32,
        delivery: Delivery,
        now_ms: u64,
    ) {
        let Context { gateway, house, .. } = context;
        let Some(poll) = self.under_way.borrow_mut().remove(&token) else { return };
        let Some(document) = self.documents.get(poll.place) else { return };
        poll.lease.end(context, now_ms, poll.next_ms);
        // Whether a feed can be taken depends on the others, of which another worker may have got a newer one.
        self.read_shared(gateway, house);
        match self.accept(context, document, delivery, now_ms) {
            Ok(outcome) => document.metrics.count_poll(house, outcome),
            Err(why) => {
                document.metrics.count_poll(house, "failed");
                let noun = document.remote.noun();
                let text = format!("{noun} `{}`: {why}; the last good one stays", document.id);
                house.log(Level::Warning, &text);
            }
        }
    }

    fn accept(
        &self,
        Context { gateway, house, .. }: Context<'_>,
        document: &SharedDocument,
        delivery: Delivery,
        now_ms: u64,
    ) -> Result<&'static str, String> {
        let mut polled = self.polled.borrow_mut();
        let body = match fetch::answer(house, delivery, document.remote.limit())? {
            Fetched::Document(body) if !document.is_held(house, &body) => body,
            Fetched::Document(_) | Fetched::Unchanged => {
                polled.confirm(document.remote, now_ms);
                document.confirm(house, now_ms);
                return Ok("unchanged");
            }
        };
        gateway.accept(&mut polled, document.remote, &body, now_ms)?;
        document.share(house, house.fetched_header("etag").unwrap_or_default(), body, now_ms);
        Ok("ok")
    }

    fn read_shared(&self, gateway: &Gateway, house: &dyn House) {
        for document in &self.documents {
            let Some(stamp) = document.news(house) else { continue };
            let mut polled = self.polled.borrow_mut();
            if document.is_newer(stamp) {
                let Some((etag, body)) = document.content(house) else { continue };
                // It was taken once already, by the worker that got it; under another configuration, or beside other
                // feeds, it may still be wrong. Then it is asked for again, and told why.
                if gateway.accept(&mut polled, document.remote, &body, stamp.checked_ms).is_err() {
                    document.refuse(stamp);
                    continue;
                }
                document.take(etag);
            }
            polled.confirm(document.remote, stamp.checked_ms);
            document.see(stamp);
        }
    }
}
