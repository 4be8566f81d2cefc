//! What is counted of users' own keys.

use super::events::count;
use crate::gateway::{Call, Gateway};
use crate::lifecycle::host::{Family, House};

/// Counts what became of a call's own key.
pub(in crate::lifecycle) fn count_own_key(house: &dyn House, call: &Call) {
    for counter in call.own_key_counters() {
        count(house, &family(&counter), &[]);
    }
}

pub(super) fn families(gateway: &Gateway) -> impl Iterator<Item = Family> {
    gateway.own_key_counters().map(|counter| family(&counter))
}

fn family(counter: &str) -> Family {
    Family::counter_of(format!("claimgate.own_keys.{counter}"), &[])
}
