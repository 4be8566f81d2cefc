//! Why a walk ends before its last step.

use super::Need;
use crate::denial::{Denial, Reason};

/// A walk's end before the outcome is put into the call.
pub(in crate::gateway) enum Stop {
    Denied(Denial),
    Need(Need),
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Denied(reason.into())
    }
}
