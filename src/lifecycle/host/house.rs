//! What the house offers: what a worker of the host does for one configuration between its exchanges.

use std::time::Duration;

use super::exchange::Exchange;
use super::metric::Family;
use crate::identity::{EngineAnswer, Question};
use crate::ledger::Store;

/// One worker of the host. The pages of its [`Store`] and its documents are shared with the other workers.
pub trait House: Store {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Fills `bytes` with what nobody can guess; false where the host has no randomness.
    fn fill(&self, bytes: &mut [u8]) -> bool;

    /// Verifies a signature, or says that it cannot.
    fn verify(&self, question: &Question<'_>) -> EngineAnswer;

    /// A document that all workers share, and its version; `None` where there is none.
    fn document(&self, key: &str) -> Option<(Vec<u8>, u32)>;

    /// Writes a document where there is none.
    fn create_document(&self, key: &str, content: &[u8]);

    /// Writes a document whatever stands there.
    fn replace_document(&self, key: &str, content: &[u8]);

    /// Sends a request of the gateway's own, whose end comes as [`crate::lifecycle::HouseEvent::Fetched`] with the same token.
    ///
    /// # Errors
    /// Why the host does not take it.
    fn fetch(&self, fetch: &Fetch<'_>) -> Result<u32, String>;

    /// A header of the answer to a fetch; while the event lasts that brings it.
    fn fetched_header(&self, name: &str) -> Option<Vec<u8>>;

    /// So many bytes of its body.
    fn fetched_body(&self, length: usize) -> Option<Vec<u8>>;

    /// Calls a method by gRPC; its end comes with the same token. `None` where the host does not take it.
    fn call(&self, call: &GrpcCall<'_>) -> Option<u32>;

    /// Has the next tick come in so long, and again each time it has passed.
    fn tick_every(&self, period: Duration);

    /// Has [`crate::lifecycle::HouseEvent::Woken`] come once all that is there now has been looked at; false where the host cannot.
    fn wake(&self) -> bool;

    /// Has an errand run on an exchange outside of its own events, now or soon; never where it is gone. One that may be visited
    /// was told so by [`Exchange::expect_visits`].
    fn visit(&self, id: u32, errand: Errand);

    /// Defines all families of metrics that a configuration has, before it decides anything.
    fn define(&self, families: &[Family]);

    /// The metric of one of these families with these values of its labels, always by the same number; `None` where the host
    /// has none.
    fn metric(&self, family: &Family, values: &[&str]) -> Option<u32>;

    /// Adds to a counter, or to a gauge that is a sum over all workers.
    fn add(&self, metric: u32, amount: i64);

    /// Sets a gauge.
    fn set(&self, metric: u32, value: u64);

    /// What a metric comes to over all workers.
    fn total(&self, metric: u32) -> u64;

    /// Tells the operator.
    fn log(&self, level: Level, text: &str);
}

/// What an event of the house does to an exchange. Other events of the exchange may come before it.
pub type Errand = Box<dyn FnOnce(&dyn Exchange)>;

/// A request of the gateway's own.
#[derive(Clone, Copy, Debug)]
pub struct Fetch<'a> {
    pub cluster: &'a str,
    /// Pseudo headers first.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Option<&'a [u8]>,
    pub timeout: Duration,
}

/// One call of a method that takes and gives one message.
#[derive(Clone, Copy, Debug)]
pub struct GrpcCall<'a> {
    pub cluster: &'a str,
    pub service: &'a str,
    pub method: &'a str,
    pub message: &'a [u8],
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Warning,
    Error,
}
