//! Another body in place of the caller's.

/// Another body in place of the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Rewriting {
    None,
    /// This one is to go on.
    Due(Vec<u8>),
    Done,
}

impl From<Option<Vec<u8>>> for Rewriting {
    fn from(body: Option<Vec<u8>>) -> Self {
        body.map_or(Self::None, Self::Due)
    }
}
