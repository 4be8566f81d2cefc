//! How often the house is called by the clock.
//!
//! Envoy begins a tick anew whenever its period is set. Requests that each set it, and come more often than it, would put it
//! off for as long as they come; so it is set only to come sooner, or in the tick itself.

use std::cell::Cell;
use std::time::Duration;

use super::house::House;

/// While there is a question to be sent that streams wait for, or they are woken in turn.
pub(in crate::lifecycle) const SENDING_TICK: Duration = Duration::from_millis(1);
/// While streams wait for keys.
pub(in crate::lifecycle) const BUSY_TICK: Duration = Duration::from_millis(10);
/// While a list or a feed has never come, and requests may be refused for it.
pub(in crate::lifecycle) const WAITING_TICK: Duration = Duration::from_millis(50);
/// Where lists or feeds are polled: a revoked credential may pass this much longer in a worker that did not ask itself.
pub(in crate::lifecycle) const POLLING_TICK: Duration = Duration::from_millis(100);
pub(in crate::lifecycle) const IDLE_TICK: Duration = Duration::from_secs(1);

/// The tick of one configuration in one worker.
#[derive(Default)]
pub(in crate::lifecycle) struct Ticker {
    period: Cell<Option<Duration>>,
}

impl Ticker {
    /// In the tick: says when the next one comes.
    pub(in crate::lifecycle) fn set(&self, house: &dyn House, period: Duration) {
        if self.period.replace(Some(period)) != Some(period) {
            house.tick_every(period);
        }
    }

    /// At any other time: the next one comes no later than this.
    pub(in crate::lifecycle) fn quicken(&self, house: &dyn House, period: Duration) {
        if self.period.get().is_none_or(|current| period < current) {
            self.set(house, period);
        }
    }
}
