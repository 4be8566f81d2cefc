//! What requests have cost and was not reported to the rate limit service yet, added up per counter; of one worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hashbrown::HashMap;

use super::descriptor::Descriptor;

/// The most counters with something to report: what another one costs is dropped.
const MOST: usize = 10_000;

/// The most counters in one report.
const MOST_AT_ONCE: usize = 200;

/// How long what is less than one hit waits for more, in milliseconds; then it counts as one.
const PATIENCE_MS: u64 = 60_000;

/// The highest amount of one counter, so that sums stay far from the bounds of their types.
pub(in crate::quota) const HIGHEST: u64 = 1 << 40;

#[derive(Debug, Default)]
pub struct UnreportedCharges {
    by_counter: RefCell<HashMap<Rc<Descriptor>, Unreported>>,
    dropped: Cell<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Unreported {
    amount: u64,
    since_ms: u64,
}

/// What one counter is charged by a report.
#[derive(Debug)]
pub(super) struct Reported {
    pub(super) descriptor: Rc<Descriptor>,
    pub(super) hits: u64,
    /// As the ledger has it.
    pub(super) amount: u64,
}

impl UnreportedCharges {
    /// How many counters have something to report.
    pub fn len(&self) -> usize {
        self.by_counter.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_counter.borrow().is_empty()
    }

    /// How many charges were dropped since the last call.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.take()
    }

    /// No more will come: what is less than one hit counts as one.
    pub fn close(&self) {
        self.by_counter.borrow_mut().values_mut().for_each(|charge| charge.since_ms = 0);
    }

    /// Drops what is not reported.
    pub fn discard(&self) {
        let charges = std::mem::take(&mut *self.by_counter.borrow_mut());
        self.drop_charges(charges.len());
    }

    pub(in crate::quota) fn add(&self, descriptor: Rc<Descriptor>, amount: u64, now_ms: u64) {
        if amount == 0 {
            return;
        }
        let mut charges = self.by_counter.borrow_mut();
        if charges.len() >= MOST && !charges.contains_key(&descriptor) {
            return self.drop_charges(1);
        }
        let charge = charges.entry(descriptor).or_insert(Unreported { amount: 0, since_ms: now_ms });
        charge.amount = charge.amount.saturating_add(amount).min(HIGHEST);
    }

    pub(super) fn drop_charges(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.dropped.set(self.dropped.get().saturating_add(count));
    }

    /// Takes out what can be reported; what is less than a hit stays. `hits` divides an amount of a counter into whole hits and
    /// what is left of it, where the counter is known.
    pub(super) fn take(
        &self,
        hits: impl Fn(&Descriptor, u64) -> Option<(u64, u64)>,
        now_ms: u64,
    ) -> Vec<Reported> {
        let mut charges = self.by_counter.borrow_mut();
        let charged = charges.iter().filter_map(|(descriptor, charge)| {
            let (hits, rest) = hits(descriptor, charge.amount)?;
            let is_old = now_ms.saturating_sub(charge.since_ms) >= PATIENCE_MS;
            let (hits, amount) = match rest > 0 && is_old {
                true => (hits.saturating_add(1), charge.amount),
                false => (hits, charge.amount.saturating_sub(rest)),
            };
            (hits > 0).then(|| Reported { descriptor: Rc::clone(descriptor), hits, amount })
        });
        let charged: Vec<Reported> = charged.take(MOST_AT_ONCE).collect();
        for Reported { descriptor, amount, .. } in &charged {
            if let Some(charge) = charges.get_mut(descriptor) {
                *charge = Unreported { amount: charge.amount.saturating_sub(*amount), since_ms: now_ms };
            }
            if charges.get(descriptor).is_some_and(|charge| charge.amount == 0) {
                charges.remove(descriptor);
            }
        }
        charged
    }
}
