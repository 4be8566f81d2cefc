//! A token that was given.

/// A token that was given, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Given {
    /// The token's `jti`.
    pub(in crate::gateway) id: String,
    pub(in crate::gateway) subject: String,
    /// Unix seconds.
    pub(in crate::gateway) expires_at: u64,
}
