//! Quotas: a limit for each descriptor, counted on the ledger.
//!
//! `charges` says which quotas a call meets; `admit` is the only step of a walk that spends. It returns an
//! [`Admission`], which only this room can make; without one no provider credential is attached. An expression that
//! errs, a full ledger and a lost compare-and-set all deny. What only the provider's answer tells is held until
//! `settle`.

mod admission;
mod charged;
mod cost;
mod global;
mod measure;
mod single;

use std::collections::BTreeSet;

use crate::config::{self, ConfigError, Mode, RateLimitService, Unit};
use crate::denial::{Denial, Reason};
use crate::expression::{Engine, Reads};
use crate::identity::Principal;
use crate::ledger::{Allotments, Budget, Count, Ledger, Reservation, Store};
use crate::policy::CallFacts;

use admission::Tightest;
use single::{Charge, Quota};

pub use admission::{Admission, Held};
pub use charged::Charged;
pub use cost::{Cost, Size};
pub use global::{
    Global, PER_KEY, QUOTA_KEY, ServiceUnit, ServiceWindow, WINDOW_KEY, check_service, entry_value,
};

/// The compiled quotas of one configuration.
#[derive(Debug)]
pub struct QuotaSet {
    quotas: Vec<Quota>,
    reads: Reads,
}

/// The counters and the clock of this walk.
#[derive(Clone, Copy)]
pub struct Till<'a> {
    pub ledger: &'a Ledger,
    pub store: &'a dyn Store,
    /// What this worker has charged ahead.
    pub allotments: &'a Allotments,
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

/// What one quota has charged, or holds.
type Taken<'a> = (&'a Quota, &'a Charge, Option<Reservation>);

impl QuotaSet {
    /// # Errors
    /// Two quotas with one id, a window that cannot be kept, or an expression that does not compile.
    pub fn compile(
        quotas: &[config::Quota],
        service: Option<&RateLimitService>,
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
            let quota = Quota::compile(quota, &at, service, engine)?;
            quota.read_into(&mut reads);
            compiled.push(quota);
        }
        Ok(Self { quotas: compiled, reads })
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
        let scope = engine.scope(&self.reads, facts);
        for (place, quota) in self.quotas.iter().enumerate() {
            match (quota.charge(place, facts.operation, &scope), quota.mode) {
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

    /// Charges the token's budget and every quota that applies, or nothing.
    pub fn admit(&self, charges: &Charges, size: &Size<'_>, till: Till<'_>) -> Result<Admission, Denial> {
        let Some(budget) = &charges.budget else { return self.charge(charges, size, None, till) };
        let count = spend_budget(budget, till)?;
        self.charge(charges, size, Some(count), till).inspect_err(|_| {
            let _ = budget.give_back(till.ledger, till.store, till.now_ms);
        })
    }

    fn charge(
        &self,
        charges: &Charges,
        size: &Size<'_>,
        budget: Option<Count>,
        till: Till<'_>,
    ) -> Result<Admission, Denial> {
        let mut tightest = Tightest::of_requests(budget);
        let mut shadow_denials = charges.shadow_denials.clone();
        let mut taken: Vec<Taken<'_>> = Vec::with_capacity(charges.due.len());
        for charge in &charges.due {
            let Some(quota) = self.quotas.get(charge.quota) else {
                give_back(&taken, till);
                return Err(
                    Denial::new(Reason::QuotaUnavailable).with_note("charges of another configuration")
                );
            };
            match (quota.take(charge, size, till), quota.mode) {
                (Ok((count, held)), mode) => {
                    taken.push((quota, charge, held));
                    if mode == Mode::Enforce {
                        tightest.note(quota.measure.unit(), count);
                    }
                }
                (Err(_), Mode::Shadow) => shadow_denials.push(quota.id.to_string()),
                (Err(denial), Mode::Enforce) => {
                    give_back(&taken, till);
                    return Err(denial);
                }
            }
        }
        let (mut held, mut charged) = (Vec::new(), Vec::new());
        for (quota, charge, reservation) in taken {
            match reservation {
                Some(reservation) => held.push(Held { quota: charge.quota, reservation }),
                None => charged.extend(quota.charged(charge.quota, 1)),
            }
        }
        Ok(Admission { headers: tightest.headers(), shadow_denials, held, charged })
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
        let is_owed = |owed: &Owed| {
            let quota = self.quotas.get(owed.held.quota);
            quota.is_some_and(|quota| quota.measure.settle(&owed.held.reservation, &owed.cost, till).is_err())
        };
        owed.into_iter().filter(is_owed).collect()
    }
}

/// A request that one quota refuses costs nothing in the others.
fn give_back(taken: &[Taken<'_>], till: Till<'_>) {
    for (quota, charge, held) in taken {
        quota.measure.give_back(&charge.counter, held.as_ref(), till);
    }
}

/// What a minted token may spend at most.
fn budget(principal: &Principal) -> Option<Budget> {
    let requests = principal.minted.as_ref()?.limits.requests?;
    let ends_ms = principal.expires_at.unwrap_or_default().saturating_mul(1000);
    Some(Budget::new(principal.credential_id.as_bytes(), requests, ends_ms))
}

fn spend_budget(budget: &Budget, till: Till<'_>) -> Result<Count, Denial> {
    match budget.spend(till.ledger, till.store, till.now_ms) {
        Ok(count) if count.admitted => Ok(count),
        Ok(count) => Err(Denial::new(Reason::TokenBudgetExhausted)
            .with_headers(Tightest::of_requests(Some(count)).headers())),
        Err(error) => Err(Denial::new(Reason::QuotaUnavailable).with_note(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
