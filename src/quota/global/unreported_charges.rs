//! What requests have cost and the rate limit service has not been told yet, added up per counter; of one worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hashbrown::HashMap;

use super::descriptor::Descriptor;

/// The most counters of which something is owed: what another one costs is not reported.
const MOST: usize = 10_000;

/// The most counters in one report.
const MOST_AT_ONCE: usize = 200;

/// How long what is less than one hit waits for more, in milliseconds; then it counts as one.
const PATIENCE_MS: u64 = 60_000;

/// The highest amount that is owed of one counter, so that sums stay far from the bounds of their types.
pub(in crate::quota) const HIGHEST: u64 = 1 << 40;

#[derive(Debug, Default)]
pub struct Debts {
    owed: RefCell<HashMap<Rc<Descriptor>, Debt>>,
    dropped: Cell<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Debt {
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

impl Debts {
    /// How many counters something is owed of.
    pub fn len(&self) -> usize {
        self.owed.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.owed.borrow().is_empty()
    }

    /// How many charges were dropped since the last call.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.take()
    }

    /// No more will come: what is less than one hit counts as one.
    pub fn close(&self) {
        self.owed.borrow_mut().values_mut().for_each(|debt| debt.since_ms = 0);
    }

    /// Gives up what is owed.
    pub fn forgive(&self) {
        let owed = std::mem::take(&mut *self.owed.borrow_mut());
        self.drop_charges(owed.len());
    }

    pub(in crate::quota) fn add(&self, descriptor: Rc<Descriptor>, amount: u64, now_ms: u64) {
        if amount == 0 {
            return;
        }
        let mut owed = self.owed.borrow_mut();
        if owed.len() >= MOST && !owed.contains_key(&descriptor) {
            return self.drop_charges(1);
        }
        let debt = owed.entry(descriptor).or_insert(Debt { amount: 0, since_ms: now_ms });
        debt.amount = debt.amount.saturating_add(amount).min(HIGHEST);
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
        let mut owed = self.owed.borrow_mut();
        let charged = owed.iter().filter_map(|(descriptor, debt)| {
            let (hits, rest) = hits(descriptor, debt.amount)?;
            let is_old = now_ms.saturating_sub(debt.since_ms) >= PATIENCE_MS;
            let (hits, amount) = match rest > 0 && is_old {
                true => (hits.saturating_add(1), debt.amount),
                false => (hits, debt.amount.saturating_sub(rest)),
            };
            (hits > 0).then(|| Reported { descriptor: Rc::clone(descriptor), hits, amount })
        });
        let charged: Vec<Reported> = charged.take(MOST_AT_ONCE).collect();
        for Reported { descriptor, amount, .. } in &charged {
            if let Some(debt) = owed.get_mut(descriptor) {
                *debt = Debt { amount: debt.amount.saturating_sub(*amount), since_ms: now_ms };
            }
            if owed.get(descriptor).is_some_and(|debt| debt.amount == 0) {
                owed.remove(descriptor);
            }
        }
        charged
    }
}
