//! What the rate limit service is asked: questions of calls that come together are one request.
//!
//! With Redis and the settings that docs/quotas.md names, each is counted for itself there, as if it had come alone; so a batch costs no
//! exactness, and one request in the place of many.

use super::answer::{Answer, Statuses};
use super::response::decode;
use super::service::Service;

/// What one call asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    descriptors: Vec<u8>,
    count: usize,
}

/// The questions of several calls.
#[derive(Debug)]
pub struct Batch {
    message: Vec<u8>,
    /// How many descriptors each question has.
    counts: Vec<usize>,
}

impl Ask {
    /// A question of `count` descriptors, encoded.
    pub(super) fn new(descriptors: Vec<u8>, count: usize) -> Self {
        Self { descriptors, count }
    }
}

impl Batch {
    pub fn of<'a>(service: &Service, asks: impl Iterator<Item = &'a Ask> + Clone) -> Self {
        let message = service.request(asks.clone().map(|ask| ask.descriptors.as_slice()));
        Self { message, counts: asks.map(|ask| ask.count).collect() }
    }

    /// The request to the service.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// What the service, asked at `asked_ms`, answers to each question, in their order.
    ///
    /// # Errors
    /// One line for the operator, where it is no answer to this request.
    pub fn read(&self, answer: &[u8], asked_ms: u64) -> Result<Vec<Answer>, String> {
        let mut statuses = decode(answer, self.counts.iter().sum())?.into_iter();
        let answers = self.counts.iter().map(|count| {
            let statuses = Statuses(statuses.by_ref().take(*count).collect());
            Answer::Received { statuses, asked_ms }
        });
        Ok(answers.collect())
    }
}
