//! What is told of one credential that is got.

use super::events::count;
use crate::credentials::Slot;
use crate::lifecycle::host::{House, MetricKind};

pub(in crate::lifecycle) struct TokenMetrics {
    prefix: String,
    age_seconds: Option<u32>,
    expires_in_seconds: Option<u32>,
    failing_since_seconds: Option<u32>,
}

impl TokenMetrics {
    pub(in crate::lifecycle) fn define(house: &dyn House, id: &str) -> Self {
        let prefix = format!("claimgate.credentials.{id}");
        let gauge = |name: &str| house.metric(MetricKind::Gauge, &format!("{prefix}.{name}"));
        Self {
            age_seconds: gauge("age_seconds"),
            expires_in_seconds: gauge("expires_in_seconds"),
            failing_since_seconds: gauge("failing_since_seconds"),
            prefix,
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

    pub(in crate::lifecycle) fn count(&self, house: &dyn House, what: &str) {
        count(house, &format!("{}.{what}", self.prefix));
    }
}
