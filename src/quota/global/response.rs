//! What the service answers, and what that means for a quota.

use prost::Message;

use super::global_quota::GlobalQuota;
use super::message::{DescriptorStatus, OK, OVER_LIMIT, RateLimitResponse};
use crate::ledger::RemoteStatus;

/// What the service answers about one descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DescriptorResponse {
    Within(RemoteStatus),
    Over(RemoteStatus),
    /// It has no limit.
    Unlimited,
    /// The service does not know it, or not as the configuration has it; why.
    Unconfigured(String),
}

/// What an answer has of each of `count` descriptors.
///
/// # Errors
/// One line for the operator, where it is none.
pub(super) fn decode(answer: &[u8], count: usize) -> Result<Vec<DescriptorStatus>, String> {
    let answer = RateLimitResponse::decode(answer).map_err(|_| "the answer is no message".to_owned())?;
    let statuses = answer.statuses;
    match statuses.iter().all(|status| matches!(status.code, OK | OVER_LIMIT)) {
        true if statuses.len() == count => Ok(statuses),
        true => Err(format!("the answer tells of {} counters, and {count} were asked for", statuses.len())),
        false => Err("the answer says neither yes nor no".to_owned()),
    }
}

/// What a status means for a quota.
pub(super) fn interpret(
    status: &DescriptorStatus,
    global: &GlobalQuota,
    asked_ms: u64,
) -> DescriptorResponse {
    let Some(limit) = status.current_limit else {
        return match status.limit_remaining {
            u32::MAX => DescriptorResponse::Unlimited,
            _ => DescriptorResponse::Unconfigured("the service has no limit for this quota".to_owned()),
        };
    };
    let unit = global.window.unit();
    if limit.unit != unit.number {
        let why = format!("the service does not count this quota by the {}", unit.name);
        return DescriptorResponse::Unconfigured(why);
    }
    let amount = |hits: u32| u64::from(hits).saturating_mul(global.per_hit);
    let seconds = status.duration_until_reset.and_then(|duration| u64::try_from(duration.seconds).ok());
    let known = RemoteStatus {
        window: match seconds {
            Some(seconds) => global.window.unit_by_reset(asked_ms, seconds),
            None => global.window.unit_number(asked_ms),
        },
        limit: amount(limit.requests_per_unit),
        left: amount(status.limit_remaining),
        asked_ms,
    };
    match status.code {
        OVER_LIMIT => DescriptorResponse::Over(RemoteStatus { left: 0, ..known }),
        _ => DescriptorResponse::Within(known),
    }
}
