//! What is counted, under the names that `docs/reference.md` has.

mod cache;
mod calls;
mod documents;
mod events;
mod families;
mod ledger_gauge;
mod members;
mod own_keys;
mod rate_limits;
mod shared_gauge;
mod tokens;

pub(super) use cache::CacheMetrics;
pub(super) use calls::CallMetrics;
pub(super) use documents::DocumentMetrics;
pub(super) use events::{count_anomaly, count_introspection, count_key_fetch, count_panic};
pub(super) use families::families;
pub(super) use ledger_gauge::LedgerGauge;
pub(super) use members::{MemberEvent, count_member, tell_member};
pub(super) use own_keys::count_own_key;
pub(super) use rate_limits::RateLimitMetrics;
pub(super) use tokens::{TokenMetrics, count_user_token};
