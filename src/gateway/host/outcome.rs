//! How a walk ends, for the host.

use super::need::Need;
use crate::upstream::HeaderPatch;

/// How a walk ends.
#[derive(Debug)]
pub enum Outcome {
    /// Edit the request's headers and let it go, with [`Call::rewritten`](crate::gateway::Call::rewritten) in place of its body where there is one.
    Forward(HeaderPatch),
    /// Answer with [`Call::answer`](crate::gateway::Call::answer), which says no.
    Refuse,
    /// Answer with [`Call::answer`](crate::gateway::Call::answer): the gateway itself was asked for something.
    Answer,
    Need(Need),
}
