//! What one worker tells of the rate limit service.

use std::cell::RefCell;

use hashbrown::HashMap;

use super::shared_gauge::{SharedGauge, signed};
use crate::lifecycle::host::{House, Level, MetricKind};
use crate::quota::UnreportedCharges;

pub(in crate::lifecycle) struct RateLimitMetrics {
    /// Counters by outcome, defined as they are met.
    counters: RefCell<HashMap<String, u32>>,
    /// Of how many counters something is unreported.
    unreported: Option<SharedGauge>,
}

impl RateLimitMetrics {
    pub(in crate::lifecycle) fn define(house: &dyn House) -> Self {
        let gauge = house.metric(MetricKind::Gauge, "claimgate.rate_limit.charges_owed");
        Self { counters: RefCell::default(), unreported: gauge.map(SharedGauge::new) }
    }

    /// Counts questions, one for each request.
    pub(in crate::lifecycle) fn count_questions(&self, house: &dyn House, outcome: &str, questions: usize) {
        self.add(house, &format!("claimgate.rate_limit.questions.outcome.{outcome}"), signed(questions));
    }

    /// Counts one report, and the charges in it.
    pub(in crate::lifecycle) fn count_report(&self, house: &dyn House, outcome: &str, charges: usize) {
        self.add(house, &format!("claimgate.rate_limit.reports.outcome.{outcome}"), 1);
        self.add(house, "claimgate.rate_limit.charges_reported", signed(charges));
    }

    /// Tells of how many counters something is unreported, over all workers, and what was dropped.
    pub(in crate::lifecycle) fn tell_unreported(&self, house: &dyn House, unreported: &UnreportedCharges) {
        if let Some(gauge) = &self.unreported {
            gauge.tell(house, unreported.len());
        }
        let dropped = unreported.take_dropped();
        if dropped > 0 {
            let text =
                format!("{dropped} charges could not be reported to the rate limit service and are dropped");
            house.log(Level::Error, &text);
            self.add(
                house,
                "claimgate.rate_limit.charges_dropped",
                i64::try_from(dropped).unwrap_or(i64::MAX),
            );
        }
    }

    fn add(&self, house: &dyn House, counter: &str, count: i64) {
        let mut counters = self.counters.borrow_mut();
        let id = counters.get(counter).copied().or_else(|| {
            let id = house.metric(MetricKind::Counter, counter)?;
            counters.insert(counter.to_owned(), id);
            Some(id)
        });
        if let Some(id) = id.filter(|_| count > 0) {
            house.add(id, count);
        }
    }
}
