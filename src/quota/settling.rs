//! What a request has cost is charged in the place of what it held.

use std::rc::Rc;

use super::admission::Hold;
use super::global::HIGHEST_CHARGE;
use super::{Charged, Cost, Held, QuotaContext, QuotaSet};
use crate::ledger::{LedgerError, RemoteCounter};

/// What could not be charged because the ledger was contended.
#[derive(Debug)]
pub struct Unsettled {
    held: Held,
    cost: Cost,
}

impl QuotaSet {
    /// What [`Self::settle`] charges for a request that cost so much.
    pub fn charged<'a>(&'a self, held: &'a [Held], cost: &'a Cost) -> impl Iterator<Item = Charged> + 'a {
        held.iter().filter_map(|held| {
            let quota = self.quotas.get(held.quota)?;
            quota.charged(held.quota, cost.of(quota.measure.unit(), held.reservation.amount()))
        })
    }

    /// Charges what a request cost in the place of what it held. Returns what could not be charged, to be tried again.
    pub fn settle(&self, held: Vec<Held>, cost: Cost, context: QuotaContext<'_>) -> Vec<Unsettled> {
        self.collect(held.into_iter().map(|held| Unsettled { held, cost }).collect(), context)
    }

    /// Tries again what could not be charged, and returns what still cannot.
    pub fn collect(&self, unsettled: Vec<Unsettled>, context: QuotaContext<'_>) -> Vec<Unsettled> {
        unsettled.into_iter().filter(|charge| !self.is_settled(charge, context)).collect()
    }

    fn is_settled(&self, Unsettled { held, cost }: &Unsettled, context: QuotaContext<'_>) -> bool {
        let Some(quota) = self.quotas.get(held.quota) else { return true };
        match &held.hold {
            Hold::Local => quota.measure.settle(&held.reservation, cost, context).is_ok(),
            Hold::Remote(descriptor) => {
                let cost = cost.of(quota.measure.unit(), held.reservation.amount()).min(HIGHEST_CHARGE);
                let at = (context.ledger, context.store);
                if RemoteCounter::settle(at, &held.reservation, cost, context.now_ms)
                    == Err(LedgerError::Contended)
                {
                    return false;
                }
                // Where the ledger is broken, the cost is reported all the same.
                context.unreported.add(Rc::clone(descriptor), cost, context.now_ms);
                true
            }
        }
    }
}
