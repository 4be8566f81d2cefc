//! What this Envoy knows of a counter that the rate limit service keeps for all, and what its workers take of it.
//!
//! The service says how much is left. Of that, some is held for requests whose cost is not known yet, and some is spent and
//! not reported yet: all three are one value, so that requests that come together do not all pass on what is left once.
//! What is held or unreported and never taken off, because its worker was lost, comes off by itself after an hour and a twelfth.
//!
//! # Which answer counts
//! Answers overtake each other. One that was asked for after another had come knows all that the other knew, and takes its
//! place. Of two that were under way together, the lower counts within a window, and the later window else.
//!
//! ```text
//! value  = window limit left fetched length held unreported
//!          window, limit, left, fetched   8 bytes each, little endian
//!          length                         1 byte, of `held`
//!          held, unreported               tallies, as `tally.rs` has them
//! ```

use super::account::{Reservation, held_window};
use super::tally::{MOST_STEPS, Tally};
use super::window::CLOCK_SLACK_MS;
use super::{Change, Counter, Entry, Ledger, LedgerError, Namespace, Owner, Store};

/// How long an answer is kept where nothing is held or unreported, in milliseconds.
const IDLE_MS: u64 = 60_000;

/// What this Envoy knows of one of the service's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteCounter(Counter);

/// What the service has answered about a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteStatus {
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
    /// An answer about this window that has come since then.
    Cached { window: u64, since_ms: u64 },
    /// What the service answers now.
    Fresh(RemoteStatus),
    /// There is no answer: the last one about this window, or else all of the limit.
    Local { window: u64, limit: u64 },
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
pub struct TakeOutcome {
    pub admitted: bool,
    pub limit: u64,
    /// After this request, where it was admitted.
    pub left: u64,
    /// True where not even what is held for others would have been enough.
    pub is_used_up: bool,
    /// What is held for it.
    pub reservation: Option<Reservation>,
}

/// What is known at one moment.
#[derive(Clone, Copy)]
struct State {
    window: u64,
    limit: u64,
    left: u64,
    fetched_ms: u64,
    held: Tally,
    unreported: Tally,
}

impl RemoteCounter {
    /// The counter that `key` names.
    pub fn of(key: &[u8]) -> Self {
        Self(Counter::of(Entry { namespace: Namespace::RemoteCounter, key }))
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
    ) -> Result<Option<TakeOutcome>, LedgerError> {
        let taken = ledger.update_named(store, self.0.name(), now_ms, |value| {
            let Some(known) = State::read(value, now_ms) else { return Change::Keep(Err(())) };
            let Some(known) = known.on(basis, now_ms) else { return Change::Keep(Ok(None)) };
            let (state, outcome) = known.taking(self.0, take);
            match basis {
                // Nothing is new.
                Basis::Cached { .. } if !outcome.admitted => Change::Keep(Ok(Some(outcome))),
                _ => state.put(now_ms, Ok(Some(outcome))),
            }
        });
        taken?.map_err(|()| LedgerError::Absent)
    }

    /// Takes off what was held, and adds what it cost to what is to be reported.
    ///
    /// # Errors
    /// As [`Ledger::update`]; nothing is added then.
    pub fn settle(
        (ledger, store): (&Ledger, &dyn Store),
        reservation: &Reservation,
        cost: u64,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        let Reservation { counter, step, amount } = reservation;
        ledger.update_named(store, counter.name(), now_ms, |value| {
            let Some(state) = State::read(value, now_ms) else { return Change::Keep(()) };
            let (held, unreported) = (state.held.minus_at(*step, *amount), state.unreported.plus(cost));
            State { held, unreported, ..state }.put(now_ms, ())
        })
    }

    /// Takes off what was to be reported: it is, and the answer says what is left, or it is given back.
    ///
    /// # Errors
    /// As [`Ledger::update`]; it stays unreported then.
    pub fn release(
        &self,
        (ledger, store): (&Ledger, &dyn Store),
        amount: u64,
        status: Option<RemoteStatus>,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        ledger.update_named(store, self.0.name(), now_ms, |value| {
            let Some(state) = State::read(value, now_ms) else { return Change::Keep(()) };
            let state = status.map_or(state, |status| state.updated(status, now_ms));
            State { unreported: state.unreported.minus_oldest(amount), ..state }.put(now_ms, ())
        })
    }
}

