//! Counters and gauges of the process, and how Envoy is told of them.
//!
//! Envoy gives no metric back, has those of a configuration end with it, and counts where a stream or a configuration is at
//! hand. So what each comes to is kept here, and every change waits for one that has its family.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use super::abi::{Buffer, ConfigurationHandle, Defined, StreamHandle};
use crate::lifecycle::{Family, MetricKind};

/// All metrics that the process has had.
#[derive(Default)]
pub(super) struct Metrics {
    by_name: Mutex<HashMap<String, Arc<Metric>>>,
    /// What could not be told where it happened.
    backlog: Mutex<Vec<Change>>,
    has_backlog: AtomicBool,
}

/// One counter or gauge, over all workers and configurations.
pub(super) struct Metric {
    kind: MetricKind,
    family: String,
    values: Vec<String>,
    total: AtomicI64,
}

/// What Envoy is to be told: that a counter has grown by so much, or that a gauge is another.
pub(super) struct Change {
    metric: Arc<Metric>,
    amount: u64,
}

/// The families that one configuration has defined.
pub(super) type Families = HashMap<String, Defined>;

/// Who can tell Envoy.
pub(super) trait Teller {
    fn count(&self, metric: Defined, values: &[Buffer<'_>], amount: u64);
    fn set_gauge(&self, metric: Defined, values: &[Buffer<'_>], value: u64);
}

impl Metrics {
    pub(super) fn find(&self, family: &Family, values: &[&str]) -> Arc<Metric> {
        let make = || Metric {
            kind: family.kind,
            family: family.name.to_string(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            total: AtomicI64::default(),
        };
        let mut metrics = lock(&self.by_name);
        Arc::clone(metrics.entry(family.flat(values)).or_insert_with(|| Arc::new(make())))
    }

    /// Keeps changes for somebody who can tell of them.
    pub(super) fn put_off(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            lock(&self.backlog).extend(changes);
            self.has_backlog.store(true, Ordering::Release);
        }
    }

    /// What was put off.
    pub(super) fn take_backlog(&self) -> Vec<Change> {
        match self.has_backlog.swap(false, Ordering::AcqRel) {
            true => std::mem::take(&mut *lock(&self.backlog)),
            false => Vec::new(),
        }
    }

    /// Tells all of them again, by which they outlive the configuration that told of them before.
    pub(super) fn repeat(&self) -> Vec<Change> {
        lock(&self.by_name).values().map(|metric| Change { metric: Arc::clone(metric), amount: 0 }).collect()
    }
}

impl Metric {
    pub(super) fn add(self: &Arc<Self>, amount: i64) -> Change {
        self.total.fetch_add(amount, Ordering::Relaxed);
        Change { metric: Arc::clone(self), amount: u64::try_from(amount).unwrap_or_default() }
    }

    /// `None` where it is the same.
    pub(super) fn set(self: &Arc<Self>, value: u64) -> Option<Change> {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        let before = self.total.swap(value, Ordering::Relaxed);
        // The first one makes the gauge show.
        (before != value || value == 0).then(|| Change { metric: Arc::clone(self), amount: 0 })
    }

    pub(super) fn total(&self) -> u64 {
        u64::try_from(self.total.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

impl Change {
    /// Tells Envoy; nothing where the configuration does not have its family.
    pub(super) fn tell(&self, families: &Families, teller: &dyn Teller) {
        let Some(defined) = families.get(&self.metric.family) else { return };
        let values: Vec<_> = self.metric.values.iter().map(|value| Buffer::of(value.as_bytes())).collect();
        match self.metric.kind {
            MetricKind::Counter => teller.count(*defined, &values, self.amount),
            MetricKind::Gauge => teller.set_gauge(*defined, &values, self.metric.total()),
        }
    }
}

impl Teller for StreamHandle<'_> {
    fn count(&self, metric: Defined, values: &[Buffer<'_>], amount: u64) {
        StreamHandle::count(self, metric, values, amount);
    }

    fn set_gauge(&self, metric: Defined, values: &[Buffer<'_>], value: u64) {
        StreamHandle::set_gauge(self, metric, values, value);
    }
}

impl Teller for ConfigurationHandle<'_> {
    fn count(&self, metric: Defined, values: &[Buffer<'_>], amount: u64) {
        ConfigurationHandle::count(self, metric, values, amount);
    }

    fn set_gauge(&self, metric: Defined, values: &[Buffer<'_>], value: u64) {
        ConfigurationHandle::set_gauge(self, metric, values, value);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
