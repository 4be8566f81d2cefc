//! One quota: to which calls it applies, whose counter it is, and what it takes.

mod measure;
mod overrides;
mod refusal;
mod window;

use std::sync::Arc;

use super::admission::shortage;
use super::global::{GlobalQuota, Service, per_value};
use super::local_check::LocalCheck;
use super::taken::Taken;
use super::{Charged, QuotaContext, Size};
use crate::config::{self, ConfigError, Mode, Unit};
use crate::denial::{Denial, Reason};
use crate::dialect::Operation;
use crate::expression::{Engine, Expression, Fault, Reads, Scope};
use crate::ledger::{Count, Counter, LedgerError, Owner, compose};
use crate::policy::{self, VOCABULARY};

use measure::Measure;
use overrides::{Limits, Overrides};

#[derive(Debug)]
pub(super) struct CompiledQuota {
    pub(super) id: Arc<str>,
    pub(super) measure: Measure,
    /// Where the rate limit service counts.
    pub(super) global: Option<GlobalQuota>,
    limit: Limit,
    overrides: Overrides,
    per: Vec<Expression>,
    when: Option<Expression>,
    pub(super) mode: Mode,
    /// The reason of its refusals.
    reason: Reason,
}

#[derive(Debug)]
enum Limit {
    Number(u64),
    Expression(Expression),
}

/// One quota that applies to a call: its counter and its limits.
#[derive(Debug)]
pub(super) struct Charge {
    /// Its place in the set.
    pub(super) quota: usize,
    pub(super) counter: Counter,
    pub(super) limits: Limits,
    /// Who shares it, as the rate limit service names them; empty where this Envoy counts.
    pub(super) per: String,
}

impl CompiledQuota {
    pub(super) fn compile(
        quota: &config::Quota,
        at: &str,
        service: Option<&Service>,
        engine: &Engine,
    ) -> Result<Self, ConfigError> {
        let measure = Measure::compile(quota, at)?;
        let global = GlobalQuota::compile(quota, service, at)?;
        if global.is_none() && quota.outlives_processes() && quota.durability.is_none() {
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
            policy::compile(
                engine,
                (&format!("{at}.per[{index}]"), text),
                &VOCABULARY,
                Expression::descriptor,
            )
        });
        let when_at = format!("{at}.when");
        let limit_at = format!("{at}.limit");
        Ok(Self {
            id: quota.id.as_str().into(),
            measure,
            global,
            limit: match &quota.limit {
                config::Limit::Number(number) => Limit::Number(*number),
                config::Limit::Expression(text) => Limit::Expression(policy::compile(
                    engine,
                    (&limit_at, text),
                    &VOCABULARY,
                    Expression::number,
                )?),
            },
            overrides: Overrides::compile(&quota.overrides, quota.per.len(), at)?,
            per: per.collect::<Result<_, _>>()?,
            when: quota
                .when
                .as_deref()
                .map(|text| policy::compile(engine, (&when_at, text), &VOCABULARY, Expression::boolean))
                .transpose()?,
            mode: quota.mode,
            reason: refusal::compile(quota, at)?,
        })
    }

    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let limit = match &self.limit {
            Limit::Number(_) => None,
            Limit::Expression(expression) => Some(expression),
        };
        self.per.iter().chain(&self.when).chain(limit)
    }

    pub(super) fn read_into(&self, reads: &mut Reads) {
        self.expressions().for_each(|expression| reads.extend(expression.reads()));
        if self.measure.unit() == Unit::Microdollars {
            // What has the price.
            reads.add("llm", "model");
        }
    }

    /// What this call would be charged; `None` where the quota does not apply.
    pub(super) fn charge(
        &self,
        (place, owner): (usize, Owner),
        operation: &Operation,
        scope: &Scope<'_>,
    ) -> Result<Option<Charge>, Denial> {
        if self.measure.unit().is_metered() && !operation.is_metered() {
            return Ok(None);
        }
        let faulted =
            |fault: Fault| Denial::new(Reason::QuotaError).by_rule(&*self.id).with_note(fault.to_string());
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
        let parts: Vec<&[u8]> =
            [&*self.id].into_iter().chain(values.iter().map(String::as_str)).map(str::as_bytes).collect();
        let counter = self.measure.counter(&compose(&parts)).made_by(owner);
        let limits = self.overrides.limits(&values, limit);
        let per = match &self.global {
            Some(_) => per_value(&values),
            None => String::new(),
        };
        Ok(Some(Charge { quota: place, counter, limits, per }))
    }

    /// Refuses what cannot be counted in this unit.
    pub(super) fn require_countable(&self, size: &Size<'_>) -> Result<(), Denial> {
        let unit = self.measure.unit();
        if unit.is_metered() && size.is_unseen {
            return Err(Denial::new(Reason::UsageUnknowable).by_rule(&*self.id));
        }
        if unit == Unit::Microdollars && size.rate.is_none() && !size.may_be_unpriced {
            return Err(Denial::new(Reason::ModelUnpriced).by_rule(&*self.id));
        }
        Ok(())
    }

    pub(super) fn take(
        &self,
        charge: &Charge,
        size: &Size<'_>,
        context: QuotaContext<'_>,
    ) -> Result<LocalCheck, Denial> {
        self.require_countable(size)?;
        match self.measure.take((&charge.counter, charge.limits.at(context.now_ms)), size, context) {
            Ok((count, held)) if count.admitted => {
                let taken = match held {
                    Some(held) => Taken::Held(charge.counter, held),
                    None => Taken::Spent(charge.counter),
                };
                Ok(LocalCheck::Taken(taken, count))
            }
            Ok((count, _)) => Err(self.refusal(&count, context.now_ms)),
            Err(error) => Err(self.without_room(error)),
        }
    }

    /// The ledger could not count the call.
    pub(super) fn without_room(&self, error: LedgerError) -> Denial {
        let denial = match error {
            LedgerError::Crowded => Denial::new(Reason::TooManyCounters).by_rule(&*self.id),
            LedgerError::Contended | LedgerError::Full | LedgerError::Absent => self.unavailable(),
        };
        denial.with_note(error.to_string())
    }

    /// Nobody could say whether there is room.
    pub(super) fn unavailable(&self) -> Denial {
        Denial::new(Reason::QuotaUnavailable).by_rule(&*self.id)
    }

    /// What is recorded of a charge; requests in flight are held, and nobody is charged for them.
    pub(super) fn charged(&self, place: usize, amount: u64) -> Option<Charged> {
        let unit = self.measure.unit();
        unit.is_charged().then(|| Charged { place, quota: Arc::clone(&self.id), unit, amount })
    }

    pub(super) fn refusal(&self, count: &Count, now_ms: u64) -> Denial {
        let shortage = shortage(self.measure.unit(), count, now_ms);
        let denial = Denial::new(self.reason).by_rule(&*self.id).short_of(shortage);
        match count.retry_ms {
            // The limit is 0: no wait would help.
            Count::NEVER => denial,
            wait => denial.retry_after(wait.div_ceil(1000).max(1)),
        }
    }
}
