//! What walks have found out of a call, and the parts of it that a walk goes on with.

use super::arrival::Arrival;
use super::identified::Identified;
use super::received::Received;
use super::recognised::Recognised;
use super::taken::Taken;

/// What walks have found out of a call whose caller is proven.
#[derive(Debug)]
pub(in crate::gateway) struct Found {
    pub(in crate::gateway) who: Identified,
    /// `None` until it is known what the path asks of the upstream; a call that asks the gateway itself never has one.
    pub(in crate::gateway) what: Option<Recognised>,
}

/// The parts of a call whose caller is proven in this walk, each to be changed by itself.
pub(in crate::gateway) struct Authenticated<'a> {
    pub(in crate::gateway) arrival: &'a Arrival,
    pub(in crate::gateway) received: &'a Received,
    pub(in crate::gateway) who: &'a mut Identified,
    pub(in crate::gateway) what: &'a mut Option<Recognised>,
    pub(in crate::gateway) taken: &'a mut Taken,
}
