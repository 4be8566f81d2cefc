//! Quotas: a limit per window for each descriptor, counted on the ledger.
//!
//! `charges` says what a call would cost; `admit` is the only step of a walk that spends. It returns an
//! [`Admission`], which only this room can make; without one no provider credential is attached. An expression that
//! errs, a full ledger and a lost compare-and-set all deny.

use std::collections::BTreeSet;

use crate::config::{self, ConfigError, Mode};
use crate::denial::{Denial, Reason};
use crate::expression::{Engine, Expression, Fault, Reads, Scope};
use crate::identity::Principal;
use crate::ledger::{Allotments, Budget, Count, Counter, Ledger, LedgerError, Store, Window, compose};
use crate::policy::{CallFacts, VOCABULARY, dry_run};

/// The compiled quotas of one configuration.
#[derive(Debug)]
pub struct QuotaSet {
    quotas: Vec<Quota>,
    reads: Reads,
}

#[derive(Debug)]
struct Quota {
    id: String,
    window: Window,
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

/// Proof that every enforced quota had room, and has been charged.
#[derive(Debug)]
pub struct Admission {
    headers: Vec<(&'static str, String)>,
    shadow_denials: Vec<String>,
}

impl Admission {
    /// The answer headers that tell what is left in the tightest quota.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The quotas in shadow mode that would have refused.
    pub fn shadow_denials(&self) -> &[String] {
        &self.shadow_denials
    }
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
            quota.expressions().for_each(|expression| reads.extend(expression.reads()));
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
        for quota in self.quotas.iter().filter(|quota| quota.mode == Mode::Enforce) {
            quota.expressions().for_each(|expression| reads.extend(expression.reads()));
        }
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
            match (quota.charge(place, &scope), quota.mode) {
                (Ok(charge), _) => charges.due.extend(charge),
                (Err(_), Mode::Shadow) => charges.shadow_denials.push(quota.id.clone()),
                (Err(denial), Mode::Enforce) => return Err(denial),
            }
        }
        Ok(charges)
    }

    /// Charges the token's budget and every quota that applies, or nothing.
    pub fn admit(&self, charges: &Charges, till: Till<'_>) -> Result<Admission, Denial> {
        let Some(budget) = &charges.budget else { return self.charge(charges, None, till) };
        let count = spend_budget(budget, till)?;
        self.charge(charges, Some(count), till).inspect_err(|_| {
            let _ = budget.give_back(till.ledger, till.store, till.now_ms);
        })
    }

    fn charge(
        &self,
        charges: &Charges,
        mut tightest: Option<Count>,
        till: Till<'_>,
    ) -> Result<Admission, Denial> {
        let mut shadow_denials = charges.shadow_denials.clone();
        let mut spent = Vec::with_capacity(charges.due.len());
        for charge in &charges.due {
            let Some(quota) = self.quotas.get(charge.quota) else {
                give_back(&spent, till);
                return Err(
                    Denial::new(Reason::QuotaUnavailable).with_note("charges of another configuration")
                );
            };
            match (quota.spend(charge, till), quota.mode) {
                (Ok(count), mode) if count.admitted => {
                    spent.push((quota, charge));
                    let is_tighter = tightest.is_none_or(|other| count.remaining() < other.remaining());
                    if mode == Mode::Enforce && is_tighter {
                        tightest = Some(count);
                    }
                }
                (_, Mode::Shadow) => shadow_denials.push(quota.id.clone()),
                (refused, Mode::Enforce) => {
                    give_back(&spent, till);
                    return Err(quota.refusal(refused));
                }
            }
        }
        Ok(Admission { headers: tightest.as_ref().map(rate_headers).unwrap_or_default(), shadow_denials })
    }
}

impl Quota {
    fn compile(quota: &config::Quota, at: &str, engine: &Engine) -> Result<Self, ConfigError> {
        let window = Window::compile(quota.window_kind, quota.window)
            .map_err(|error| ConfigError::new(format!("{at}.window"), error.why))?;
        if quota.window.seconds() > 3600 && quota.durability.is_none() {
            let why = format!(
                "the window `{}` is longer than an hour, and counters live and die with one Envoy process; write `durability: process` to accept that",
                quota.window
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
            window,
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

    /// What this call would be charged; `None` where the quota does not apply.
    fn charge(&self, place: usize, scope: &Scope<'_>) -> Result<Option<Charge>, Denial> {
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
        Ok(Some(Charge { quota: place, counter: self.window.counter(&compose(&parts)), limit }))
    }

    fn spend(&self, charge: &Charge, till: Till<'_>) -> Result<Count, LedgerError> {
        let Till { ledger, store, allotments, now_ms } = till;
        self.window.spend_one(ledger, store, allotments, (&charge.counter, charge.limit), now_ms)
    }

    fn refusal(&self, refused: Result<Count, LedgerError>) -> Denial {
        match refused {
            Ok(count) => {
                let denial =
                    Denial::new(Reason::QuotaExceeded).by_rule(&self.id).with_headers(rate_headers(&count));
                match count.retry_ms {
                    // The limit is 0: no wait would help.
                    Count::NEVER => denial,
                    wait => denial.retry_after(wait.div_ceil(1000).max(1)),
                }
            }
            Err(error) => {
                Denial::new(Reason::QuotaUnavailable).by_rule(&self.id).with_note(error.to_string())
            }
        }
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
        Ok(count) => Err(Denial::new(Reason::TokenBudgetExhausted).with_headers(rate_headers(&count))),
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

/// A request that one quota refuses costs nothing in the others. A charge that cannot be given back stays:
/// it errs on the strict side and leaves with its window.
fn give_back(spent: &[(&Quota, &Charge)], till: Till<'_>) {
    for (quota, charge) in spent {
        let _ = quota.window.give_back(till.ledger, till.store, &charge.counter, 1, till.now_ms);
    }
}

/// OpenAI's header names, which most clients know; the reset is in seconds, such as `12s`.
fn rate_headers(count: &Count) -> Vec<(&'static str, String)> {
    let mut reset = count.reset_ms.div_ceil(1000).to_string();
    reset.push('s');
    vec![
        ("x-ratelimit-limit-requests", count.limit.to_string()),
        ("x-ratelimit-remaining-requests", count.remaining().to_string()),
        ("x-ratelimit-reset-requests", reset),
    ]
}

#[cfg(test)]
mod tests;
