//! Quotas: a limit per window for each descriptor, counted on the ledger.
//!
//! `admit` is the only step of a walk that spends. It returns an [`Admission`], which only this room can
//! make; without one no provider credential is attached. An expression that errs, a full ledger and a lost
//! compare-and-set all deny.

use std::collections::BTreeSet;

use crate::config::{self, ConfigError, Mode};
use crate::denial::{Denial, Reason};
use crate::expression::{Engine, Expression, Fault, Reads, Scope};
use crate::ledger::{Count, Ledger, LedgerError, Store, Window, compose};
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
    headers: Vec<(String, String)>,
    shadow_denials: Vec<String>,
}

impl Admission {
    /// The answer headers that tell what is left in the tightest quota.
    pub fn headers(&self) -> &[(String, String)] {
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
    pub now_ms: u64,
}

/// One quota that applies to a call: its counter's key and its limit.
struct Charge<'a> {
    quota: &'a Quota,
    key: Vec<u8>,
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

    /// Charges every quota that applies, or none.
    pub fn admit(&self, engine: &Engine, facts: &CallFacts<'_>, till: Till<'_>) -> Result<Admission, Denial> {
        let scope = engine.scope(&self.reads, facts);
        let mut charges = Vec::new();
        let mut shadow_denials = Vec::new();
        for quota in &self.quotas {
            match (quota.charge(&scope), quota.mode) {
                (Ok(charge), _) => charges.extend(charge),
                (Err(_), Mode::Shadow) => shadow_denials.push(quota.id.clone()),
                (Err(denial), Mode::Enforce) => return Err(denial),
            }
        }
        let mut spent = Vec::with_capacity(charges.len());
        let mut counts = Vec::with_capacity(charges.len());
        for charge in &charges {
            match (charge.spend(till), charge.quota.mode) {
                (Ok(count), mode) if count.admitted => {
                    spent.push(charge);
                    counts.extend((mode == Mode::Enforce).then_some(count));
                }
                (_, Mode::Shadow) => shadow_denials.push(charge.quota.id.clone()),
                (refused, Mode::Enforce) => {
                    give_back(&spent, till);
                    return Err(charge.refusal(refused));
                }
            }
        }
        let tightest = counts.iter().min_by_key(|count| count.remaining());
        Ok(Admission { headers: tightest.map(rate_headers).unwrap_or_default(), shadow_denials })
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
    fn charge(&self, scope: &Scope<'_>) -> Result<Option<Charge<'_>>, Denial> {
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
        Ok(Some(Charge { quota: self, key: compose(&parts), limit }))
    }
}

impl Charge<'_> {
    fn spend(&self, till: Till<'_>) -> Result<Count, LedgerError> {
        self.quota.window.spend(till.ledger, till.store, &self.key, self.limit, 1, till.now_ms)
    }

    fn refusal(&self, refused: Result<Count, LedgerError>) -> Denial {
        match refused {
            Ok(count) => {
                let denial = Denial::new(Reason::QuotaExceeded)
                    .by_rule(&self.quota.id)
                    .with_headers(rate_headers(&count));
                match count.retry_ms {
                    // The limit is 0: no wait would help.
                    Count::NEVER => denial,
                    wait => denial.retry_after(wait.div_ceil(1000).max(1)),
                }
            }
            Err(error) => {
                Denial::new(Reason::QuotaUnavailable).by_rule(&self.quota.id).with_note(error.to_string())
            }
        }
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
fn give_back(spent: &[&Charge<'_>], till: Till<'_>) {
    for charge in spent {
        let _ = charge.quota.window.give_back(till.ledger, till.store, &charge.key, 1, till.now_ms);
    }
}

/// OpenAI's header names, which most clients know; the reset is in seconds, such as `12s`.
fn rate_headers(count: &Count) -> Vec<(String, String)> {
    vec![
        ("x-ratelimit-limit-requests".to_owned(), count.limit.to_string()),
        ("x-ratelimit-remaining-requests".to_owned(), count.remaining().to_string()),
        ("x-ratelimit-reset-requests".to_owned(), format!("{}s", count.reset_ms.div_ceil(1000))),
    ]
}

#[cfg(test)]
mod tests;
