//! How full and how useful a worker's memory is: the credentials it remembers, and what it holds of requests that wait.

use std::cell::OnceCell;

use super::shared_gauge::SharedGauge;
use crate::gateway::Memory;
use crate::lifecycle::host::{Family, House};

const HITS: Family = Family::counter("claimgate.credential_cache.hits", &[]);
const MISSES: Family = Family::counter("claimgate.credential_cache.misses", &[]);
const CAPACITY: Family = Family::gauge("claimgate.credential_cache.capacity");
const ENTRIES: Family = Family::gauge("claimgate.credential_cache.entries");
const HIT_PERCENT: Family = Family::gauge("claimgate.credential_cache.hit_percent");
const HELD_BYTES: Family = Family::gauge("claimgate.held_bytes");

pub(super) const FAMILIES: [Family; 6] = [HITS, MISSES, CAPACITY, ENTRIES, HIT_PERCENT, HELD_BYTES];

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
        let define = || house.metric(&HELD_BYTES, &[]).map(SharedGauge::new);
        if let Some(held) = self.held.get_or_init(define) {
            held.tell(house, usize::try_from(bytes).unwrap_or(usize::MAX));
        }
    }
}

impl CredentialMetrics {
    fn define(house: &dyn House, capacity: usize) -> Option<Self> {
        let capacity_of_each_worker = house.metric(&CAPACITY, &[])?;
        house.set(capacity_of_each_worker, u64::try_from(capacity).unwrap_or(u64::MAX));
        Some(Self {
            hits: house.metric(&HITS, &[])?,
            misses: house.metric(&MISSES, &[])?,
            entries: SharedGauge::new(house.metric(&ENTRIES, &[])?),
            hit_percent: house.metric(&HIT_PERCENT, &[])?,
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
