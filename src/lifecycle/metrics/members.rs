//! What is told of one of several keys.

use super::events::count;
use crate::credentials::Rests;
use crate::lifecycle::host::{House, MetricKind};

/// Counts what became of it.
pub(in crate::lifecycle) fn count_member(house: &dyn House, id: &str, member: &str, what: &str) {
    count(house, &name(id, member, what));
}

/// For how many models it rests, and for how many operations it is left out.
pub(in crate::lifecycle) fn tell_member(
    house: &dyn House,
    id: &str,
    member: &str,
    (rests, now_ms): (&Rests, u64),
) {
    let (resting, out) = rests.count(member, now_ms);
    for (what, count) in [("resting", resting), ("out", out)] {
        if let Some(gauge) = house.metric(MetricKind::Gauge, &name(id, member, what)) {
            house.set(gauge, u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}

fn name(id: &str, member: &str, what: &str) -> String {
    format!("claimgate.credentials.{id}.member.{member}.{what}")
}
