//! What outlives configurations, as Envoy's shared data, clock and metrics do for the wasm filter.
//!
//! - `shared_memory`: pages and documents that all workers share.
//! - `metrics`: counters and gauges of the process, and how Envoy is told of them.
//! - `grpc`: one call of a method, framed for an HTTP/2 stream.
//! - `job`: what the main thread does for a worker.
//! - `configuration`: one configuration as Envoy has it, and what was asked for through it.
//! - `main_thread`: what is to be done there.
//! - `clock`: the thread that tells workers the time.

mod shared_memory;
mod metrics;
mod grpc;
mod job;
mod configuration;
mod main_thread;
mod clock;

use std::sync::LazyLock;

use clock::Clock;
use main_thread::MainThread;
use metrics::Metrics;
use shared_memory::SharedMemory;

pub(super) use configuration::{Asker, EnvoyConfiguration};
pub(super) use grpc::status_of;
pub(super) use job::{FetchedAnswer, Job, Recipient};
pub(super) use metrics::Metric;

/// What all configurations of one process share.
pub(super) struct Process {
    pub(super) memory: SharedMemory,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
    pub(super) main_thread: MainThread,
}

static PROCESS: LazyLock<Process> = LazyLock::new(|| Process {
    memory: SharedMemory::new(),
    metrics: Metrics::default(),
    clock: Clock::default(),
    main_thread: MainThread::default(),
});

pub(super) fn process() -> &'static Process {
    &PROCESS
}
