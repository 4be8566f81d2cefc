//! What the rate limit service has said of one call's quotas, or why it said nothing.

use super::global_quota::Global;
use super::message::DescriptorStatus;
use super::response::{Word, interpret};

/// What came of a question.
#[derive(Debug)]
pub enum Answer {
    Told {
        statuses: Statuses,
        asked_ms: u64,
    },
    /// Why there is none.
    Failed(String),
    /// There is no service here: this Envoy counts alone. For scripts.
    CountAlone,
}

/// What the service said, one status for each quota that was asked for.
#[derive(Debug)]
pub struct Statuses(pub(super) Vec<DescriptorStatus>);

impl Answer {
    /// Of the quota in this place of the question.
    pub(super) fn word(&self, index: usize, global: &Global) -> Result<Word, Silence<'_>> {
        match self {
            Self::Told { statuses, asked_ms } => match statuses.0.get(index) {
                Some(status) => Ok(interpret(status, global, *asked_ms)),
                None => Err(Silence::Failure("the answer is too short")),
            },
            Self::Failed(why) => Err(Silence::Failure(why)),
            Self::CountAlone => Err(Silence::Absence),
        }
    }
}

/// Why nothing is heard of the service.
#[derive(Clone, Copy)]
pub(super) enum Silence<'a> {
    Failure(&'a str),
    Absence,
}
