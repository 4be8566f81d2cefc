//! What has been taken for a call until it is admitted: if it is not, all of it goes back.

use super::admission::{Admission, Held, Hold, note_rate};
use super::taken::Taken;
use super::{QuotaContext, QuotaSet};
use crate::config::{Mode, Unit};
use crate::denial::{Denial, Rates};
use crate::ledger::{Budget, Count, RemoteCounter};

/// What has been taken, and what is to be said of it.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    pub(super) budget: Option<Budget>,
    pub(super) rates: Rates,
    shadow_denials: Vec<String>,
    taken: Vec<QuotaTaken>,
    /// The quotas that this Envoy counts alone, because the service did not answer.
    counted_alone: Vec<String>,
}

/// What one quota has charged, or holds.
#[derive(Debug)]
struct QuotaTaken {
    /// The quota's place in the set.
    place: usize,
    taken: Taken,
}

impl Reservations {
    pub(super) fn new(shadow_denials: Vec<String>, now_ms: u64) -> Self {
        Self { rates: Rates::at(now_ms), shadow_denials, ..Self::default() }
    }

    pub(super) fn add(&mut self, place: usize, taken: Taken) {
        self.taken.push(QuotaTaken { place, taken });
    }

    /// Notes what a quota says of the call.
    pub(super) fn note_count(&mut self, mode: Mode, unit: Unit, count: Count) {
        if mode == Mode::Enforce {
            note_rate(&mut self.rates, unit, &count);
        }
    }

    /// Notes what a quota that could not take its part says: an enforced one refuses.
    pub(super) fn refuse(&mut self, mode: Mode, id: &str, denial: Denial) -> Result<(), Denial> {
        match mode {
            Mode::Enforce => Err(denial),
            Mode::Shadow => {
                self.shadow_denials.push(id.to_owned());
                Ok(())
            }
        }
    }

    pub(super) fn counted_alone(&mut self, id: &str) {
        self.counted_alone.push(id.to_owned());
    }

    /// All that was asked for is there.
    pub(super) fn admitted(self, quotas: &QuotaSet, context: QuotaContext<'_>) -> Admission {
        let (mut held, mut charged) = (Vec::new(), Vec::new());
        for QuotaTaken { place, taken } in self.taken {
            let hold = match taken {
                Taken::Held(_, reservation) => Some((reservation, Hold::Local)),
                Taken::RemoteHeld(descriptor, reservation) => Some((reservation, Hold::Remote(descriptor))),
                Taken::RemoteSpent(descriptor, _, amount) => {
                    context.unreported.add(descriptor, amount, context.now_ms);
                    None
                }
                Taken::Spent(_) | Taken::RemoteCounted => None,
                Taken::Unlimited => continue,
            };
            match hold {
                Some((reservation, hold)) => held.push(Held { quota: place, reservation, hold }),
                None => charged.extend(quotas.quotas.get(place).and_then(|quota| quota.charged(place, 1))),
            }
        }
        Admission {
            rates: self.rates,
            shadow_denials: self.shadow_denials,
            held,
            charged,
            counted_alone: self.counted_alone,
        }
    }

    /// A request that one quota refuses costs nothing in the others. What cannot be given back stays: it errs on the strict
    /// side and leaves by itself.
    pub(super) fn give_back(self, quotas: &QuotaSet, context: QuotaContext<'_>) {
        let QuotaContext { ledger, store, now_ms, .. } = context;
        if let Some(budget) = &self.budget {
            let _ = budget.give_back(ledger, store, now_ms);
        }
        for QuotaTaken { place, taken } in self.taken {
            let Some(quota) = quotas.quotas.get(place) else { continue };
            match taken {
                Taken::Spent(counter) => quota.measure.give_back(&counter, None, context),
                Taken::Held(counter, held) => quota.measure.give_back(&counter, Some(&held), context),
                Taken::RemoteHeld(_, held) => {
                    let _ = RemoteCounter::settle((ledger, store), &held, 0, now_ms);
                }
                Taken::RemoteSpent(_, counter, amount) => {
                    let _ = counter.release((ledger, store), amount, None, now_ms);
                }
                Taken::RemoteCounted | Taken::Unlimited => {}
            }
        }
    }
}
