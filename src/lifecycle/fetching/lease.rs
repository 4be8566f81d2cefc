//! The right to ask for a document, which one worker of all has at a time.

use crate::ledger::{Entry, Namespace};
use crate::lifecycle::context::Context;

/// A lease on the ledger: both the single flight and the pace.
pub(super) struct Lease {
    key: Vec<u8>,
}

impl Lease {
    /// Takes the lease `key` for at most `for_ms`, where nobody holds it.
    pub(super) fn take(context: Context<'_>, key: Vec<u8>, now_ms: u64, for_ms: u64) -> Option<Self> {
        let ledger = context.gateway.ledger();
        let taken = ledger.lease(context.house, entry(&key), now_ms, for_ms) == Ok(true);
        taken.then_some(Self { key })
    }

    /// Lets it end once the fetch has: the next one may ask from `next_ms` on.
    pub(super) fn end(&self, context: Context<'_>, now_ms: u64, next_ms: u64) {
        // A lease that cannot be shortened ends by itself.
        let _ = context.gateway.ledger().shorten_lease(context.house, entry(&self.key), now_ms, next_ms);
    }
}

fn entry(key: &[u8]) -> Entry<'_> {
    Entry { namespace: Namespace::Lease, key }
}
