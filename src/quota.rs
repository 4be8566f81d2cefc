//! Quotas: a limit for each descriptor, counted on the ledger.
//!
//! `charges` says which quotas a call meets; `admit` is the only step of a walk that spends. It returns an
//! [`Admission`], which only this room can make; without one no provider credential is attached. An expression that
//! errs, a full ledger and a lost compare-and-set all deny. What only the provider's answer tells is held until
//! `settle`.

mod admission;
mod measure;

use std::collections::BTreeSet;

use crate::config::{self, ConfigError, Mode, Unit};
use crate::denial::{Denial, Reason};
use crate::dialect::Operation;
use crate::expression::{Engine, Expression, Fault, Reads, Scope};
use crate::identity::Principal;
use crate::ledger::{Allotments, Budget, Count, Counter, Ledger, Reservation, Store, compose};
use crate::policy::{CallFacts, VOCABULARY, dry_run};

use crate::price::Rate;

use admission::Tightest;
use measure::Measure;

pub use admission::{Admission, Held};

/// The compiled quotas of one configuration.
#[derive(Debug)]
pub struct QuotaSet {
    quotas: Vec<Quota>,
    reads: Reads,
}

#[derive(Debug)]
struct Quota {
    id: String,
    measure: Measure,
    limit: Limit,
    per: Vec<Expression>,
    when: Option<Expression>,
    mode: Mode,
}

#[derive(Debug)]
enum Limit {
    Number(u64),
    Expression(Expression),
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

/// As much as is known of what a request may cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size<'a> {
    pub body_bytes: Option<u64>,
    /// What the body asks for at most.
    pub max_tokens: Option<u64>,
    /// A tunnel, or work that is done later: no answer that passes here tells its cost.
    pub is_unseen: bool,
    /// What its model costs, where it has a price.
    pub rate: Option<&'a Rate>,
    /// True where a model without a price is let through for nothing.
    pub may_be_unpriced: bool,
}

/// What a request cost: model tokens, and money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub total: Option<u64>,
    pub microdollars: Option<u64>,
    /// False where there may be more.
    pub is_whole: bool,
}

impl Cost {
    /// Of a request whose answer nobody saw.
    pub const UNKNOWN: Self =
        Self { input: None, output: None, total: None, microdollars: None, is_whole: false };
    /// Of a request that the provider did not answer, or refused.
    pub const NOTHING: Self =
        Self { input: Some(0), output: Some(0), total: Some(0), microdollars: Some(0), is_whole: true };
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

/// One quota that applies to a call: its counter and its limit.
#[derive(Debug)]
struct Charge {
    /// Its place in the set.
    quota: usize,
    counter: Counter,
    limit: u64,
}

/// What one quota has charged, or holds.
type Taken<'a> = (&'a Quota, &'a Charge, Option<Reservation>);

impl QuotaSet {
    /// # Errors
    /// Two quotas with one id, a window that cannot be kept, or an expression that does not compile.
    pub fn compile(quotas: &[config::Quota], engine: &Engine) -> Result<Self, ConfigError> {
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
            let quota = Quota::compile(quota, &at, engine)?;
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
                (Err(_), Mode::Shadow) => charges.shadow_denials.push(quota.id.clone()),
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
                (Err(_), Mode::Shadow) => shadow_denials.push(quota.id.clone()),
                (Err(denial), Mode::Enforce) => {
                    give_back(&taken, till);
                    return Err(denial);
                }
            }
        }
        let held = taken.into_iter().filter_map(|(_, charge, reservation)| {
            Some(Held { quota: charge.quota, reservation: reservation? })
        });
        Ok(Admission { headers: tightest.headers(), shadow_denials, held: held.collect() })
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

impl Quota {
    fn compile(quota: &config::Quota, at: &str, engine: &Engine) -> Result<Self, ConfigError> {
        let measure = Measure::compile(quota, at)?;
        if quota.outlives_processes() && quota.durability.is_none() {
            let why = format!(
                "the window `{}` is longer than an hour, and counters live and die with one Envoy process; write `durability: process` to accept that",
                quota.window.map(|window| window.to_string()).unwrap_or_default()
            );
            return Err(ConfigError::new(format!("{at}.durability"), why));
        }
        if quota.per.is_empty() {
            let why =
                "the list is empty; say who shares the quota, such as `principal.subject`, or `'everybody'`";
            return Err(ConfigError::new(format!("{at}.per"), why));
        }
        let per = quota.per.iter().enumerate().map(|(index, text)| {
            compile(&format!("{at}.per[{index}]"), text, engine, Expression::descriptor)
        });
        let when_at = format!("{at}.when");
        let limit_at = format!("{at}.limit");
        Ok(Self {
            id: quota.id.clone(),
            measure,
            limit: match &quota.limit {
                config::Limit::Number(number) => Limit::Number(*number),
                config::Limit::Expression(text) => {
                    Limit::Expression(compile(&limit_at, text, engine, Expression::number)?)
                }
            },
            per: per.collect::<Result<_, _>>()?,
            when: quota
                .when
                .as_deref()
                .map(|text| compile(&when_at, text, engine, Expression::boolean))
                .transpose()?,
            mode: quota.mode,
        })
    }

    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let limit = match &self.limit {
            Limit::Number(_) => None,
            Limit::Expression(expression) => Some(expression),
        };
        self.per.iter().chain(&self.when).chain(limit)
    }

