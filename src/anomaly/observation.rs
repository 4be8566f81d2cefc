//! What one request shows when it comes.

/// What one request shows when it comes.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// `None` where it is not known.
    pub model: Option<&'a str>,
    /// `None` where there is none.
    pub address: Option<&'a str>,
    pub now_ms: u64,
}
