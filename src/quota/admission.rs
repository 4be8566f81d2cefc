//! The proof that quotas had room, and what callers see of them.

use std::rc::Rc;

use super::charged::Charged;
use super::global::Descriptor;
use crate::config::Unit;
use crate::denial::{Counted, Rate, Rates, Shortage};
use crate::ledger::{Count, Reservation};

/// Proof that every enforced quota had room, and has been charged.
#[derive(Debug)]
pub struct Admission {
    pub(super) rates: Rates,
    pub(super) shadow_denials: Vec<String>,
    pub(super) held: Vec<Held>,
    pub(super) charged: Vec<Charged>,
    pub(super) counted_alone: Vec<String>,
}

/// What one quota holds for a request until its cost is known.
#[derive(Debug)]
pub struct Held {
    /// The quota's place in the set.
    pub(super) quota: usize,
    pub(super) reservation: Reservation,
    pub(super) hold: Hold,
}

/// Whose counter something is held of.
#[derive(Clone, Debug)]
pub(super) enum Hold {
    /// One of this Envoy.
    Local,
    /// One that the rate limit service keeps, to which the cost is reported.
    Remote(Rc<Descriptor>),
}

impl Admission {
    /// What is left in the tightest quota of each kind.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// The quotas in shadow mode that would have refused.
    pub fn shadow_denials(&self) -> &[String] {
        &self.shadow_denials
    }

    /// What quotas of requests were charged; the others are when it is [`super::QuotaSet::settle`]d.
    pub fn take_charged(&mut self) -> Vec<Charged> {
        std::mem::take(&mut self.charged)
    }

    /// The quotas that this Envoy counted alone, because the rate limit service did not answer.
    pub fn counted_alone(&self) -> &[String] {
        &self.counted_alone
    }

    /// What is to be settled when the request is over.
    pub fn take_held(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.held)
    }
}

/// Notes what callers see of one quota; there is no header for money and for requests in flight.
pub(super) fn note_rate(rates: &mut Rates, unit: Unit, count: &Count) {
    let counted = match unit {
        Unit::Requests => Counted::Requests,
        Unit::Tokens | Unit::UncachedTokens => Counted::Tokens,
        Unit::InputTokens | Unit::UncachedInputTokens => Counted::InputTokens,
        Unit::OutputTokens => Counted::OutputTokens,
        Unit::Microdollars | Unit::Concurrency => return,
    };
    let rate = Rate { limit: count.limit, remaining: count.remaining(), reset_ms: count.reset_ms };
    rates.note(counted, rate);
}

/// What a quota that refused has no room for.
pub(super) fn shortage(unit: Unit, count: &Count, now_ms: u64) -> Shortage {
    let mut rates = Rates::at(now_ms);
    note_rate(&mut rates, unit, count);
    Shortage { unit: unit.name(), limit: count.limit, rates }
}