    fn read_into(&self, reads: &mut Reads) {
        self.expressions().for_each(|expression| reads.extend(expression.reads()));
        if self.measure.unit() == Unit::Microdollars {
            // What has the price.
            reads.add("llm", "model");
        }
    }

    /// What this call would be charged; `None` where the quota does not apply.
    fn charge(
        &self,
        place: usize,
        operation: &Operation,
        scope: &Scope<'_>,
    ) -> Result<Option<Charge>, Denial> {
        if self.measure.unit().is_metered() && !operation.is_metered() {
            return Ok(None);
        }
        let faulted =
            |fault: Fault| Denial::new(Reason::QuotaError).by_rule(&self.id).with_note(fault.to_string());
        if let Some(when) = &self.when
            && !when.boolean(scope).map_err(faulted)?
        {
            return Ok(None);
        }
        let limit = match &self.limit {
            Limit::Number(number) => *number,
            Limit::Expression(expression) => expression.number(scope).map_err(faulted)?,
        };
        let values = self.per.iter().map(|expression| expression.descriptor(scope).map_err(faulted));
        let values = values.collect::<Result<Vec<String>, Denial>>()?;
        let parts: Vec<&[u8]> = [&self.id].into_iter().chain(&values).map(|part| part.as_bytes()).collect();
        Ok(Some(Charge { quota: place, counter: self.measure.counter(&compose(&parts)), limit }))
    }

    fn take(
        &self,
        charge: &Charge,
        size: &Size<'_>,
        till: Till<'_>,
    ) -> Result<(Count, Option<Reservation>), Denial> {
        let unit = self.measure.unit();
        if unit.is_metered() && size.is_unseen {
            return Err(Denial::new(Reason::UsageUnknowable).by_rule(&self.id));
        }
        if unit == Unit::Microdollars && size.rate.is_none() && !size.may_be_unpriced {
            return Err(Denial::new(Reason::ModelUnpriced).by_rule(&self.id));
        }
        match self.measure.take((&charge.counter, charge.limit), size, till) {
            Ok((count, held)) if count.admitted => Ok((count, held)),
            Ok((count, _)) => Err(self.refusal(&count)),
            Err(error) => {
                Err(Denial::new(Reason::QuotaUnavailable).by_rule(&self.id).with_note(error.to_string()))
            }
        }
    }

    fn refusal(&self, count: &Count) -> Denial {
        let mut told = Tightest::default();
        told.note(self.measure.unit(), *count);
        let denial = Denial::new(Reason::QuotaExceeded).by_rule(&self.id).with_headers(told.headers());
        match count.retry_ms {
            // The limit is 0: no wait would help.
            Count::NEVER => denial,
            wait => denial.retry_after(wait.div_ceil(1000).max(1)),
        }
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

/// Compiles an expression and runs it once, so that a type error shows when the configuration loads.
fn compile<T>(
    at: &str,
    text: &str,
    engine: &Engine,
    value: fn(&Expression, &Scope<'_>) -> Result<T, Fault>,
) -> Result<Expression, ConfigError> {
    let expression = engine.compile(at, text, &VOCABULARY)?;
    dry_run(at, &expression, engine, value)?;
    Ok(expression)
}

#[cfg(test)]
mod tests;
