//! Counters and gauges of the process, and how Envoy is told of them.
//!
//! Envoy gives no metric back, lets those of a configuration end with it, and takes microseconds for each count. So what each
//! comes to is kept here, and Envoy is told now and then what has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::lifecycle::{Family, MetricKind};
use crate::module::abi::{Buffer, Defined, Teller};

/// All metrics that the process has had.
#[derive(Default)]
pub(in crate::module) struct Metrics {
    by_name: Mutex<HashMap<String, Arc<Metric>>>,
    /// Those of which Envoy is to be told.
    changed: Mutex<Vec<Arc<Metric>>>,
    /// Nothing but a stream can tell.
    waits_for_stream: AtomicBool,
}

/// One counter or gauge, over all workers and configurations.
pub(in crate::module) struct Metric {
    kind: MetricKind,
    family: String,
    values: Vec<String>,
    total: AtomicI64,
    /// What Envoy has been told.
    told: AtomicI64,
    has_changed: AtomicBool,
}

/// The families that one configuration has defined.
pub(in crate::module) type Families = HashMap<String, Defined>;

impl Metrics {
    pub(in crate::module) fn find(&self, family: &Family, values: &[&str]) -> Arc<Metric> {
        let make = || Metric {
            kind: family.kind,
            family: family.name.to_string(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            total: AtomicI64::default(),
            told: AtomicI64::default(),
            has_changed: AtomicBool::default(),
        };
        let mut metrics = self.by_name.lock();
        Arc::clone(metrics.entry(family.flat(values)).or_insert_with(|| Arc::new(make())))
    }

    /// Notes a metric that has changed. True where it is the first since Envoy was told.
    pub(in crate::module) fn note(&self, metric: &Arc<Metric>) -> bool {
        if metric.has_changed.swap(true, Ordering::AcqRel) {
            return false;
        }
        let mut changed = self.changed.lock();
        changed.push(Arc::clone(metric));
        changed.len() == 1
    }

    /// Has all of them told again, by which they outlive the configuration that told of them before.
    pub(in crate::module) fn note_all(&self) {
        let metrics: Vec<_> = self.by_name.lock().values().cloned().collect();
        metrics.iter().for_each(|metric| {
            self.note(metric);
        });
    }

    /// Those that have changed.
    pub(in crate::module) fn take_changed(&self) -> Vec<Arc<Metric>> {
        std::mem::take(&mut *self.changed.lock())
    }

    /// Leaves these to the next stream.
    pub(in crate::module) fn leave_to_stream(&self, metrics: Vec<Arc<Metric>>) {
        if !metrics.is_empty() {
            self.changed.lock().extend(metrics);
            self.waits_for_stream.store(true, Ordering::Release);
        }
    }

    /// What a stream is to tell of.
    pub(in crate::module) fn take_for_stream(&self) -> Vec<Arc<Metric>> {
        let waits = self.waits_for_stream.load(Ordering::Relaxed)
            && self.waits_for_stream.swap(false, Ordering::AcqRel);
        if waits { self.take_changed() } else { Vec::new() }
    }
}

impl Metric {
    pub(in crate::module) fn add(&self, amount: i64) {
        self.total.fetch_add(amount, Ordering::Relaxed);
    }

    pub(in crate::module) fn set(&self, value: u64) {
        self.total.store(i64::try_from(value).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    pub(in crate::module) fn total(&self) -> u64 {
        u64::try_from(self.total.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// Tells Envoy what it comes to. False where the configuration does not have its family.
    pub(in crate::module) fn tell(&self, families: &Families, teller: &dyn Teller) -> bool {
        self.has_changed.store(false, Ordering::Release);
        let Some(defined) = families.get(&self.family) else { return false };
        let values: Vec<_> = self.values.iter().map(|value| Buffer::of(value.as_bytes())).collect();
        let total = self.total.load(Ordering::Acquire);
        match self.kind {
            MetricKind::Counter => {
                let more = total.saturating_sub(self.told.swap(total, Ordering::AcqRel));
                teller.count(*defined, &values, u64::try_from(more).unwrap_or_default());
            }
            MetricKind::Gauge => {
                teller.set_gauge(*defined, &values, u64::try_from(total).unwrap_or_default());
            }
        }
        true
    }
}
