//! What a call may cost before it goes, and what it has cost when it is over.

use super::{Body, Call, Ending, Gateway, Known, Memory};
use crate::dialect::{ModelPlace, Operation};
use crate::ledger::Store;
use crate::quota::{Cost, Size, Till};

impl Gateway {
    /// Charges what a call has cost in the place of what quotas held for it. To be called once, when it is over; what has
    /// to be tried again is kept in `memory`.
    pub fn settle_call(&self, call: &mut Call, ending: &Ending, store: &dyn Store, memory: &Memory) {
        let held = std::mem::take(&mut call.held);
        if held.is_empty() {
            return;
        }
        let owed = self.quotas.settle(held, cost_of(ending), self.till(store, memory, ending.now_ms));
        memory.owe(owed);
    }

    /// Tries again to charge what could not be.
    pub fn collect(&self, store: &dyn Store, memory: &Memory, now_ms: u64) {
        let owed = memory.take_owed();
        if !owed.is_empty() {
            memory.owe(self.quotas.collect(owed, self.till(store, memory, now_ms)));
        }
    }

    pub(super) fn till<'a>(&'a self, store: &'a dyn Store, memory: &'a Memory, now_ms: u64) -> Till<'a> {
        Till { ledger: &self.ledger, store, allotments: &memory.allotments, now_ms }
    }
}

/// As much as is known before the call goes.
pub(super) fn size_of(call: &Call, known: &Known<'_>) -> Size {
    let announced = || call.head.text("content-length").and_then(|length| length.trim().parse().ok());
    let body_bytes = match known.body {
        Body::Complete(body) => u64::try_from(body.len()).ok(),
        Body::Coming | Body::Beginning(_) => announced(),
    };
    let max_tokens = call.body.as_ref().and_then(|body| body.max_tokens);
    let is_done_later =
        |operation: &Operation| operation.is_stateful() && operation.model_place() == ModelPlace::Elsewhere;
    let is_unseen = call.head.is_upgrade() || call.operation.as_deref().is_some_and(is_done_later);
    Size { body_bytes, max_tokens, is_unseen }
}

/// A provider that did not answer, or refused, charges nothing; of what is not known, nothing is given away.
fn cost_of(ending: &Ending) -> Cost {
    match &ending.usage {
        None => Cost::NOTHING,
        Some(usage) => Cost {
            input: usage.counts.input,
            output: usage.counts.output,
            total: usage.counts.total,
            is_whole: usage.is_complete,
        },
    }
}
