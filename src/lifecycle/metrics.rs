//! What is counted, under the names that `docs/reference.md` has.

mod cache;
mod calls;
mod documents;
mod events;
mod ledger_gauge;
mod members;
mod rate_limits;
mod shared_gauge;
mod tokens;

pub(super) use cache::CacheMetrics;
pub(super) use calls::CallMetrics;
pub(super) use documents::DocumentMetrics;
pub(super) use events::{
    count_anomaly, count_introspection, count_key_fetch, count_own_key, count_user_token,
};
pub(super) use ledger_gauge::LedgerGauge;
pub(super) use members::{count_member, tell_member};
pub(super) use rate_limits::RateLimitMetrics;
pub(super) use tokens::TokenMetrics;
