//! What the rate limit service has answered about one call's quotas, or why there is no answer.

use super::global_quota::GlobalQuota;
use super::message::DescriptorStatus;
use super::response::{DescriptorResponse, interpret};

/// What came of a question.
#[derive(Debug)]
pub enum Answer {
    Received {
        statuses: Statuses,
        asked_ms: u64,
    },
    /// Why there is none.
    Failed(String),
    /// There is no service here: this Envoy counts alone. For scripts.
    CountAlone,
}

/// What the service answered, one status for each quota that was asked for.
#[derive(Debug)]
pub struct Statuses(pub(super) Vec<DescriptorStatus>);

impl Answer {
    /// Of the quota in this place of the question.
    pub(super) fn response(
        &self,
        index: usize,
        global: &GlobalQuota,
    ) -> Result<DescriptorResponse, Failure<'_>> {
        match self {
            Self::Received { statuses, asked_ms } => match statuses.0.get(index) {
                Some(status) => Ok(interpret(status, global, *asked_ms)),
                None => Err(Failure::Failed("the answer is too short")),
            },
            Self::Failed(why) => Err(Failure::Failed(why)),
            Self::CountAlone => Err(Failure::NoService),
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Copy)]
pub(super) enum Failure<'a> {
    Failed(&'a str),
    /// This Envoy counts by itself.
    NoService,
}
