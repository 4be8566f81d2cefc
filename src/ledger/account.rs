//! Accounts: what was spent within a window, and what is held for requests whose cost is not known yet.
//!
//! Both are one value, so that holding is one compare-and-set: of requests that come together no more pass than there is
//! room for what they hold. When a request is settled, what it held comes off and what it cost goes on, in one change as
//! well. What is never settled, because its worker was lost, comes off by itself after an hour and a twelfth.
//!
//! A cost counts from the moment when it is known. It may be more than what was held, so an account can exceed its limit:
//! by at most what the requests that it let through at once cost beyond what they held.
//!
//! ```text
//! value  = length held spent
//!          length   1 byte           of `held`
//!          held, spent               tallies, as `tally.rs` has them; `spent` is absent where nothing is
//! ```

use std::num::NonZeroU64;

use super::tally::{MOST_STEPS, Tally};
use super::window::CLOCK_SLACK_MS;
use super::{Change, Count, Counter, Entry, Ledger, LedgerError, Namespace, Store, Window};
use crate::config::WindowKind;

/// How long something is held at most, in milliseconds, but for the last step.
const LONGEST_HELD_MS: NonZeroU64 = match NonZeroU64::new(60 * 60 * 1000) {
    Some(milliseconds) => milliseconds,
    None => NonZeroU64::MIN,
};

/// How soon what is held for others may come off, in milliseconds.
pub const SOON_MS: u64 = 1000;

/// What an account counts beside what is held.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// `None` where nothing is ever spent: requests in flight.
    window: Option<Window>,
}

/// What is held for one request until it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub(super) counter: Counter,
    pub(super) step: u64,
    pub(super) amount: u64,
}

/// One account at one moment.
#[derive(Clone, Copy)]
struct Balance {
    held: Tally,
    spent: Tally,
}

impl Reservation {
    /// How much is held.
    pub fn amount(&self) -> u64 {
        self.amount
    }
}

impl Account {
    /// Of what is spent within `window` and held.
    pub fn within(window: Window) -> Self {
        Self { window: Some(window) }
    }

    /// Of what is held alone.
    pub fn in_flight() -> Self {
        Self { window: None }
    }

    /// The account of `key`.
    pub fn counter(&self, key: &[u8]) -> Counter {
        match &self.window {
            Some(window) => window.counter_in(Namespace::Reservation, key),
            None => Counter::of(Entry { namespace: Namespace::Concurrency, key }),
        }
    }

    /// Holds `amount` where `limit` has room for it; an account with nothing on it has room for whatever it is, unless
    /// the limit is 0.
    ///
    /// # Errors
    /// As [`Ledger::update`]; nothing is held then.
    pub fn hold(
        &self,
        ledger: &Ledger,
        store: &dyn Store,
        (counter, limit): (&Counter, u64),
        amount: u64,
        now_ms: u64,
    ) -> Result<(Count, Option<Reservation>), LedgerError> {
        let held = ledger.update_named(store, counter.name(), now_ms, |value| {
            let Some(balance) = self.balance(value, now_ms) else { return Change::Keep(None) };
            let used = balance.used();
            let fits = used.checked_add(amount).is_some_and(|sum| sum <= limit) || (used == 0 && limit > 0);
            let held = if fits { balance.held.plus(amount) } else { balance.held };
            let balance = Balance { held, ..balance };
            let count = Count {
                used: balance.used(),
                limit,
                reset_ms: self.reset_ms(&balance, now_ms),
                retry_ms: if fits { 0 } else { self.retry_ms(&balance, limit, amount, now_ms) },
                admitted: fits,
            };
            let reservation = Reservation { counter: *counter, step: held.newest(), amount };
            match fits {
                true => self.put(&balance, Some((count, Some(reservation)))),
                false => Change::Keep(Some((count, None))),
            }
        });
        held?.ok_or(LedgerError::Absent)
    }

    /// Takes off what was held, and charges what it cost.
    ///
    /// # Errors
    /// As [`Ledger::update`]; nothing is charged then.
    pub fn settle(
        &self,
        ledger: &Ledger,
        store: &dyn Store,
        reservation: &Reservation,
        cost: u64,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        let Reservation { counter, step, amount } = reservation;
        ledger.update_named(store, counter.name(), now_ms, |value| {
            // Bytes that are none of ours refuse whoever comes next; there is nothing to charge.
            let Some(balance) = self.balance(value, now_ms) else { return Change::Keep(()) };
            let cost = if self.window.is_some() { cost } else { 0 };
            let balance =
                Balance { held: balance.held.minus_at(*step, *amount), spent: balance.spent.plus(cost) };
            if balance.used() == 0 { Change::Remove(()) } else { self.put(&balance, ()) }
        })
    }

    /// `None` where the stored value is none of ours.
    fn balance(&self, value: Option<&[u8]>, now_ms: u64) -> Option<Balance> {
        let (held, spent) = match value {
            None => (None, None),
            Some(value) => {
                let (held, spent) = Tally::decode_before(value)?;
                let spent = if spent.is_empty() { None } else { Some(Tally::decode(spent)?) };
                (Some(held), spent)
            }
        };
        let step = held_window().step_at(now_ms);
        let held = held.unwrap_or(Tally::starting_at(step)).advanced(step, MOST_STEPS);
        let spent = match &self.window {
            None => Tally::starting_at(0),
            Some(window) => {
                let step = window.step_at(now_ms);
                spent.unwrap_or(Tally::starting_at(step)).advanced(step, window.counted_steps())
            }
        };
        Some(Balance { held, spent })
    }

    fn put<T>(&self, balance: &Balance, result: T) -> Change<T> {
        let spent = if balance.spent.used() == 0 { Vec::new() } else { balance.spent.encode() };
        let mut ends_ms = held_window().end_of(balance.held.newest());
        if let Some(window) = self.window.as_ref().filter(|_| !spent.is_empty()) {
            ends_ms = ends_ms.max(window.end_of(balance.spent.newest()));
        }
        let value = balance.held.encode_before(&spent);
        Change::Put { value, expires_ms: ends_ms.saturating_add(CLOCK_SLACK_MS), result }
    }

    /// What is held comes off soon; what is spent, with its steps.
    fn retry_ms(&self, balance: &Balance, limit: u64, amount: u64, now_ms: u64) -> u64 {
        let fits_soon = balance.spent.used().saturating_add(amount) <= limit || balance.spent.used() == 0;
        match &self.window {
            _ if limit == 0 => Count::NEVER,
            Some(window) if !fits_soon => {
                window.retry_ms(&balance.spent, limit, amount.min(limit), now_ms).max(SOON_MS)
            }
            _ => SOON_MS,
        }
    }

    fn reset_ms(&self, balance: &Balance, now_ms: u64) -> u64 {
        let spent = self.window.as_ref().map_or(0, |window| window.reset_ms(&balance.spent, now_ms));
        if spent == 0 && balance.held.used() > 0 { SOON_MS } else { spent }
    }
}

impl Balance {
    fn used(&self) -> u64 {
        self.held.used().saturating_add(self.spent.used())
    }
}

/// How long something is held at most.
pub(super) fn held_window() -> Window {
    Window::of(WindowKind::Sliding, LONGEST_HELD_MS)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "test code: an overflow fails the test")]
mod tests;
