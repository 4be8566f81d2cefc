//! What was taken of one counter for a call.

use std::rc::Rc;

use super::global::Descriptor;
use crate::ledger::{Counter, RemoteCounter, Reservation};

/// What was taken of one counter.
#[derive(Debug)]
pub(super) enum Portion {
    Spent(Counter),
    Held(Counter, Reservation),
    /// Of a counter that the service keeps: held until the cost is known.
    SharedHeld(Rc<Descriptor>, Reservation),
    /// Of such a counter: spent, to be reported.
    SharedSpent(Rc<Descriptor>, RemoteCounter, u64),
    /// The service has counted it already and takes nothing back.
    Counted,
    /// The service does not count it.
    Unlimited,
}
