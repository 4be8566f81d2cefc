//! What is told of one polled document.

use super::events::count;
use crate::lifecycle::host::{Family, House};

pub(in crate::lifecycle) struct DocumentMetrics {
    age_seconds: Option<u32>,
    stale: Option<u32>,
    entries: Option<u32>,
    polls: Family,
}

impl DocumentMetrics {
    pub(in crate::lifecycle) fn define(house: &dyn House, section: &str, id: &str) -> Self {
        let [age_seconds, stale, entries] = gauges(section, id).map(|gauge| house.metric(&gauge, &[]));
        Self { age_seconds, stale, entries, polls: polls(section, id) }
    }

    /// Every worker tells the same.
    pub(in crate::lifecycle) fn tell(
        &self,
        house: &dyn House,
        age_ms: Option<u64>,
        is_stale: bool,
        entries: usize,
    ) {
        let record = |gauge: Option<u32>, value| {
            if let Some(gauge) = gauge {
                house.set(gauge, value);
            }
        };
        if let Some(age_ms) = age_ms {
            record(self.age_seconds, age_ms / 1000);
        }
        record(self.stale, u64::from(is_stale));
        record(self.entries, u64::try_from(entries).unwrap_or(u64::MAX));
    }

    pub(in crate::lifecycle) fn count_poll(&self, house: &dyn House, outcome: &str) {
        count(house, &self.polls, &[outcome]);
    }
}

pub(super) fn families(section: &str, id: &str) -> impl Iterator<Item = Family> {
    gauges(section, id).into_iter().chain([polls(section, id)])
}

fn gauges(section: &str, id: &str) -> [Family; 3] {
    ["age_seconds", "stale", "entries"]
        .map(|name| Family::gauge_of(format!("claimgate.{section}.{id}.{name}")))
}

fn polls(section: &str, id: &str) -> Family {
    Family::counter_of(format!("claimgate.{section}.{id}.polls"), &["outcome"])
}
