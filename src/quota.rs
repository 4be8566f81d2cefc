//! Quotas: a limit for each descriptor, counted on the ledger.
//!
//! `charges` says which quotas a call meets; `admit` is the only step of a walk that spends. It returns an
//! [`Admission`], which only this room can make; without one no provider credential is attached. An expression that
//! errs, a full ledger and a lost compare-and-set all deny. What only the provider's answer tells is held until
//! `settle`.
//!
//! Quotas that the rate limit service counts come last: what was taken of the others goes back where it refuses, but what
//! it has counted it cannot give back. While it is asked, the call is [`Pending`].

mod admission;
mod answer;
mod asking;
mod basket;
mod batch;
mod charged;
mod cost;
mod debts;
mod due;
mod global;
mod measure;
mod overrides;
mod refusal;
mod single;
mod window;

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::config::{self, ConfigError, Mode, Unit};
use crate::denial::{Denial, Reason};
use crate::expression::{Engine, Reads};
use crate::identity::Principal;
use crate::ledger::{Allotments, Budget, Count, Ledger, LedgerError, RemoteCounter, Store};
use crate::policy::CallFacts;

use admission::{Hold, shortage, tell};
use basket::Basket;
use due::{Due, Standing};
use single::{Charge, Quota};

#[cfg(test)]
pub(crate) use global::scripted;

pub use admission::{Admission, Held};
pub use answer::Answer;
pub use asking::Pending;
pub use batch::{Ask, Batch};
pub use charged::Charged;
pub use cost::{Cost, Size};
pub use debts::{Debts, Report};
pub use global::{
    Descriptor, Global, PER_KEY, QUOTA_KEY, Service, ServiceUnit, ServiceWindow, WINDOW_KEY, entry_value,
};

/// The compiled quotas of one configuration.
#[derive(Debug)]
pub struct QuotaSet {
    quotas: Vec<Quota>,
    reads: Reads,
    service: Option<Service>,
}

/// The counters and the clock of this walk.
#[derive(Clone, Copy)]
pub struct Till<'a> {
    pub ledger: &'a Ledger,
    pub store: &'a dyn Store,
    /// What this worker has charged ahead.
    pub allotments: &'a Allotments,
    /// What this worker owes to the rate limit service.
    pub debts: &'a Debts,
    pub now_ms: u64,
}

/// What could not be charged because the ledger was contended.
#[derive(Debug)]
pub struct Owed {
    held: Held,
    cost: Cost,
}

/// What a call would be charged: a function of its facts, worked out before anything is spent.
#[derive(Debug)]
pub struct Charges {
    /// What is left of a minted token, which each request of it costs.
    budget: Option<Budget>,
    due: Vec<Charge>,
    shadow_denials: Vec<String>,
}

/// How far a call has come.
#[derive(Debug)]
pub enum Admitting {
    Done(Admission),
    /// The rate limit service is to be asked.
    Asks(Pending),
}

impl QuotaSet {
    /// # Errors
    /// Two quotas with one id, a window that cannot be kept, or an expression that does not compile.
    pub fn compile(
        quotas: &[config::Quota],
        service: Option<Service>,
        engine: &Engine,
    ) -> Result<Self, ConfigError> {
        let mut ids = BTreeSet::new();
        let mut reads = Reads::default();
        let mut compiled = Vec::with_capacity(quotas.len());
        for (index, quota) in quotas.iter().enumerate() {
            let at = format!("quotas[{index}]");
            if !ids.insert(quota.id.as_str()) {
                return Err(ConfigError::new(
                    format!("{at}.id"),
                    format!("the quota `{}` is listed twice", quota.id),
                ));
            }
            let quota = Quota::compile(quota, &at, service.as_ref(), engine)?;
            quota.read_into(&mut reads);
            compiled.push(quota);
        }
        Ok(Self { quotas: compiled, reads, service })
    }

