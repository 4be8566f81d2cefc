//! Whether a call may still wait.

/// Whether a call may still wait for what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Left,
    Exhausted,
}
