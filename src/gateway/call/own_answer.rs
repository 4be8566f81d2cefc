//! What the gateway itself answers.

use std::fmt;

use crate::denial::Answer;

/// What the gateway itself answers. Its `Debug` leaves the answer out, which can hold a token.
pub(in crate::gateway) struct OwnAnswer {
    pub(in crate::gateway) answer: Answer,
    /// `None` where it was a document for everybody.
    pub(in crate::gateway) token: Option<Given>,
}

/// A token that was given or a key that was sealed, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Given {
    /// Its `jti`.
    pub(in crate::gateway) id: String,
    pub(in crate::gateway) subject: String,
    /// Unix seconds.
    pub(in crate::gateway) expires_at: u64,
    pub(in crate::gateway) kind: GivenKind,
}

/// What was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum GivenKind {
    Token,
    /// A user's own key for a provider, sealed.
    SealedKey,
}

impl fmt::Debug for OwnAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OwnAnswer({:?})", self.token)
    }
}
