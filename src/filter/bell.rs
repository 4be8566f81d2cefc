//! Calls the root once what Envoy is doing just now is over: as soon as the requests that came together have been looked at.
//!
//! A tick comes a millisecond later at best. A queue of the host calls at once, but from Envoy's loop: it has no other use here, and
//! what stands in it is nothing.

use std::cell::OnceCell;

use super::clock::Dice;
use super::host;

/// The bell of one root in one worker.
#[derive(Default)]
pub(super) struct Bell {
    queue: OnceCell<Option<u32>>,
}

impl Bell {
    /// Has `on_queue_ready` of the root called soon; false where the host cannot.
    pub(super) fn ring(&self, dice: &Dice) -> bool {
        // All workers and configurations share the names of queues.
        let name = || format!("claimgate.{:032x}", u128::from_le_bytes(dice.roll()));
        self.queue.get_or_init(|| host::register_queue(&name())).is_some_and(host::put_nothing)
    }
}
