//! What requests of one caller have come to.

/// What requests have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub requests: u32,
    pub refused: u32,
    pub tokens: u64,
}
