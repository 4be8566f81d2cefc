//! The counters and the clock of a walk.

use super::global::UnreportedCharges;
use crate::ledger::{Allotments, Ledger, Store};

/// The counters and the clock of this walk.
#[derive(Clone, Copy)]
pub struct QuotaContext<'a> {
    pub ledger: &'a Ledger,
    pub store: &'a dyn Store,
    /// What this worker has charged ahead.
    pub allotments: &'a Allotments,
    /// What this worker owes to the rate limit service.
    pub unreported: &'a UnreportedCharges,
    pub now_ms: u64,
}
