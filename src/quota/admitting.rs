//! The step that spends: every quota that a call meets is charged, or none.

use super::admission::{shortage, tell};
use super::compiled_quota::Charge;
use super::global::{Answer, Due, Pending};
use super::local_check::Standing;
use super::reservations::Basket;
use super::{Admission, Charges, QuotaSet, Size, Till};
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
