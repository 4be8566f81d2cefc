//! What one worker tells of the rate limit service.

use super::shared_gauge::{SharedGauge, signed};
use crate::lifecycle::host::{Family, House, Level};
use crate::quota::UnreportedCharges;

const QUESTIONS: Family = Family::counter("claimgate.rate_limit.questions", &["outcome"]);
const REPORTS: Family = Family::counter("claimgate.rate_limit.reports", &["outcome"]);
const CHARGES_REPORTED: Family = Family::counter("claimgate.rate_limit.charges_reported", &[]);
const CHARGES_DROPPED: Family = Family::counter("claimgate.rate_limit.charges_dropped", &[]);
const CHARGES_OWED: Family = Family::gauge("claimgate.rate_limit.charges_owed");

pub(super) const FAMILIES: [Family; 5] =
    [QUESTIONS, REPORTS, CHARGES_REPORTED, CHARGES_DROPPED, CHARGES_OWED];

pub(in crate::lifecycle) struct RateLimitMetrics {
    /// Of how many counters something is unreported.
    unreported: Option<SharedGauge>,
}

impl RateLimitMetrics {
    pub(in crate::lifecycle) fn define(house: &dyn House) -> Self {
        let gauge = house.metric(&CHARGES_OWED, &[]);
        Self { unreported: gauge.map(SharedGauge::new) }
    }

    /// Counts questions, one for each request.
    pub(in crate::lifecycle) fn count_questions(&self, house: &dyn House, outcome: &str, questions: usize) {
        Self::add(house, (&QUESTIONS, &[outcome]), signed(questions));
    }

    /// Counts one report, and the charges in it.
    pub(in crate::lifecycle) fn count_report(&self, house: &dyn House, outcome: &str, charges: usize) {
        Self::add(house, (&REPORTS, &[outcome]), 1);
        Self::add(house, (&CHARGES_REPORTED, &[]), signed(charges));
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
            Self::add(house, (&CHARGES_DROPPED, &[]), i64::try_from(dropped).unwrap_or(i64::MAX));
        }
    }

    fn add(house: &dyn House, (family, values): (&Family, &[&str]), count: i64) {
        if let Some(id) = house.metric(family, values).filter(|_| count > 0) {
            house.add(id, count);
        }
    }
}