    /// What all quotas together read.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// What the quotas read that could refuse.
    pub fn enforced_reads(&self) -> Reads {
        let mut reads = Reads::default();
        let enforced = self.quotas.iter().filter(|quota| quota.mode == Mode::Enforce);
        enforced.for_each(|quota| quota.read_into(&mut reads));
        reads
    }

    /// What this call would be charged.
    ///
    /// # Errors
    /// An expression of an enforced quota that errs.
    pub fn charges(&self, engine: &Engine, facts: &CallFacts<'_>) -> Result<Charges, Denial> {
        let due = Vec::with_capacity(self.quotas.len());
        let mut charges = Charges { budget: budget(facts.principal), due, shadow_denials: Vec::new() };
        if self.quotas.is_empty() {
            return Ok(charges);
        }
        let owner = facts.principal.owner();
        let scope = engine.scope(&self.reads, facts);
        for (place, quota) in self.quotas.iter().enumerate() {
            match (quota.charge((place, owner), facts.operation, &scope), quota.mode) {
                (Ok(charge), _) => charges.due.extend(charge),
                (Err(_), Mode::Shadow) => charges.shadow_denials.push(quota.id.to_string()),
                (Err(denial), Mode::Enforce) => return Err(denial),
            }
        }
        Ok(charges)
    }

    /// True where a quota counts what depends on the size of a request.
    pub fn measures_size(&self) -> bool {
        self.quotas.iter().any(|quota| quota.measure.unit().is_metered())
    }

    /// True where a quota counts money.
    pub fn needs_prices(&self) -> bool {
        self.quotas.iter().any(|quota| quota.measure.unit() == Unit::Microdollars)
    }

    /// True where a quota that could refuse counts what only the provider's answer tells.
    pub fn needs_usage(&self) -> bool {
        self.quotas.iter().any(|quota| quota.measure.unit().is_metered() && quota.mode == Mode::Enforce)
    }

    /// The rate limit service, where a quota is counted by it.
    pub fn service(&self) -> Option<&Service> {
        self.service.as_ref().filter(|_| self.quotas.iter().any(|quota| quota.global.is_some()))
    }

    /// Charges the token's budget and every quota that applies, or nothing.
    pub fn admit(&self, charges: &Charges, size: &Size<'_>, till: Till<'_>) -> Result<Admitting, Denial> {
        let mut basket = Basket::new(charges.shadow_denials.clone(), till.now_ms);
        if let Some(budget) = charges.budget {
            tell(&mut basket.rates, Unit::Requests, &spend_budget(&budget, till)?);
            basket.budget = Some(budget);
        }
        match self.charge(&mut basket, charges, size, till) {
            Ok(due) if due.is_empty() => Ok(Admitting::Done(basket.admitted(self, till))),
            Ok(due) => Ok(Admitting::Asks(self.pending(basket, due))),
            Err(denial) => {
                basket.give_back(self, till);
                Err(denial)
            }
        }
    }

    /// Goes on with what the rate limit service has said.
    pub fn resume(&self, pending: Pending, answer: &Answer, till: Till<'_>) -> Result<Admission, Denial> {
        let Pending { mut basket, due, .. } = pending;
        match self.hear(&mut basket, &due, answer, till) {
            Ok(()) => Ok(basket.admitted(self, till)),
            Err(denial) => {
                basket.give_back(self, till);
                Err(denial)
            }
        }
    }

    /// The call does not wait any more.
    pub fn give_up(&self, pending: Pending, till: Till<'_>) {
        pending.basket.give_back(self, till);
    }

