//! How one quota stands to a call before the rate limit service is asked.

use std::rc::Rc;

use super::basket::Portion;
use super::global::Descriptor;
use crate::ledger::{Count, RemoteCounter};

/// One quota that the service is asked for.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) place: usize,
    pub(super) limit: u64,
    /// How much is taken.
    pub(super) amount: u64,
    pub(super) descriptor: Rc<Descriptor>,
    pub(super) counter: RemoteCounter,
}

/// How a quota stands to a call before the service is asked.
pub(super) enum Standing {
    Taken(Portion, Count),
    Due(Due),
}
