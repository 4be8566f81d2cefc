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
    /// The name of the key that has sealed it; `None` of a token.
    pub(in crate::gateway) sealed_by: Option<String>,
}

impl fmt::Debug for OwnAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OwnAnswer({:?})", self.token)
    }
}
