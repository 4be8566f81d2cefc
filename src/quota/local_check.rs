//! How a quota stands to a call before the rate limit service is asked.

use super::global::DescriptorQuery;
use super::taken::Taken;
use crate::ledger::Count;

/// How a quota stands to a call before the service is asked.
pub(super) enum LocalCheck {
    Taken(Taken, Count),
    /// The service is to be asked.
    Ask(DescriptorQuery),
}
