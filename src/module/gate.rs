//! One configuration of the gateway, compiled, and its workers.

use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::RwLock;

use super::filter::Filter;
use super::process::{EnvoyConfiguration, Recipient, process};
use super::worker::{Half, Worker};
use crate::config::Config;

/// One configuration of the gateway.
pub(super) struct Gate {
    half: Half,
    configuration: Arc<EnvoyConfiguration>,
    workers: RwLock<HashMap<ThreadId, Arc<Worker>>>,
    /// Asks for what is due before any stream comes; `None` on a cluster, where nothing is asked for.
    main: Option<Arc<Worker>>,
}

impl Gate {
    /// # Errors
    /// One line for the operator.
    pub(super) fn open(
        name: &[u8],
        config: &[u8],
        configuration: EnvoyConfiguration,
    ) -> Result<Self, String> {
        if config.is_empty() {
            return Err(
                "the filter has no configuration; give it the output of `claimgate bundle`".to_owned()
            );
        }
        let config = Config::from_reader(config).map_err(|error| error.to_string())?;
        let configuration = Arc::new(configuration);
        let half = Half::compile(name, &config, &configuration)?;
        let main = matches!(half, Half::Chain(_)).then(|| Worker::open(&half, &configuration));
        if main.is_some() {
            let process = process();
            process.main_thread.add(&configuration);
            process.metrics.note_all();
            process.clock.remind_in(&process.main_thread, Duration::ZERO);
        }
        Ok(Self { half, configuration, workers: RwLock::default(), main })
    }

    pub(super) fn configuration(&self) -> &Arc<EnvoyConfiguration> {
        &self.configuration
    }

    /// A stream begins on this thread.
    pub(super) fn filter(&self) -> Filter {
        Filter::new(self.worker(), Arc::clone(&self.configuration))
    }

    fn worker(&self) -> Arc<Worker> {
        let thread = thread::current().id();
        let workers = self.workers.read();
        if let Some(worker) = workers.get(&thread) {
            return Arc::clone(worker);
        }
        drop(workers);
        let worker = Worker::open(&self.half, &self.configuration);
        let mut workers = self.workers.write();
        workers.insert(thread, Arc::clone(&worker));
        worker
    }
}

/// Envoy has ended the configuration: its last stream is over, and another one may have taken its place.
impl Drop for Gate {
    fn drop(&mut self) {
        let workers = self.workers.get_mut().drain().map(|(_, worker)| worker).chain(self.main.take());
        let workers = workers.map(|worker| worker as Arc<dyn Recipient>);
        process().main_thread.remove(&self.configuration, workers);
    }
}
