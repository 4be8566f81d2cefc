//! What was taken of one counter for a call.

use std::rc::Rc;

use super::global::Descriptor;
use crate::ledger::{Counter, RemoteCounter, Reservation};

/// What was taken of one counter.
#[derive(Debug)]
pub(super) enum Taken {
    Spent(Counter),
    Held(Counter, Reservation),
    /// Of a counter that the service keeps: held until the cost is known.
    RemoteHeld(Rc<Descriptor>, Reservation),
    /// Of such a counter: spent, to be reported.
    RemoteSpent(Rc<Descriptor>, RemoteCounter, u64),
    /// The service has counted it already and takes nothing back.
    RemoteCounted,
    /// The service does not count it.
    Unlimited,
}
