//! Counters of requests per window, exact across all workers of one Envoy.
//!
//! A window is cut into steps, and the counter holds what was spent in each of the latest ones:
//! - **fixed**: one step, as long as the window, aligned to its multiples since the Unix epoch. Only the
//!   current step counts, so two windows' worth may pass around the boundary.
//! - **calendar**: the same, and a step is a day, week or month of a time zone.
//! - **sliding**: twelve steps. The current one and the twelve before it count, the oldest of them whole
//!   although it is partly over. So no closed interval of the window's length ever holds more than the
//!   limit, and what was spent comes back when its step is over: never early, at most one step (a twelfth of
//!   the window) late.
//!
//! A refused request spends nothing. Time is the latest step anybody spent in: a worker whose clock is
//! behind spends in that step too, and after a clock was set back room comes back only when it caught up.
//! Changing a window's kind, length or time zone starts a new counter.
//!
//! It does not know quotas or descriptors, and it does not hold a request back.

use std::num::NonZeroU64;

use super::tally::Tally;
use super::{Calendar, Change, Count, Counter, Entry, Ledger, LedgerError, Namespace, Store, compose};
use crate::config::{ConfigError, Span, WindowKind};

/// The steps of a sliding window.
const SLIDING_STEPS: u64 = 12;

/// How much longer than needed an entry lives, so that a worker whose clock is ahead of the spender's does
/// not drop it early.
pub(super) const CLOCK_SLACK_MS: u64 = 1000;

const SHORTEST: Span = Span::from_seconds(1);
const LONGEST: Span = Span::from_seconds(31 * 24 * 60 * 60);

/// How a counter's window moves, and how long it is.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pace: Pace,
}

#[derive(Clone, Copy, Debug)]
enum Pace {
    Sliding { length_ms: NonZeroU64 },
    Fixed { length_ms: NonZeroU64 },
    Calendar(Calendar),
}

impl Window {
    pub fn compile(kind: WindowKind, length: Span) -> Result<Self, ConfigError> {
        let refused =
            || ConfigError::new("window", format!("`{length}` is not between {SHORTEST} and {LONGEST}"));
        if length < SHORTEST || length > LONGEST {
            return Err(refused());
        }
        let length_ms = NonZeroU64::new(length.milliseconds()).ok_or_else(refused)?;
        Ok(Self::of(kind, length_ms))
    }

    pub(super) const fn of(kind: WindowKind, length_ms: NonZeroU64) -> Self {
        let pace = match kind {
            WindowKind::Sliding => Pace::Sliding { length_ms },
            WindowKind::Fixed => Pace::Fixed { length_ms },
        };
        Self { pace }
    }

    /// A window that starts anew with each day, week or month.
    pub fn following(calendar: Calendar) -> Self {
        Self { pace: Pace::Calendar(calendar) }
    }

    /// The counter of `key` for this window. Steps are numbered by the window's length, so a counter of another length
    /// is another counter.
    pub fn counter(&self, key: &[u8]) -> Counter {
        self.counter_in(Namespace::Quota, key)
    }

    pub(super) fn counter_in(&self, namespace: Namespace, key: &[u8]) -> Counter {
        let key = match &self.pace {
            Pace::Sliding { length_ms } => compose(&[b"sliding", &length_ms.get().to_le_bytes(), key]),
            Pace::Fixed { length_ms } => compose(&[b"fixed", &length_ms.get().to_le_bytes(), key]),
            Pace::Calendar(calendar) => {
                compose(&[calendar.period().name().as_bytes(), calendar.zone().as_bytes(), key])
            }
        };
        Counter::of(Entry { namespace, key: &key })
    }

    /// Spends `cost` from the counter where `limit` has room for all of it. A cost of 0 is a [`Window::peek`].
    pub fn spend(
        &self,
        ledger: &Ledger,
        store: &dyn Store,
        counter: &Counter,
        limit: u64,
        cost: u64,
        now_ms: u64,
    ) -> Result<Count, LedgerError> {
        let spent = ledger.update_named(store, counter.name(), now_ms, |value| {
            let Some(tally) = self.tally(value, now_ms) else { return Change::Keep(None) };
            let count = self.judge(&tally, limit, cost.max(1), now_ms);
            if cost == 0 || !count.admitted {
                return Change::Keep(Some(count));
            }
            let tally = tally.plus(cost);
            self.put(
                &tally,
                Some(Count { used: tally.used(), reset_ms: self.reset_ms(&tally, now_ms), ..count }),
            )
        });
        spent?.ok_or(LedgerError::Absent)
    }

