//! What one quota was charged for one request, as the record and the counters have it.

use std::sync::Arc;

use crate::config::Unit;

/// What one quota was charged: a request when it was let through, the rest when its cost was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charged {
    /// The quota's place in the set.
    pub place: usize,
    /// The quota's id.
    pub quota: Arc<str>,
    pub unit: Unit,
    /// In the quota's unit; 0 where the quota applied and the request cost nothing.
    pub amount: u64,
}
