//! Which of what is worked out for a call may be remembered.

use crate::expression::{Reads, VARIABLES};
use crate::policy::{self, PolicySet};
use crate::quota::QuotaSet;

/// True where the expressions read nothing but what is remembered with their outcome.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct Remembers {
    pub(in crate::gateway) permits: bool,
    pub(in crate::gateway) charges: bool,
    /// Of two tokens with other claims, beside those that every principal has.
    pub(in crate::gateway) across_claims: bool,
}

impl Remembers {
    pub(super) fn of(policies: &PolicySet, quotas: &QuotaSet) -> Self {
        Self {
            permits: is_settled_by_path(policies.judged_by()),
            charges: is_settled_by_path(quotas.reads()),
            across_claims: !policies.judged_by().field("principal", "claims")
                && !quotas.reads().field("principal", "claims"),
        }
    }
}

/// True where nothing is read but who calls, what path and body ask, and the upstream.
fn is_settled_by_path(reads: &Reads) -> bool {
    reads.all(|variable, field| match (variable, field) {
        ("principal", Some("anomaly")) => false,
        ("llm", Some(field)) if policy::is_feature(field) => false,
        // What variables read is read by whoever reads them.
        ("principal" | "llm" | "upstream" | VARIABLES, _) => true,
        ("request", Some(field)) => matches!(field, "method" | "path" | "query"),
        _ => false,
    })
}
