//! The two refusals of a request whose operation is not recognised.

use crate::denial::{Denial, Reason};

pub(super) fn unknown(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::OperationUnknown).with_detail(detail)
}

pub(super) fn ambiguous(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::PathAmbiguous).with_detail(detail)
}
