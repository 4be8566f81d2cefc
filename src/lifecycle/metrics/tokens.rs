//! What is told of one credential that is got.

use super::events::count;
use crate::credentials::{Credentials, Slot};
use crate::lifecycle::host::{Family, House};

pub(in crate::lifecycle) struct TokenMetrics {
    fetches: Family,
    made_due_by_401: Family,
    age_seconds: Option<u32>,
    expires_in_seconds: Option<u32>,
    failing_since_seconds: Option<u32>,
}

impl TokenMetrics {
    pub(in crate::lifecycle) fn define(house: &dyn House, id: &str) -> Self {
        let [age_seconds, expires_in_seconds, failing_since_seconds] =
            gauges(id).map(|gauge| house.metric(&gauge, &[]));
        Self {
            fetches: fetches(id),
            made_due_by_401: made_due_by_401(id),
            age_seconds,
            expires_in_seconds,
            failing_since_seconds,
        }
    }

    /// Every worker tells the same.
    pub(in crate::lifecycle) fn tell(&self, house: &dyn House, slot: &Slot, now_ms: u64) {
        let record = |gauge: Option<u32>, milliseconds: u64| {
            if let Some(gauge) = gauge {
                house.set(gauge, milliseconds / 1000);
            }
        };
        if let Some(token) = slot.token() {
            record(self.age_seconds, now_ms.saturating_sub(token.asked_ms()));
            record(self.expires_in_seconds, token.expires_ms().saturating_sub(now_ms));
        }
        let since_ms = slot.failure().map_or(0, |failure| now_ms.saturating_sub(failure.since_ms));
        record(self.failing_since_seconds, since_ms);
    }

    /// Counts what came of one question.
    pub(in crate::lifecycle) fn count_fetch(&self, house: &dyn House, outcome: &str) {
        count(house, &self.fetches, &[outcome]);
    }

    /// A provider has refused the token.
    pub(in crate::lifecycle) fn count_made_due(&self, house: &dyn House) {
        count(house, &self.made_due_by_401, &[]);
    }
}

/// Counts what has come of one caller's token.
pub(in crate::lifecycle) fn count_user_token(house: &dyn House, id: &str, outcome: &str) {
    count(house, &fetches(id), &[outcome]);
}

/// Of all credentials that are got.
pub(super) fn families(credentials: &Credentials) -> impl Iterator<Item = Family> {
    let own = credentials.iter().map(|(_, credential)| credential.id());
    let exchanges = credentials.exchanges().map(|(_, exchange)| exchange.id());
    own.flat_map(|id| gauges(id).into_iter().chain([fetches(id), made_due_by_401(id)]))
        .chain(exchanges.map(fetches))
}

fn gauges(id: &str) -> [Family; 3] {
    ["age_seconds", "expires_in_seconds", "failing_since_seconds"]
        .map(|name| Family::gauge_of(format!("claimgate.credentials.{id}.{name}")))
}

fn fetches(id: &str) -> Family {
    Family::counter_of(format!("claimgate.credentials.{id}.fetches"), &["outcome"])
}

fn made_due_by_401(id: &str) -> Family {
    Family::counter_of(format!("claimgate.credentials.{id}.made_due_by_401"), &[])
}
