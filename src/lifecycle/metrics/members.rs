//! What is told of one of several keys.

use super::events::count;
use crate::credentials::{Credentials, Rests};
use crate::lifecycle::host::{Family, House};

const RESTING: &str = "resting";
const OUT: &str = "out";

/// What becomes of one of several keys.
#[derive(Clone, Copy)]
pub(in crate::lifecycle) enum MemberEvent {
    Used,
    Rested,
    Refused,
}

impl MemberEvent {
    const ALL: [Self; 3] = [Self::Used, Self::Rested, Self::Refused];

    fn name(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Rested => "rested",
            Self::Refused => "refused",
        }
    }
}

/// Counts what became of it.
pub(in crate::lifecycle) fn count_member(house: &dyn House, id: &str, member: &str, what: MemberEvent) {
    count(house, &Family::counter_of(name(id, member, what.name()), &[]), &[]);
}

/// For how many models it rests, and for how many operations it is left out.
pub(in crate::lifecycle) fn tell_member(
    house: &dyn House,
    id: &str,
    member: &str,
    (rests, now_ms): (&Rests, u64),
) {
    let (resting, out) = rests.count(member, now_ms);
    for (what, count) in [(RESTING, resting), (OUT, out)] {
        if let Some(gauge) = house.metric(&Family::gauge_of(name(id, member, what)), &[]) {
            house.set(gauge, u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}

/// Of all keys of all pools, which both halves tell of.
pub(super) fn families(credentials: &Credentials) -> Vec<Family> {
    let members = credentials
        .pools()
        .flat_map(|(_, pool)| pool.members().iter().map(|member| (pool.id(), member.name())));
    let of_member = |(id, member): (&str, &str)| {
        let counters = MemberEvent::ALL.map(|what| Family::counter_of(name(id, member, what.name()), &[]));
        let gauges = [RESTING, OUT].map(|what| Family::gauge_of(name(id, member, what)));
        counters.into_iter().chain(gauges)
    };
    members.flat_map(of_member).collect()
}

fn name(id: &str, member: &str, what: &str) -> String {
    format!("claimgate.credentials.{id}.member.{member}.{what}")
}
