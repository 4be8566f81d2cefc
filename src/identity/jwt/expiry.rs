//! When a token expires.

use crate::config::Span;

/// The expiry of a token that passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expiry {
    /// Unix milliseconds.
    pub(super) at_ms: u64,
    pub(super) leeway: Span,
}

impl Expiry {
    /// The claim `exp` in Unix seconds, rounded up.
    pub(super) fn unix_seconds(self) -> u64 {
        self.at_ms.div_ceil(1000)
    }

    /// From when on the token is refused, in Unix milliseconds.
    pub(super) fn refused_from_ms(self) -> u64 {
        self.at_ms.saturating_add(self.leeway.milliseconds())
    }
}
