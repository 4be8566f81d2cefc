//! The step that spends: every quota that a call meets is charged, or none.

use super::admission::{note_rate, shortage};
use super::compiled_quota::Charge;
use super::global::{Answer, DescriptorQuery, Pending};
use super::local_check::LocalCheck;
use super::reservations::Reservations;
use super::{Admission, Charges, QuotaContext, QuotaSet, Size};
use crate::config::Unit;
use crate::denial::{Denial, Reason};
use crate::ledger::{Budget, Count, LedgerError};

/// How far a call has come.
#[derive(Debug)]
pub enum Admitting {
    Done(Admission),
    /// The rate limit service is to be asked.
    Asks(Pending),
}

impl QuotaSet {
    /// Charges the token's budget and every quota that applies, or nothing.
    pub fn admit(
        &self,
        charges: &Charges,
        size: &Size<'_>,
        context: QuotaContext<'_>,
    ) -> Result<Admitting, Denial> {
        let mut reservations = Reservations::new(charges.shadow_denials.clone(), context.now_ms);
        if let Some(budget) = charges.budget {
            note_rate(&mut reservations.rates, Unit::Requests, &spend_budget(&budget, context)?);
            reservations.budget = Some(budget);
        }
        match self.charge(&mut reservations, charges, size, context) {
            Ok(queries) if queries.is_empty() => Ok(Admitting::Done(reservations.admitted(self, context))),
            Ok(queries) => Ok(Admitting::Asks(self.pending(reservations, queries))),
            Err(denial) => {
                reservations.give_back(self, context);
                Err(denial)
            }
        }
    }

    /// Goes on with what the rate limit service has answered.
    pub fn resume(
        &self,
        pending: Pending,
        answer: &Answer,
        context: QuotaContext<'_>,
    ) -> Result<Admission, Denial> {
        let Pending { mut reservations, queries, .. } = pending;
        match self.take_responses(&mut reservations, &queries, answer, context) {
            Ok(()) => Ok(reservations.admitted(self, context)),
            Err(denial) => {
                reservations.give_back(self, context);
                Err(denial)
            }
        }
    }

    /// The call does not wait any more.
    pub fn give_up(&self, pending: Pending, context: QuotaContext<'_>) {
        pending.reservations.give_back(self, context);
    }

    /// Takes what this Envoy knows to be there, and returns what the service is to be asked for.
    fn charge(
        &self,
        reservations: &mut Reservations,
        charges: &Charges,
        size: &Size<'_>,
        context: QuotaContext<'_>,
    ) -> Result<Vec<DescriptorQuery>, Denial> {
        let mut queries = Vec::new();
        let is_shared = |charge: &&Charge| self.is_shared(charge.quota);
        let local = charges.due.iter().filter(|charge| !is_shared(charge));
        for charge in local.chain(charges.due.iter().filter(is_shared)) {
            let Some(quota) = self.quotas.get(charge.quota) else {
                return Err(
                    Denial::new(Reason::QuotaUnavailable).with_note("charges of another configuration")
                );
            };
            let check = match &quota.global {
                Some(global) => quota.check_locally(global, charge, size, context),
                None => quota.take(charge, size, context),
            };
            match check {
                Ok(LocalCheck::Taken(taken, count)) => {
                    reservations.add(charge.quota, taken);
                    reservations.note_count(quota.mode, quota.measure.unit(), count);
                }
                Ok(LocalCheck::Ask(query)) => queries.push(query),
                Err(denial) => reservations.refuse(quota.mode, &quota.id, denial)?,
            }
        }
        Ok(queries)
    }
}

fn spend_budget(budget: &Budget, context: QuotaContext<'_>) -> Result<Count, Denial> {
    match budget.spend(context.ledger, context.store, context.now_ms) {
        Ok(count) if count.admitted => Ok(count),
        Ok(count) => {
            let shortage = shortage(Unit::Requests, &count, context.now_ms);
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
