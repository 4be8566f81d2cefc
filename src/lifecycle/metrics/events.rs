//! What is counted as it happens.

use crate::anomaly::AnomalyKind;
use crate::lifecycle::host::{Family, House};

const KEY_FETCHES: Family = Family::counter("claimgate.key_fetches", &["outcome"]);
const INTROSPECTIONS: Family = Family::counter("claimgate.introspections", &["outcome"]);
const PANICS: Family = Family::counter("claimgate.panics", &[]);
const ANOMALIES: Family = Family::counter("claimgate.anomalies", &["kind"]);

pub(super) const FAMILIES: [Family; 4] = [KEY_FETCHES, INTROSPECTIONS, ANOMALIES, PANICS];

/// Counts one fetch of a key set.
pub(in crate::lifecycle) fn count_key_fetch(house: &dyn House, outcome: &str) {
    count(house, &KEY_FETCHES, &[outcome]);
}

/// Counts one question about a token.
pub(in crate::lifecycle) fn count_introspection(house: &dyn House, outcome: &str) {
    count(house, &INTROSPECTIONS, &[outcome]);
}

/// Counts one anomaly.
pub(in crate::lifecycle) fn count_anomaly(house: &dyn House, kind: AnomalyKind) {
    count(house, &ANOMALIES, &[kind.name()]);
}

/// Counts one panic.
pub(in crate::lifecycle) fn count_panic(house: &dyn House) {
    count(house, &PANICS, &[]);
}

pub(super) fn count(house: &dyn House, family: &Family, values: &[&str]) {
    if let Some(id) = house.metric(family, values) {
        house.add(id, 1);
    }
}
