//! Counters in Envoy's own stats, under `wasmcustom.`.

use std::cell::{Cell, OnceCell, RefCell};

use hashbrown::HashMap;
use log::error;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use super::ledger_gauge::LedgerGauge;
use crate::anomaly::AnomalyKind;
use crate::audit::{Tally, anomaly_counter};
use crate::gateway::{Call, Gateway, Memory};
use crate::quota::{Charged, Debts};

/// The ids of the counters this configuration has defined so far; bounded as tenants are.
#[derive(Default)]
pub(super) struct Metrics {
    counters: RefCell<HashMap<Tally, u32>>,
    tenants: RefCell<Vec<String>>,
    cache: OnceCell<Option<CacheMetrics>>,
    /// How many bytes all workers hold of requests that wait.
    held: OnceCell<Option<SharedGauge>>,
    /// What each quota has charged, in the places of the quotas.
    charges: OnceCell<Vec<Option<u32>>>,
    ledger: OnceCell<LedgerGauge>,
}

/// What one worker tells of the credentials it remembers. Counters and `entries` are sums over all workers.
struct CacheMetrics {
    hits: u32,
    misses: u32,
    entries: SharedGauge,
    /// Of all uses since Envoy started.
    hit_percent: u32,
}

/// A gauge that is the sum over all workers: each tells it by how much its own part has changed.
struct SharedGauge {
    id: u32,
    /// This worker's part.
    told: Cell<usize>,
}

impl Metrics {
    /// Counts a call by decision, reason, dialect and tenant.
    pub(super) fn count(&self, gateway: &Gateway, call: &Call) {
        let tally = gateway.tally(call, &mut self.tenants.borrow_mut());
        let mut counters = self.counters.borrow_mut();
        let id = match counters.get(&tally) {
            Some(id) => Some(*id),
            None => {
                let id = hostcalls::define_metric(MetricType::Counter, &tally.counter()).ok();
                id.inspect(|id| {
                    counters.insert(tally, *id);
                })
            }
        };
        if let Some(id) = id {
            let _ = hostcalls::increment_metric(id, 1);
        }
    }
}

impl Metrics {
    /// Adds what quotas were charged for a call.
    pub(super) fn count_charges(&self, gateway: &Gateway, charged: &[Charged]) {
        if charged.is_empty() {
            return;
        }
        let define = |name: String| hostcalls::define_metric(MetricType::Counter, &name).ok();
        let counters = self
            .charges
            .get_or_init(|| gateway.quota_tallies().map(|tally| define(tally?.counter())).collect());
        for charged in charged.iter().filter(|charged| charged.amount > 0) {
            if let Some(Some(counter)) = counters.get(charged.place) {
                let _ =
                    hostcalls::increment_metric(*counter, i64::try_from(charged.amount).unwrap_or(i64::MAX));
            }
        }
    }

    /// Tells how full and how useful the credential cache is; on each tick.
    pub(super) fn tell_cache(&self, memory: &Memory) {
        if let Some(cache) = self.cache.get_or_init(|| CacheMetrics::define(memory.credential_capacity())) {
            cache.tell(memory);
        }
    }

