//! What this Envoy knows of a counter that the rate limit service keeps for all, and what its workers take of it.
//!
//! The service says how much is left. Of that, some is held for requests whose cost is not known yet, and some is spent and
//! not reported yet: all three are one value, so that requests that come together do not all pass on what is left once.
//! What is held or owed and never taken off, because its worker was lost, comes off by itself after an hour and a twelfth.
//!
//! # Which answer counts
//! Answers overtake each other. One that was asked for after another had come knows all that the other knew, and takes its
//! place. Of two that were under way together, the lower counts within a window, and the later window else.
//!
//! ```text
//! value  = window limit left heard length held owed
//!          window, limit, left, heard   8 bytes each, little endian
//!          length                       1 byte, of `held`
//!          held, owed                   tallies, as `tally.rs` has them
//! ```

use super::account::{Reservation, held_window};
use super::tally::{MOST_STEPS, Tally};
use super::window::CLOCK_SLACK_MS;
use super::{Change, Counter, Entry, Ledger, LedgerError, Namespace, Owner, Store};

/// How long what the service said is kept where nothing is held or owed, in milliseconds.
const IDLE_MS: u64 = 60_000;

/// The share of a counter that its Envoy knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mirror(Counter);

/// What the service has said of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Of which window, by number.
    pub window: u64,
    pub limit: u64,
    pub left: u64,
    /// When it was asked, in milliseconds since the epoch.
    pub asked_ms: u64,
}

/// On what a request is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// What the service has said of this window since then.
    Heard { window: u64, since_ms: u64 },
    /// What it says now.
    Told(Told),
    /// It says nothing: what it said of this window before, or all of the limit.
    Alone { window: u64, limit: u64 },
}

/// How an amount is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Until its cost is known.
    Hold(u64),
    /// For good, to be reported.
    Spend(u64),
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub admitted: bool,
    pub limit: u64,
    /// After this request, where it was admitted.
    pub left: u64,
    /// True where not even what is held for others would have been enough.
    pub is_used_up: bool,
    /// What is held for it.
    pub reservation: Option<Reservation>,
}

/// One mirror at one moment.
#[derive(Clone, Copy)]
struct State {
    window: u64,
    limit: u64,
    left: u64,
    heard_ms: u64,
    held: Tally,
    owed: Tally,
}

impl Mirror {
    /// The mirror of the counter that `key` names.
    pub fn of(key: &[u8]) -> Self {
        Self(Counter::of(Entry { namespace: Namespace::Mirror, key }))
    }

    /// The same, which belongs to `owner` where it is not there yet.
    pub fn made_by(self, owner: Owner) -> Self {
        Self(self.0.made_by(owner))
    }

    /// Takes an amount where there is room for it, or where nothing of the limit is used at all; `None` where nothing is
    /// known that is new enough.
    ///
    /// # Errors
    /// As [`Ledger::update`]; nothing is taken then.
    pub fn take(
        &self,
        (ledger, store): (&Ledger, &dyn Store),
        basis: Basis,
        take: Take,
        now_ms: u64,
    ) -> Result<Option<Share>, LedgerError> {
        let taken = ledger.update_named(store, self.0.name(), now_ms, |value| {
            let Some(known) = State::read(value, now_ms) else { return Change::Keep(Err(())) };
            let Some(known) = known.on(basis, now_ms) else { return Change::Keep(Ok(None)) };
            let (state, share) = known.taking(self.0, take);
            match basis {
                // Nothing is new.
                Basis::Heard { .. } if !share.admitted => Change::Keep(Ok(Some(share))),
                _ => state.put(now_ms, Ok(Some(share))),
            }
        });
        taken?.map_err(|()| LedgerError::Absent)
    }

    /// Takes off what was held, and owes what it cost.
    ///
    /// # Errors
    /// As [`Ledger::update`]; nothing is owed then.
    pub fn settle(
        (ledger, store): (&Ledger, &dyn Store),
        reservation: &Reservation,
        cost: u64,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        let Reservation { counter, step, amount } = reservation;
        ledger.update_named(store, counter.name(), now_ms, |value| {
            let Some(state) = State::read(value, now_ms) else { return Change::Keep(()) };
            let (held, owed) = (state.held.minus_at(*step, *amount), state.owed.plus(cost));
            State { held, owed, ..state }.put(now_ms, ())
        })
    }

