//! What calls came to, and what they were charged.

use std::cell::{OnceCell, RefCell};

use hashbrown::HashMap;

use crate::audit::{QuotaTally, Tally};
use crate::gateway::{Call, Gateway};
use crate::lifecycle::host::{Family, House};
use crate::quota::Charged;

const DECISIONS: Family = Family::counter(Tally::FAMILY, &Tally::LABELS);
const CHARGES: Family = Family::counter(QuotaTally::FAMILY, &QuotaTally::LABELS);

pub(super) const FAMILIES: [Family; 2] = [DECISIONS, CHARGES];

/// The ids of the counters this configuration has defined so far; bounded as tenants are.
#[derive(Default)]
pub(in crate::lifecycle) struct CallMetrics {
    counters: RefCell<HashMap<Tally, u32>>,
    tenants: RefCell<Vec<String>>,
    /// What each quota has charged, in the places of the quotas.
    charges: OnceCell<Vec<Option<u32>>>,
}

impl CallMetrics {
    /// Counts a call by decision, reason, dialect and tenant.
    pub(in crate::lifecycle) fn count(&self, gateway: &Gateway, house: &dyn House, call: &Call) {
        let tally = gateway.tally(call, &mut self.tenants.borrow_mut());
        let mut counters = self.counters.borrow_mut();
        let id = match counters.get(&tally) {
            Some(id) => Some(*id),
            None => {
                let id = house.metric(&DECISIONS, &tally.values());
                id.inspect(|id| {
                    counters.insert(tally, *id);
                })
            }
        };
        if let Some(id) = id {
            house.add(id, 1);
        }
    }

    /// Adds what quotas were charged for a call.
    pub(in crate::lifecycle) fn count_charges(
        &self,
        gateway: &Gateway,
        house: &dyn House,
        charged: &[Charged],
    ) {
        if charged.is_empty() {
            return;
        }
        let define = |tally: QuotaTally| house.metric(&CHARGES, &tally.values());
        let counters =
            self.charges.get_or_init(|| gateway.quota_tallies().map(|tally| define(tally?)).collect());
        for charged in charged.iter().filter(|charged| charged.amount > 0) {
            if let Some(Some(counter)) = counters.get(charged.place) {
                house.add(*counter, i64::try_from(charged.amount).unwrap_or(i64::MAX));
            }
        }
    }
}
