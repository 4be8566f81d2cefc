//! What is counted by names that are put together each time.

use crate::anomaly::AnomalyKind;
use crate::audit::anomaly_counter;
use crate::lifecycle::host::{House, MetricKind};

/// Counts one fetch of a key set.
pub(in crate::lifecycle) fn count_key_fetch(house: &dyn House, outcome: &str) {
    count(house, &format!("claimgate.key_fetches.outcome.{outcome}"));
}

/// Counts one anomaly.
pub(in crate::lifecycle) fn count_anomaly(house: &dyn House, kind: AnomalyKind) {
    count(house, &anomaly_counter(kind));
}

/// Counts one question about a token.
pub(in crate::lifecycle) fn count_introspection(house: &dyn House, outcome: &str) {
    count(house, &format!("claimgate.introspections.outcome.{outcome}"));
}

/// Counts what has come of one caller's token.
pub(in crate::lifecycle) fn count_user_token(house: &dyn House, id: &str, outcome: &str) {
    count(house, &format!("claimgate.credentials.{id}.fetches.outcome.{outcome}"));
}

/// Counts what became of a user's own key.
pub(in crate::lifecycle) fn count_own_key(house: &dyn House, counter: &str) {
    count(house, counter);
}

pub(super) fn count(house: &dyn House, counter: &str) {
    if let Some(id) = house.metric(MetricKind::Counter, counter) {
        house.add(id, 1);
    }
}