    /// Takes off what was owed: it is reported, and the answer tells what is left, or it is given back.
    ///
    /// # Errors
    /// As [`Ledger::update`]; it stays owed then.
    pub fn relieve(
        &self,
        (ledger, store): (&Ledger, &dyn Store),
        amount: u64,
        told: Option<Told>,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        ledger.update_named(store, self.0.name(), now_ms, |value| {
            let Some(state) = State::read(value, now_ms) else { return Change::Keep(()) };
            let state = told.map_or(state, |told| state.told(told, now_ms));
            State { owed: state.owed.minus_oldest(amount), ..state }.put(now_ms, ())
        })
    }
}

impl State {
    /// `None` where the stored value is none of ours.
    fn read(value: Option<&[u8]>, now_ms: u64) -> Option<Self> {
        let step = held_window().step_at(now_ms);
        let Some(value) = value else {
            let nothing = Tally::starting_at(step);
            return Some(Self { window: 0, limit: 0, left: 0, heard_ms: 0, held: nothing, owed: nothing });
        };
        let (window, rest) = value.split_first_chunk()?;
        let (limit, rest) = rest.split_first_chunk()?;
        let (left, rest) = rest.split_first_chunk()?;
        let (heard, rest) = rest.split_first_chunk()?;
        let (held, owed) = Tally::decode_before(rest)?;
        let now = |tally: Tally| tally.advanced(step, MOST_STEPS);
        Some(Self {
            window: u64::from_le_bytes(*window),
            limit: u64::from_le_bytes(*limit),
            left: u64::from_le_bytes(*left),
            heard_ms: u64::from_le_bytes(*heard),
            held: now(held),
            owed: now(Tally::decode(owed)?),
        })
    }

    /// `None` where what is known is not enough.
    fn on(self, basis: Basis, now_ms: u64) -> Option<Self> {
        match basis {
            Basis::Told(told) => Some(self.told(told, now_ms)),
            Basis::Heard { window, since_ms } => {
                (self.window == window && self.heard_ms >= since_ms).then_some(self)
            }
            Basis::Alone { window, .. } if self.window == window && self.heard_ms > 0 => Some(self),
            Basis::Alone { window, limit } => Some(Self { window, limit, left: limit, heard_ms: 1, ..self }),
        }
    }

    fn told(self, told: Told, now_ms: u64) -> Self {
        let Told { window, limit, left, asked_ms } = told;
        let new = Self { window, limit, left, heard_ms: now_ms.max(self.heard_ms), ..self };
        match window.cmp(&self.window) {
            _ if asked_ms > self.heard_ms => new,
            std::cmp::Ordering::Greater => new,
            std::cmp::Ordering::Equal => Self { left: left.min(self.left), ..new },
            std::cmp::Ordering::Less => self,
        }
    }

    fn taken(&self) -> u64 {
        self.held.used().saturating_add(self.owed.used())
    }

    fn taking(self, counter: Counter, take: Take) -> (Self, Share) {
        let (Take::Hold(amount) | Take::Spend(amount)) = take;
        let room = self.left.saturating_sub(self.taken());
        // A limit below what one request may cost is no reason to refuse each of them.
        let is_untouched = self.taken() == 0 && self.left == self.limit && self.limit > 0;
        let admitted = amount <= room || is_untouched;
        let state = match take {
            _ if !admitted => self,
            Take::Hold(amount) => Self { held: self.held.plus(amount), ..self },
            Take::Spend(amount) => Self { owed: self.owed.plus(amount), ..self },
        };
        let held = Reservation { counter, step: self.held.newest(), amount };
        let share = Share {
            admitted,
            limit: self.limit,
            left: if admitted { room.saturating_sub(amount) } else { room },
            is_used_up: self.left.saturating_sub(self.owed.used()) < amount,
            reservation: matches!(take, Take::Hold(_) if admitted).then_some(held),
        };
        (state, share)
    }

    fn put<T>(&self, now_ms: u64, result: T) -> Change<T> {
        let numbers = [self.window, self.limit, self.left, self.heard_ms].map(u64::to_le_bytes).concat();
        let value = [numbers, self.held.encode_before(&self.owed.encode())].concat();
        let ends_ms = match self.taken() {
            0 => now_ms.saturating_add(IDLE_MS),
            _ => held_window().end_of(self.held.newest()),
        };
        Change::Put { value, expires_ms: ends_ms.saturating_add(CLOCK_SLACK_MS), result }
    }
}

#[cfg(test)]
mod tests;
