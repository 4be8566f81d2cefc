//! What Envoy's main thread does for a worker.

/// What a worker is told on the main thread.
pub(in crate::module) enum Job {
    Tick,
    /// Something that it was to be woken for.
    Woken,
    /// A request of its own has ended; with nothing where it broke off.
    Fetched {
        token: u32,
        answer: Option<FetchedAnswer>,
    },
    /// A call by gRPC has ended: with a message, or with one line for the operator.
    Called {
        token: u32,
        message: Result<Vec<u8>, String>,
    },
    /// Its configuration has ended.
    Closing,
}

/// The answer to a request of a worker's own.
pub(in crate::module) struct FetchedAnswer {
    pub(in crate::module) headers: Vec<(String, Vec<u8>)>,
    pub(in crate::module) body: Vec<u8>,
}

/// Whoever jobs are for.
pub(in crate::module) trait Recipient: Send + Sync {
    fn take(&self, job: Job);

    /// True once its configuration has ended and it awaits nothing.
    fn is_over(&self) -> bool;
}
