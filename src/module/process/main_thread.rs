//! What is to be done on Envoy's main thread, where alone requests of our own can be sent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::configuration::EnvoyConfiguration;
use super::job::{Job, Recipient};
use super::metrics::Metrics;

/// The jobs of all workers, and the configurations by which Envoy is reached.
#[derive(Default)]
pub(in crate::module) struct MainThread {
    jobs: Mutex<VecDeque<(Arc<dyn Recipient>, Job)>>,
    /// The youngest last.
    configurations: Mutex<Vec<Arc<EnvoyConfiguration>>>,
    /// Those whose configuration has ended, and who await something.
    finishing: Mutex<Vec<Arc<dyn Recipient>>>,
    is_busy: AtomicBool,
}

impl MainThread {
    /// A configuration by which Envoy can be reached from now on.
    pub(in crate::module) fn add(&self, configuration: &Arc<EnvoyConfiguration>) {
        self.configurations.lock().push(Arc::clone(configuration));
        self.call();
    }

    /// Envoy ends a configuration. These were its workers.
    pub(in crate::module) fn remove(
        &self,
        configuration: &Arc<EnvoyConfiguration>,
        workers: impl Iterator<Item = Arc<dyn Recipient>>,
    ) {
        self.configurations.lock().retain(|other| !Arc::ptr_eq(other, configuration));
        let broken = configuration.end();
        self.jobs.lock().extend(broken.into_iter().chain(workers.map(|worker| (worker, Job::Closing))));
        self.call();
    }

    /// Has the main thread do a job; from any thread.
    pub(in crate::module) fn post(&self, recipient: Arc<dyn Recipient>, job: Job) {
        let mut jobs = self.jobs.lock();
        let was_idle = jobs.is_empty();
        jobs.push_back((recipient, job));
        drop(jobs);
        if was_idle {
            self.call();
        }
    }

    /// Does what there is to do. On the main thread.
    pub(in crate::module) fn work(&self, metrics: &Metrics) {
        // A job may have Envoy call back at once; what comes of that is done in its turn.
        if self.is_busy.swap(true, Ordering::Acquire) {
            return;
        }
        while let Some((recipient, job)) = self.next() {
            let is_last = matches!(job, Job::Closing);
            recipient.take(job);
            let mut finishing = self.finishing.lock();
            if is_last {
                finishing.push(recipient);
            }
            finishing.retain(|recipient| !recipient.is_over());
        }
        self.is_busy.store(false, Ordering::Release);
        self.tell(metrics);
    }

    /// Tells Envoy of what has changed, each by the youngest configuration that has its family.
    fn tell(&self, metrics: &Metrics) {
        let configurations = self.configurations.lock().clone();
        let can_tell = configurations.iter().any(|configuration| configuration.counts());
        let tell = |rest, configuration: &Arc<EnvoyConfiguration>| configuration.tell(rest);
        let rest = configurations.iter().rev().fold(metrics.take_changed(), tell);
        if !can_tell {
            metrics.leave_to_stream(rest);
        }
    }

    /// Has Envoy call the main thread, whatever there is to be done.
    pub(in crate::module) fn remind(&self) {
        if let Some(configuration) = self.configurations.lock().last() {
            configuration.call_main_thread();
        }
    }

    /// Asks something of Envoy by the youngest configuration that lives; `None` where there is none.
    pub(in crate::module) fn by_envoy<T>(&self, ask: impl Fn(&EnvoyConfiguration) -> Option<T>) -> Option<T> {
        let configurations = self.configurations.lock().clone();
        configurations.iter().rev().find_map(|configuration| ask(configuration))
    }

    fn next(&self) -> Option<(Arc<dyn Recipient>, Job)> {
        self.jobs.lock().pop_front()
    }

    /// Has Envoy call the main thread, where anything is to be done.
    fn call(&self) {
        let is_idle = self.jobs.lock().is_empty();
        if !is_idle {
            self.remind();
        }
    }
}
