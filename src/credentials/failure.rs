//! Why a token was not got, and when it is asked for again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The waits after one failure, two, and so on, in milliseconds; the last one stays.
const BACKOFF_MS: [u64; 7] = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000];
/// After an answer that only a change of the configuration can turn into another.
const REFUSED_MS: u64 = 60_000;
/// The longest wait that an endpoint may ask for.
const LONGEST_WISH_MS: u64 = 600_000;

/// Why there is no newer token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// One line for the operator, the same each time; nothing of it comes from a secret.
    pub why: String,
    /// By what the provider's operator finds this one failure; `None` where the answer does not say.
    pub trace: Option<String>,
    /// When it began to fail, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// From when on it may be asked for again.
    pub retry_ms: u64,
    /// How often it has failed in a row.
    attempts: usize,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The endpoint refuses this client, its secret or what it asks for: the operator's.
    Refused,
    /// There was no usable answer.
    Unavailable,
}

/// What one try has come to, before it is known how many there were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    pub(super) kind: FailureKind,
    pub(super) why: String,
    pub(super) trace: Option<String>,
    /// How long the endpoint wants to be left alone.
    pub(super) wish_ms: Option<u64>,
}

impl fmt::Display for Setback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        told(formatter, &self.why, self.trace.as_deref())
    }
}

impl Setback {
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self { kind: FailureKind::Unavailable, why: why.into(), trace: None, wish_ms: None }
    }

    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self { kind: FailureKind::Refused, why: why.into(), trace: None, wish_ms: None }
    }
}

impl Failure {
    /// A failure at `now_ms` after what came before; `chance` spreads the next try of many gateways.
    pub(super) fn after(before: Option<&Self>, setback: Setback, now_ms: u64, chance: u8) -> Self {
        let attempts = before.map_or(0, |failure| failure.attempts).saturating_add(1);
        let last = BACKOFF_MS.len().saturating_sub(1);
        let backoff_ms = BACKOFF_MS.get(attempts.saturating_sub(1).min(last)).copied().unwrap_or(REFUSED_MS);
        let (least_ms, spread_ms) = match setback.kind {
            FailureKind::Refused => (REFUSED_MS, REFUSED_MS / 5),
            // A fifth less to a fifth more.
            FailureKind::Unavailable => {
                (backoff_ms.saturating_sub(backoff_ms / 5), backoff_ms.saturating_mul(2) / 5)
            }
        };
        let own_ms = least_ms.saturating_add(spread_ms.saturating_mul(u64::from(chance)) / 256);
        let wish_ms = setback.wish_ms.unwrap_or_default().min(LONGEST_WISH_MS);
        Self {
            kind: setback.kind,
            why: setback.why,
            trace: setback.trace,
            since_ms: before.map_or(now_ms, |failure| failure.since_ms),
            retry_ms: now_ms.saturating_add(own_ms.max(wish_ms)),
            attempts,
        }
    }

    /// One that is not asked about again before `retry_ms`, and that nothing else follows from.
    pub(super) fn once(setback: Setback, now_ms: u64, retry_ms: u64) -> Self {
        let Setback { kind, why, trace, wish_ms: _ } = setback;
        Self { kind, why, trace, since_ms: now_ms, retry_ms, attempts: 1 }
    }

    /// True where whoever was told of the other knows this one.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.kind, &self.why) == (other.kind, &other.why)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        told(formatter, &self.why, self.trace.as_deref())
    }
}

fn told(formatter: &mut fmt::Formatter<'_>, why: &str, trace: Option<&str>) -> fmt::Result {
    match trace {
        Some(trace) => write!(formatter, "{why} ({trace})"),
        None => formatter.write_str(why),
    }
}
