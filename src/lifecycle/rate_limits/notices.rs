//! What the operator is told of the rate limit service.

use std::cell::{Cell, OnceCell};

use crate::lifecycle::host::{House, Level};
use crate::lifecycle::metrics::RateLimitMetrics;

/// The time between two warnings, in milliseconds.
const WARNING_MS: u64 = 1000;

#[derive(Default)]
pub(super) struct Notices {
    warned_ms: Cell<u64>,
    metrics: OnceCell<RateLimitMetrics>,
}

impl Notices {
    pub(super) fn metrics(&self, house: &dyn House) -> &RateLimitMetrics {
        self.metrics.get_or_init(|| RateLimitMetrics::define(house))
    }

    pub(super) fn warn(&self, house: &dyn House, why: &str) {
        let now_ms = house.now_ms();
        if now_ms.saturating_sub(self.warned_ms.get()) >= WARNING_MS {
            self.warned_ms.set(now_ms);
            house.log(Level::Warning, &format!("the rate limit service: {why}"));
        }
    }
}