    /// The tally with what was charged in this step taken back; where somebody has spent in a later one since, it stays.
    pub(super) fn less(&self, tally: &Tally, cost: u64, now_ms: u64) -> Tally {
        if tally.newest() == self.step_at(now_ms) { tally.minus(cost) } else { *tally }
    }

    pub(super) fn put<T>(&self, tally: &Tally, result: T) -> Change<T> {
        let expires_ms = self.end_of(tally.newest()).saturating_add(CLOCK_SLACK_MS);
        Change::Put { value: tally.encode(), expires_ms, result }
    }

    /// Takes back what was spent a moment ago for a request that then did not go on. Where the step has
    /// passed since, the charge stays and leaves with its window: the strict side.
    pub fn give_back(
        &self,
        ledger: &Ledger,
        store: &dyn Store,
        counter: &Counter,
        cost: u64,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        ledger.update_named(store, counter.name(), now_ms, |value| {
            let Some(tally) = value.and_then(|value| self.tally(Some(value), now_ms)) else {
                return Change::Keep(());
            };
            self.put(&self.less(&tally, cost, now_ms), ())
        })
    }

    /// What a request of cost 1 would meet, without spending.
    pub fn peek(
        &self,
        ledger: &Ledger,
        store: &dyn Store,
        counter: &Counter,
        limit: u64,
        now_ms: u64,
    ) -> Result<Count, LedgerError> {
        self.spend(ledger, store, counter, limit, 0, now_ms)
    }

    /// The counter at `now_ms`; `None` where the stored value is none of ours.
    pub(super) fn tally(&self, value: Option<&[u8]>, now_ms: u64) -> Option<Tally> {
        let step = self.step_at(now_ms);
        let stored = match value {
            Some(value) => Tally::decode(value)?,
            None => Tally::starting_at(step),
        };
        Some(stored.advanced(step, self.counted_steps()))
    }

    pub(super) fn judge(&self, tally: &Tally, limit: u64, cost: u64, now_ms: u64) -> Count {
        let used = tally.used();
        let admitted = used.checked_add(cost).is_some_and(|sum| sum <= limit);
        let retry_ms = if admitted { 0 } else { self.retry_ms(tally, limit, cost, now_ms) };
        Count { used, limit, reset_ms: self.reset_ms(tally, now_ms), retry_ms, admitted }
    }

    pub(super) fn reset_ms(&self, tally: &Tally, now_ms: u64) -> u64 {
        tally.spent().next_back().map_or(0, |(step, _)| self.end_of(step).saturating_sub(now_ms))
    }

    /// Lets the oldest steps go until the request fits.
    pub(super) fn retry_ms(&self, tally: &Tally, limit: u64, cost: u64, now_ms: u64) -> u64 {
        let Some(room_for) = limit.checked_sub(cost) else { return Count::NEVER };
        let mut used = tally.used();
        for (step, count) in tally.spent() {
            used = used.saturating_sub(count);
            if used <= room_for {
                return self.end_of(step).saturating_sub(now_ms);
            }
        }
        Count::NEVER
    }

    /// How many steps count at once, the current one included.
    pub(super) fn counted_steps(&self) -> usize {
        match self.pace {
            Pace::Sliding { .. } => super::tally::MOST_STEPS,
            Pace::Fixed { .. } | Pace::Calendar(_) => 1,
        }
    }

    pub(super) fn step_at(&self, now_ms: u64) -> u64 {
        match &self.pace {
            Pace::Sliding { length_ms } => now_ms.saturating_mul(SLIDING_STEPS) / *length_ms,
            Pace::Fixed { length_ms } => now_ms / *length_ms,
            Pace::Calendar(calendar) => calendar.step_at(now_ms),
        }
    }

    /// The first millisecond in which `step` no longer counts.
    pub(super) fn end_of(&self, step: u64) -> u64 {
        let counted = u64::try_from(self.counted_steps()).unwrap_or(u64::MAX);
        let next = step.saturating_add(counted);
        match &self.pace {
            Pace::Sliding { length_ms } => next.saturating_mul(length_ms.get()).div_ceil(SLIDING_STEPS),
            Pace::Fixed { length_ms } => next.saturating_mul(length_ms.get()),
            Pace::Calendar(calendar) => calendar.start_of(next),
        }
    }
}
