//! What outlives configurations, as Envoy's shared data, clock and metrics do for the wasm filter.

use std::sync::LazyLock;

use super::clock::Clock;
use super::main_thread::MainThread;
use super::metrics::Metrics;
use super::shared_memory::SharedMemory;

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
