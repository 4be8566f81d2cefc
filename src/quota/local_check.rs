//! How a quota stands to a call before the rate limit service is asked.

use super::global::Due;
use super::taken::Portion;
use crate::ledger::Count;

/// How a quota stands to a call before the service is asked.
pub(super) enum Standing {
    Taken(Portion, Count),
    Due(Due),
}
