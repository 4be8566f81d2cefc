//! What is unusual about a call, against its caller's own recent past: how many requests, how many model tokens, which model,
//! from which network, and how often it is refused.
//!
//! What is known of a caller is one small entry on the ledger, so that all workers of an Envoy have the same. A request that
//! comes changes it once; what a request has come to when it is over waits in its worker, and goes on with the caller's next
//! request or the next tick. It does not refuse anybody: rules do, by `principal.anomaly`.
//!
//! # Bounded
//! There are 16,384 places for callers, and a caller's name gives its place; all of them together take at most 3 MiB. A
//! caller whose place is taken gets it once the other has sent nothing for ten periods; until then it has no history, and nothing
//! about it is an anomaly. So whoever has very many names can hide from a baseline, and gains nothing else: quotas count on.
//!
//! # Slowly
//! A caller who raises its rate step by step raises its baseline with it. A period counts for at most twice the baseline, so
//! that a burst that goes on for hours stays one for long; the right bound on what anybody may do is a quota.

mod kinds;
mod principal_hash;
mod recently_used;
mod totals;
mod observation;
mod history;
mod pending_totals;
mod anomalies;

pub use anomalies::Anomalies;
pub use kinds::{Anomaly, AnomalyKind};
pub use observation::Observation;
pub use pending_totals::PendingTotals;
pub use principal_hash::PrincipalHash;
pub use totals::Totals;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "test code: an overflow fails the test")]
mod tests;
