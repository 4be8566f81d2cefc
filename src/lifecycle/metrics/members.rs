//! What is told of one of several keys.

use super::events::count;
use crate::credentials::Rests;
use crate::lifecycle::host::{House, MetricKind};

/// Counts what became of it.
pub(in crate::lifecycle) fn count_member(house: &dyn House, id: &str, member: &str, what: &str) {
    count(house, &name(id, member, what));
}

/// For how many models it rests, and whether it is left out.
pub(in crate::lifecycle) fn tell_member(
    house: &dyn House,
    id: &str,
    member: &str,
    (rests, now_ms): (&Rests, u64),
) {
    let resting = u64::try_from(rests.resting(member, now_ms)).unwrap_or(u64::MAX);
    for (what, value) in [("resting", resting), ("out", u64::from(rests.is_out(member, now_ms)))] {
        if let Some(gauge) = house.metric(MetricKind::Gauge, &name(id, member, what)) {
            house.set(gauge, value);
        }
    }
}

fn name(id: &str, member: &str, what: &str) -> String {
    format!("claimgate.credentials.{id}.member.{member}.{what}")
}