    /// Tells how many bytes this worker holds of requests that wait; on each tick.
    pub(super) fn tell_held(&self, bytes: u64) {
        let define = || hostcalls::define_metric(MetricType::Gauge, "claimgate.held_bytes").ok();
        if let Some(held) = self.held.get_or_init(|| define().map(SharedGauge::new)) {
            held.tell(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
    }

    /// Tells how full the ledger is; on each tick.
    pub(super) fn tell_ledger(&self, gateway: &Gateway, now_ms: u64) {
        self.ledger.get_or_init(LedgerGauge::define).tell(gateway, now_ms);
    }

    /// This worker's entries are gone with its configuration.
    pub(super) fn forget_cache(&self) {
        if let Some(Some(cache)) = self.cache.get() {
            cache.entries.tell(0);
        }
    }
}

impl CacheMetrics {
    fn define(capacity: usize) -> Option<Self> {
        let define = |kind, name: &str| {
            hostcalls::define_metric(kind, &format!("claimgate.credential_cache.{name}")).ok()
        };
        let of_each_worker = define(MetricType::Gauge, "capacity")?;
        let _ = hostcalls::record_metric(of_each_worker, u64::try_from(capacity).unwrap_or(u64::MAX));
        Some(Self {
            hits: define(MetricType::Counter, "hits")?,
            misses: define(MetricType::Counter, "misses")?,
            entries: SharedGauge::new(define(MetricType::Gauge, "entries")?),
            hit_percent: define(MetricType::Gauge, "hit_percent")?,
        })
    }

    fn tell(&self, memory: &Memory) {
        self.entries.tell(memory.credentials());
        let uses = memory.take_credential_uses();
        if uses.hits == 0 && uses.misses == 0 {
            return;
        }
        for (counter, count) in [(self.hits, uses.hits), (self.misses, uses.misses)] {
            let _ = hostcalls::increment_metric(counter, i64::try_from(count).unwrap_or(i64::MAX));
        }
        let total = |counter| hostcalls::get_metric(counter).unwrap_or_default();
        let (hits, misses) = (total(self.hits), total(self.misses));
        let percent = hits.saturating_mul(100).checked_div(hits.saturating_add(misses));
        let _ = hostcalls::record_metric(self.hit_percent, percent.unwrap_or_default());
    }
}

impl SharedGauge {
    fn new(id: u32) -> Self {
        Self { id, told: Cell::new(0) }
    }

    fn tell(&self, part: usize) {
        let more = signed(part).saturating_sub(signed(self.told.replace(part)));
        if more != 0 {
            let _ = hostcalls::increment_metric(self.id, more);
        }
    }
}

/// What one polled document tells.
pub(super) struct DocumentMetrics {
    age_seconds: Option<u32>,
    stale: Option<u32>,
    entries: Option<u32>,
    polls: String,
}

impl DocumentMetrics {
    pub(super) fn define(section: &str, id: &str) -> Self {
        let gauge = |name: &str| {
            hostcalls::define_metric(MetricType::Gauge, &format!("claimgate.{section}.{id}.{name}")).ok()
        };
        Self {
            age_seconds: gauge("age_seconds"),
            stale: gauge("stale"),
            entries: gauge("entries"),
            polls: format!("claimgate.{section}.{id}.polls.outcome"),
        }
    }

    /// Every worker tells the same.
    pub(super) fn tell(&self, age_ms: Option<u64>, is_stale: bool, entries: usize) {
        let record = |gauge: Option<u32>, value| {
            if let Some(gauge) = gauge {
                let _ = hostcalls::record_metric(gauge, value);
            }
        };
        if let Some(age_ms) = age_ms {
            record(self.age_seconds, age_ms / 1000);
        }
        record(self.stale, u64::from(is_stale));
        record(self.entries, u64::try_from(entries).unwrap_or(u64::MAX));
    }

    pub(super) fn count_poll(&self, outcome: &str) {
        count(&format!("{}.{outcome}", self.polls));
    }
}

/// Counts one fetch of a key set.
pub(super) fn count_key_fetch(outcome: &str) {
    count(&format!("claimgate.key_fetches.outcome.{outcome}"));
}

/// Counts one anomaly.
pub(super) fn count_anomaly(kind: AnomalyKind) {
    count(&anomaly_counter(kind));
}

/// Counts one question about a token.
pub(super) fn count_introspection(outcome: &str) {
    count(&format!("claimgate.introspections.outcome.{outcome}"));
}

/// What one worker tells of the rate limit service.
pub(super) struct LimitMetrics {
    /// Counters by outcome, defined as they are met.
    counters: RefCell<HashMap<String, u32>>,
    /// Of how many counters something is owed.
    owed: Option<SharedGauge>,
}

impl LimitMetrics {
    pub(super) fn define() -> Self {
        let owed = hostcalls::define_metric(MetricType::Gauge, "claimgate.rate_limit.charges_owed").ok();
        Self { counters: RefCell::default(), owed: owed.map(SharedGauge::new) }
    }

    /// Counts questions, one for each request.
    pub(super) fn count_questions(&self, outcome: &str, questions: usize) {
        self.add(&format!("claimgate.rate_limit.questions.outcome.{outcome}"), signed(questions));
    }

    /// Counts one report, and the charges in it.
    pub(super) fn count_report(&self, outcome: &str, charges: usize) {
        self.add(&format!("claimgate.rate_limit.reports.outcome.{outcome}"), 1);
        self.add("claimgate.rate_limit.charges_reported", signed(charges));
    }

    /// Tells of how many counters something is owed, over all workers, and what was dropped.
    pub(super) fn tell_debts(&self, debts: &Debts) {
        if let Some(owed) = &self.owed {
            owed.tell(debts.len());
        }
        let dropped = debts.take_dropped();
        if dropped > 0 {
            error!(
                "claimgate: {dropped} charges could not be reported to the rate limit service and are dropped"
            );
            self.add("claimgate.rate_limit.charges_dropped", i64::try_from(dropped).unwrap_or(i64::MAX));
        }
    }

    fn add(&self, counter: &str, count: i64) {
        let mut counters = self.counters.borrow_mut();
        let id = counters.get(counter).copied().or_else(|| {
            let id = hostcalls::define_metric(MetricType::Counter, counter).ok()?;
            counters.insert(counter.to_owned(), id);
            Some(id)
        });
        if let Some(id) = id.filter(|_| count > 0) {
            let _ = hostcalls::increment_metric(id, count);
        }
    }
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Adds one to what happens seldom, so that its id need not be kept.
fn count(counter: &str) {
    if let Ok(id) = hostcalls::define_metric(MetricType::Counter, counter) {
        let _ = hostcalls::increment_metric(id, 1);
    }
}
