//! The refusals of a body that is not what its operation takes, not well-formed, or not read alike by all.

use crate::denial::{Denial, Reason};

pub(super) fn unsupported(detail: &'static str) -> Denial {
    Denial::new(Reason::BodyUnsupported).with_detail(detail)
}

pub(in crate::dialect) fn ambiguous(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::BodyAmbiguous).with_detail(detail)
}

pub(in crate::dialect) fn malformed(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::BodyMalformed).with_detail(detail)
}
