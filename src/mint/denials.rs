//! How a request for a token is refused.

use crate::denial::{Denial, Reason};

/// It is not one, or asks for what there is not.
pub(super) fn invalid(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::TokenRequestInvalid).with_detail(detail)
}

/// It asks for more than it may have.
pub(super) fn denied(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::TokenRequestDenied).with_detail(detail)
}
