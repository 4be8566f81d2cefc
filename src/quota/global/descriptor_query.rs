//! One counter that the rate limit service is asked for.

use std::rc::Rc;

use super::Descriptor;
use crate::ledger::RemoteCounter;

/// One quota that the service is asked for.
#[derive(Debug)]
pub(in crate::quota) struct DescriptorQuery {
    pub(in crate::quota) place: usize,
    pub(in crate::quota) limit: u64,
    /// How much is taken.
    pub(in crate::quota) amount: u64,
    pub(in crate::quota) descriptor: Rc<Descriptor>,
    pub(in crate::quota) counter: RemoteCounter,
}