impl State {
    /// `None` where the stored value is none of ours.
    fn read(value: Option<&[u8]>, now_ms: u64) -> Option<Self> {
        let step = held_window().step_at(now_ms);
        let Some(value) = value else {
            let nothing = Tally::starting_at(step);
            return Some(Self {
                window: 0,
                limit: 0,
                left: 0,
                fetched_ms: 0,
                held: nothing,
                unreported: nothing,
            });
        };
        let (window, rest) = value.split_first_chunk()?;
        let (limit, rest) = rest.split_first_chunk()?;
        let (left, rest) = rest.split_first_chunk()?;
        let (fetched, rest) = rest.split_first_chunk()?;
        let (held, unreported) = Tally::decode_before(rest)?;
        let now = |tally: Tally| tally.advanced(step, MOST_STEPS);
        Some(Self {
            window: u64::from_le_bytes(*window),
            limit: u64::from_le_bytes(*limit),
            left: u64::from_le_bytes(*left),
            fetched_ms: u64::from_le_bytes(*fetched),
            held: now(held),
            unreported: now(Tally::decode(unreported)?),
        })
    }

    /// `None` where what is known is not enough.
    fn on(self, basis: Basis, now_ms: u64) -> Option<Self> {
        match basis {
            Basis::Fresh(status) => Some(self.updated(status, now_ms)),
            Basis::Cached { window, since_ms } => {
                (self.window == window && self.fetched_ms >= since_ms).then_some(self)
            }
            Basis::Local { window, .. } if self.window == window && self.fetched_ms > 0 => Some(self),
            Basis::Local { window, limit } => {
                Some(Self { window, limit, left: limit, fetched_ms: 1, ..self })
            }
        }
    }

    fn updated(self, status: RemoteStatus, now_ms: u64) -> Self {
        let RemoteStatus { window, limit, left, asked_ms } = status;
        let new = Self { window, limit, left, fetched_ms: now_ms.max(self.fetched_ms), ..self };
        match window.cmp(&self.window) {
            _ if asked_ms > self.fetched_ms => new,
            std::cmp::Ordering::Greater => new,
            std::cmp::Ordering::Equal => Self { left: left.min(self.left), ..new },
            std::cmp::Ordering::Less => self,
        }
    }

    fn taken(&self) -> u64 {
        self.held.used().saturating_add(self.unreported.used())
    }

    fn taking(self, counter: Counter, take: Take) -> (Self, TakeOutcome) {
        let (Take::Hold(amount) | Take::Spend(amount)) = take;
        let room = self.left.saturating_sub(self.taken());
        // A limit below what one request may cost is no reason to refuse each of them.
        let is_untouched = self.taken() == 0 && self.left == self.limit && self.limit > 0;
        let admitted = amount <= room || is_untouched;
        let state = match take {
            _ if !admitted => self,
            Take::Hold(amount) => Self { held: self.held.plus(amount), ..self },
            Take::Spend(amount) => Self { unreported: self.unreported.plus(amount), ..self },
        };
        let held = Reservation { counter, step: self.held.newest(), amount };
        let outcome = TakeOutcome {
            admitted,
            limit: self.limit,
            left: if admitted { room.saturating_sub(amount) } else { room },
            is_used_up: self.left.saturating_sub(self.unreported.used()) < amount,
            reservation: matches!(take, Take::Hold(_) if admitted).then_some(held),
        };
        (state, outcome)
    }

    fn put<T>(&self, now_ms: u64, result: T) -> Change<T> {
        let numbers = [self.window, self.limit, self.left, self.fetched_ms].map(u64::to_le_bytes).concat();
        let value = [numbers, self.held.encode_before(&self.unreported.encode())].concat();
        let ends_ms = match self.taken() {
            0 => now_ms.saturating_add(IDLE_MS),
            _ => held_window().end_of(self.held.newest()),
        };
        Change::Put { value, expires_ms: ends_ms.saturating_add(CLOCK_SLACK_MS), result }
    }
}

#[cfg(test)]
mod tests;