    /// Takes what this Envoy knows to be there, and returns what the service is to be asked for.
    fn charge(
        &self,
        basket: &mut Basket,
        charges: &Charges,
        size: &Size<'_>,
        till: Till<'_>,
    ) -> Result<Vec<Due>, Denial> {
        let mut due = Vec::new();
        let shared = |charge: &&Charge| self.is_shared(charge.quota);
        let own = charges.due.iter().filter(|charge| !shared(charge));
        for charge in own.chain(charges.due.iter().filter(shared)) {
            let Some(quota) = self.quotas.get(charge.quota) else {
                return Err(
                    Denial::new(Reason::QuotaUnavailable).with_note("charges of another configuration")
                );
            };
            let standing = match &quota.global {
                Some(global) => quota.stand(global, charge, size, till),
                None => quota.take(charge, size, till),
            };
            match standing {
                Ok(Standing::Taken(portion, count)) => {
                    basket.put(charge.quota, portion);
                    basket.tell(quota.mode, quota.measure.unit(), count);
                }
                Ok(Standing::Due(asked)) => due.push(asked),
                Err(denial) => basket.refuse(quota.mode, &quota.id, denial)?,
            }
        }
        Ok(due)
    }

    fn is_shared(&self, place: usize) -> bool {
        self.quotas.get(place).is_some_and(|quota| quota.global.is_some())
    }

    /// The ids and units of all quotas, in their places.
    pub fn named(&self) -> impl Iterator<Item = (&str, Unit)> {
        self.quotas.iter().map(|quota| (&*quota.id, quota.measure.unit()))
    }

    /// What [`Self::settle`] charges for a request that cost so much.
    pub fn charged<'a>(&'a self, held: &'a [Held], cost: &'a Cost) -> impl Iterator<Item = Charged> + 'a {
        held.iter().filter_map(|held| {
            let quota = self.quotas.get(held.quota)?;
            quota.charged(held.quota, cost.of(quota.measure.unit(), held.reservation.amount()))
        })
    }

    /// Charges what a request cost in the place of what it held. Returns what could not be charged, to be tried again.
    pub fn settle(&self, held: Vec<Held>, cost: Cost, till: Till<'_>) -> Vec<Owed> {
        self.collect(held.into_iter().map(|held| Owed { held, cost }).collect(), till)
    }

    /// Tries again what could not be charged, and returns what still cannot.
    pub fn collect(&self, owed: Vec<Owed>, till: Till<'_>) -> Vec<Owed> {
        owed.into_iter().filter(|owed| !self.is_settled(owed, till)).collect()
    }

    fn is_settled(&self, Owed { held, cost }: &Owed, till: Till<'_>) -> bool {
        let Some(quota) = self.quotas.get(held.quota) else { return true };
        match &held.hold {
            Hold::Own => quota.measure.settle(&held.reservation, cost, till).is_ok(),
            Hold::Shared(descriptor) => {
                let cost = cost.of(quota.measure.unit(), held.reservation.amount()).min(debts::HIGHEST);
                let at = (till.ledger, till.store);
                if RemoteCounter::settle(at, &held.reservation, cost, till.now_ms)
                    == Err(LedgerError::Contended)
                {
                    return false;
                }
                // Where the ledger is broken, the service is told all the same.
                till.debts.add(Rc::clone(descriptor), cost, till.now_ms);
                true
            }
        }
    }
}

/// What a minted token may spend at most.
fn budget(principal: &Principal) -> Option<Budget> {
    let requests = principal.minted.as_ref()?.limits.requests?;
    let ends_ms = principal.expires_at.unwrap_or_default().saturating_mul(1000);
    Some(Budget::new(principal.credential_id.as_bytes(), requests, ends_ms).made_by(principal.owner()))
}

fn spend_budget(budget: &Budget, till: Till<'_>) -> Result<Count, Denial> {
    match budget.spend(till.ledger, till.store, till.now_ms) {
        Ok(count) if count.admitted => Ok(count),
        Ok(count) => {
            let shortage = shortage(Unit::Requests, &count, till.now_ms);
            Err(Denial::new(Reason::TokenBudgetExhausted).short_of(shortage))
        }
        Err(error) => {
            let reason = match error {
                LedgerError::Crowded => Reason::TooManyCounters,
                LedgerError::Contended | LedgerError::Full | LedgerError::Absent => Reason::QuotaUnavailable,
            };
            Err(Denial::new(reason).with_note(error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests;
