//! What requests have cost and the rate limit service has not been told yet, added up per counter; of one worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hashbrown::HashMap;

use super::global::{Descriptor, DescriptorStatus, Global, Service, Word, interpret, read};
use super::{QuotaSet, Till};

/// The most counters of which something is owed: what another one costs is not reported.
const MOST: usize = 10_000;

/// The most counters in one report.
const MOST_AT_ONCE: usize = 200;

/// How long what is less than one hit waits for more, in milliseconds; then it counts as one.
const PATIENCE_MS: u64 = 60_000;

/// The highest amount that is owed of one counter, so that sums stay far from the bounds of their types.
pub(super) const HIGHEST: u64 = 1 << 40;

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

/// A report that is under way.
#[derive(Debug)]
pub struct Report {
    charges: Vec<Reported>,
    message: Vec<u8>,
}

#[derive(Debug)]
struct Reported {
    descriptor: Rc<Descriptor>,
    hits: u64,
    /// As the ledger has it.
    amount: u64,
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

    pub(super) fn add(&self, descriptor: Rc<Descriptor>, amount: u64, now_ms: u64) {
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

    fn drop_charges(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.dropped.set(self.dropped.get().saturating_add(count));
    }

    /// Takes out what can be reported; what is less than a hit stays.
    fn take(&self, quotas: &QuotaSet, now_ms: u64) -> Vec<Reported> {
        let mut owed = self.owed.borrow_mut();
        let charged = owed.iter().filter_map(|(descriptor, debt)| {
            let (hits, rest) = quotas.global(descriptor)?.hits(debt.amount);
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

impl Report {
    /// The request to the service.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Of how many counters it tells.
    pub fn len(&self) -> usize {
        self.charges.len()
    }

    pub fn is_empty(&self) -> bool {
        self.charges.is_empty()
    }
}

impl QuotaSet {
    /// What is to be reported now, of as many counters as one report takes.
    pub fn report(&self, debts: &Debts, now_ms: u64) -> Option<Report> {
        let service = self.service.as_ref()?;
        let charges = debts.take(self, now_ms);
        if charges.is_empty() {
            return None;
        }
        let asked = charges
            .iter()
            .filter_map(|charge| Some((self.global(&charge.descriptor)?, &*charge.descriptor, charge.hits)));
        let message = service.request(std::iter::once(Service::descriptors(asked).as_slice()));
        Some(Report { charges, message })
    }

    /// Takes off what the service has counted, and learns what it says is left. What it has not counted is owed again.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn reported(
        &self,
        report: Report,
        answer: Result<&[u8], String>,
        asked_ms: u64,
        till: Till<'_>,
    ) -> Result<(), String> {
        let statuses = answer.and_then(|answer| read(answer, report.charges.len()));
        let statuses = statuses.inspect_err(|_| self.owe_again(&report, till))?;
        let told = report.charges.iter().zip(statuses);
        let unknown = told.filter(|(charge, status)| !self.relieve(charge, status, asked_ms, till)).count();
        till.debts.drop_charges(unknown);
        match unknown {
            0 => Ok(()),
            unknown => {
                Err(format!("the service does not know {unknown} of the counters that it was told of"))
            }
        }
    }

    /// What could not be sent is owed again.
    pub fn owe_again(&self, report: &Report, till: Till<'_>) {
        for Reported { descriptor, amount, .. } in &report.charges {
            till.debts.add(Rc::clone(descriptor), *amount, till.now_ms);
        }
    }

    /// False where the service has not counted it.
    fn relieve(&self, charge: &Reported, status: &DescriptorStatus, asked_ms: u64, till: Till<'_>) -> bool {
        let Some(global) = self.global(&charge.descriptor) else { return false };
        let (told, is_known) = match interpret(status, global, asked_ms) {
            Word::Within(told) | Word::Over(told) => (Some(told), true),
            Word::Unlimited => (None, true),
            Word::Unconfigured(_) => (None, false),
        };
        let counter = global.remote_counter(&charge.descriptor);
        // Where that fails it stays on the ledger: it errs on the strict side and leaves by itself.
        let _ = counter.release((till.ledger, till.store), charge.amount, told, till.now_ms);
        is_known
    }

    fn global(&self, descriptor: &Descriptor) -> Option<&Global> {
        self.quotas.get(descriptor.place)?.global.as_ref()
    }
}
