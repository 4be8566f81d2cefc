//! How full and how useful a worker's memory is: the credentials it remembers, and what it holds of requests that wait.

use std::cell::OnceCell;

use super::shared_gauge::SharedGauge;
use crate::gateway::Memory;
use crate::lifecycle::host::{House, MetricKind};

/// What one worker tells of its memory. Counters and gauges are sums over all workers.
#[derive(Default)]
pub(in crate::lifecycle) struct CacheMetrics {
    credentials: OnceCell<Option<CredentialMetrics>>,
    /// How many bytes are held of requests that wait.
    held: OnceCell<Option<SharedGauge>>,
}

/// What one worker tells of the credentials it remembers.
struct CredentialMetrics {
    hits: u32,
    misses: u32,
    entries: SharedGauge,
    /// Of all uses since the host started.
    hit_percent: u32,
}

impl CacheMetrics {
    /// On each tick.
    pub(in crate::lifecycle) fn tell(&self, house: &dyn House, memory: &Memory) {
        let define = || CredentialMetrics::define(house, memory.credential_capacity());
        if let Some(credentials) = self.credentials.get_or_init(define) {
            credentials.tell(house, memory);
        }
        self.tell_held(house, memory.held_bytes());
    }

    /// This worker's part is gone with its configuration.
    pub(in crate::lifecycle) fn close(&self, house: &dyn House) {
        if let Some(Some(credentials)) = self.credentials.get() {
            credentials.entries.tell(house, 0);
        }
        self.tell_held(house, 0);
    }

    fn tell_held(&self, house: &dyn House, bytes: u64) {
        let define = || house.metric(MetricKind::Gauge, "claimgate.held_bytes").map(SharedGauge::new);
        if let Some(held) = self.held.get_or_init(define) {
            held.tell(house, usize::try_from(bytes).unwrap_or(usize::MAX));
        }
    }
}

impl CredentialMetrics {
    fn define(house: &dyn House, capacity: usize) -> Option<Self> {
        let define = |kind, name: &str| house.metric(kind, &format!("claimgate.credential_cache.{name}"));
        let of_each_worker = define(MetricKind::Gauge, "capacity")?;
        house.set(of_each_worker, u64::try_from(capacity).unwrap_or(u64::MAX));
        Some(Self {
            hits: define(MetricKind::Counter, "hits")?,
            misses: define(MetricKind::Counter, "misses")?,
            entries: SharedGauge::new(define(MetricKind::Gauge, "entries")?),
            hit_percent: define(MetricKind::Gauge, "hit_percent")?,
        })
    }

    fn tell(&self, house: &dyn House, memory: &Memory) {
        self.entries.tell(house, memory.credentials());
        let uses = memory.take_credential_uses();
        if uses.hits == 0 && uses.misses == 0 {
            return;
        }
        for (counter, count) in [(self.hits, uses.hits), (self.misses, uses.misses)] {
            house.add(counter, i64::try_from(count).unwrap_or(i64::MAX));
        }
        let (hits, misses) = (house.total(self.hits), house.total(self.misses));
        let percent = hits.saturating_mul(100).checked_div(hits.saturating_add(misses));
        house.set(self.hit_percent, percent.unwrap_or_default());
    }
}
