//! How much of a call's body the host holds.

/// How much of a call's body lies with the host while the call waits, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What has come so far.
    pub come: u64,
    /// Where all of it will be held that is announced, the most that may be.
    pub most: Option<u64>,
}
