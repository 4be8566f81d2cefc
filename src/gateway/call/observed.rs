//! What was unusual about a call when it came.

use crate::anomaly::{Anomaly, AnomalyKind};

/// What was unusual about a call when it came.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct Observed {
    /// `None` where the past could not be read: a rule that reads it then errs.
    pub(in crate::gateway) anomaly: Option<Anomaly>,
    /// What of it is an anomaly.
    pub(in crate::gateway) kinds: Vec<AnomalyKind>,
}
