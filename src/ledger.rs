//! One bounded table that every worker shares: (namespace, key) → small value, with expiry and
//! compare-and-set.
//!
//! Counters, reservations, concurrency, seen `jti`s, minted budgets, fetch leases and revocation marks are
//! its thin users. It does not know what a value means, and it does not outlive the process.
//!
//! # Why pages
//! Envoy's shared data is one map under one mutex. It can neither delete nor list, it has no expiry, and it
//! does not compare on a key's first write. A key per counter would therefore leak, and its first two
//! spenders would overwrite each other. So the table is a fixed set of *pages*, created when the
//! configuration loads; an entry lives in the page that the hash of its key names (`table/page.rs` has the format).
//! Every change is one read, one rewrite and one compare-and-set write of one page.
//!
//! # Nobody escapes by eviction
//! A live entry is never dropped to make room. Where a page is full of live entries a new key is refused
//! with [`LedgerError::Full`], and so is a value that grows: else a caller who can make keys could push out
//! the counter that holds him back.
//!
//! # Nobody's names decide about others
//! Callers choose keys. They cannot choose pages, which are found by a key that nobody knows (`table/placement.rs`). They cannot
//! come near what the gateway itself needs: leases and shared keys lie on pages of their own. And they cannot fill the table:
//! an entry belongs to the caller, and to the tenant, whose request made it ([`Owner`]), and no caller has more than a quarter
//! of any page, no tenant more than three quarters. Beyond that a new key is refused with [`LedgerError::Crowded`], for that
//! caller or that tenant alone; a key that is there goes on. Two tenants that both fill their share could still fill pages:
//! watch [`Ledger::occupancy`].
//!
//! # How much fits
//! By default 4096 pages of 8 KiB: at most 32 MiB per process. A counter's record takes at most 146 bytes, so a page holds
//! 56 of them; one of requests takes 43 to 55 where no step holds more than 255, so 148 or more of those. Keys spread over
//! pages like balls over bins: 100,000 are 24 per page on average with a standard deviation of 5, so 100,000 of the
//! largest counters fit (a page with 57 is six deviations away), and so do some 350,000 small ones (85 per page,
//! deviation 9). The largest account takes 260 bytes; one whose steps hold less than 16 million takes at most 131.
//! Of one caller a page holds 2048 bytes, 37 small counters or more: some 70,000 of them before the first is refused, or 20,000
//! accounts as they usually are. Of one tenant it holds three times as much.
//!
//! # Time
//! An entry is live while `now_ms` is below its expiry. Workers read the clock at slightly different times:
//! a user to whom an early end matters sets a later expiry (as the window does).

mod account;
mod allotment;
mod budget;
mod calendar;
mod counter;
mod lease;
mod remote_counter;
mod spend_one;
mod table;
mod tally;
mod window;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "test code: an overflow fails the test")]
mod properties;

use std::fmt;

use table::page::{self, Record, Tag};
use table::{Marks, Name, Placement, Region};

pub use account::{Account, Reservation, SOON_MS};
pub use allotment::Allotments;
pub use budget::Budget;
pub use calendar::Calendar;
pub use counter::{Count, Counter};
pub use remote_counter::{Basis, RemoteCounter, RemoteStatus, Take, TakeOutcome};
pub use table::{Conflict, Entry, MemoryStore, Namespace, Owner, Store, compose};
pub use window::Window;

/// The name of this page format and layout. It belongs into the host's key of every page, so that a module
/// with another format or another number of pages, reloaded into the same process, starts its own table.
pub const FORMAT: &str = "claimgate.ledger.3";

/// The longest value, in bytes.
pub const MAX_VALUE: usize = page::MAX_VALUE;

const DEFAULT_PAGES: u32 = 4096;
const DEFAULT_PAGE_BYTES: usize = 8192;

/// How many pages there are for what the gateway itself needs. A power of two.
const OWN_PAGES: u32 = 16;

/// How often a change is tried again after another worker was faster.
const ATTEMPTS: u32 = 64;

/// The rules of the table: how many pages, how large, and how entries are placed. It holds no data, so every copy is as good.
#[derive(Clone, Copy)]
pub struct Ledger {
    /// INVARIANT: one less than a power of two.
    page_mask: u32,
    page_bytes: usize,
    /// `None` where no key is shared: in scripts and tests.
    placement: Option<Placement>,
}

/// What becomes of an entry.
#[derive(Clone, Debug)]
pub enum Change<T> {
    /// Nothing is written.
    Keep(T),
    /// The value, of at most [`MAX_VALUE`] bytes, lives until `expires_ms` (milliseconds since the epoch).
    Put {
        value: Vec<u8>,
        expires_ms: u64,
        result: T,
    },
    Remove(T),
}

/// Why the table could not answer; nothing was changed. Each is a denial for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// Other workers were faster every time.
    Contended,
    /// The page has no room for the value beside its live entries, or the value is too long.
    Full,
    /// The caller, or its tenant, has as much of the page as one may have.
    Crowded,
    /// The page is missing, or holds what this ledger did not write. It stays as it is.
    Absent,
}

/// How full one page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    pub live_entries: usize,
    pub bytes: usize,
    /// What the caller has who has most.
    pub largest_caller_bytes: usize,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    pub fn new() -> Self {
        Self::with_bounds(DEFAULT_PAGES, DEFAULT_PAGE_BYTES)
    }

    /// A table of `pages`, rounded up to a power of two, none ever longer than `page_bytes`. Every ledger on
    /// one store must have the same bounds.
    pub fn with_bounds(pages: u32, page_bytes: usize) -> Self {
        let page_mask = pages.checked_next_power_of_two().map_or(u32::MAX, |pages| pages.saturating_sub(1));
        Self { page_mask, page_bytes, placement: None }
    }

    /// The numbers of all pages for what callers can name.
    pub fn pages(&self) -> impl Iterator<Item = u32> + use<> {
        0..=self.page_mask
    }

    /// The number of the last of these pages: one less than a power of two.
    pub fn last_page(&self) -> u32 {
        self.page_mask
    }

    /// How many bytes a page has at most.
    pub fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// How many bytes of a page one caller has at most.
    pub fn caller_bytes(&self) -> usize {
        page::most_held(self.page_bytes).caller
    }

    /// Behind those of the callers.
    fn own_pages(&self) -> impl Iterator<Item = u32> + use<> {
        let first = self.page_mask;
        (1..=OWN_PAGES).map(move |place| first.saturating_add(place))
    }

    /// From now on places entries by the random key that all who use `store` share. Called when a configuration loads.
    ///
    /// # Errors
    /// One line for the operator; without the key nothing may be placed.
    pub fn share_key(
        &mut self,
        store: &dyn Store,
        random: impl FnOnce() -> Option<[u8; 32]>,
    ) -> Result<(), &'static str> {
        self.placement = Some(Placement::shared(store, random)?);
        Ok(())
    }

    /// A number that stands for `name`, which nobody can aim at.
    pub fn scatter(&self, name: [u8; 8]) -> u64 {
        self.placement.map_or(u64::from_le_bytes(name), |placement| placement.number(&name))
    }

    /// Creates the pages that are absent. Called when a configuration loads, also by one that is rejected
    /// later: what exists is never touched.
    pub fn prepare(&self, store: &dyn Store) {
        // Pages are created in order: where the last one exists, somebody has been through all of them.
        if store.read(self.page_mask).is_some() {
            return;
        }
        for page in self.own_pages().chain(self.pages()) {
            store.create(page, &page::EMPTY);
        }
    }

    /// Replaces the live value of `entry` by what `change` makes of it, atomically. `change` runs once per
    /// attempt and must have no effect but its return value.
    pub fn update<T>(
        &self,
        store: &dyn Store,
        entry: Entry<'_>,
        now_ms: u64,
        change: impl FnMut(Option<&[u8]>) -> Change<T>,
    ) -> Result<T, LedgerError> {
        self.update_named(store, &entry.name(), now_ms, change)
    }

    fn update_named<T>(
        &self,
        store: &dyn Store,
        name: &Name,
        now_ms: u64,
        mut change: impl FnMut(Option<&[u8]>) -> Change<T>,
    ) -> Result<T, LedgerError> {
        let (page, tag) = self.place_of(name);
        for _ in 0..ATTEMPTS {
            let (bytes, version) = self.page(store, page)?;
            let current = page::find(&bytes, &tag, now_ms)?;
            let (rewritten, result) = match change(current.as_ref().map(|record| record.value)) {
                Change::Keep(result) => return Ok(result),
                Change::Remove(result) if current.is_none() => return Ok(result),
                Change::Remove(result) => (page::without(&bytes, &tag, now_ms)?, result),
                Change::Put { value, expires_ms, result } => {
                    let owner = current.as_ref().map_or_else(|| self.marks(name), |record| record.owner);
                    let record = Record { tag: &tag, owner, expires_ms, value: &value };
                    let rewritten = self.with_record(&bytes, record, now_ms)?;
                    // What is there already is not refused for it: what was admitted must be charged.
                    if current.is_none() {
                        self.require_share(&rewritten, owner)?;
                    }
                    (rewritten, result)
                }
            };
            if store.write(page, &rewritten, version).is_ok() {
                return Ok(result);
            }
        }
        Err(LedgerError::Contended)
    }

    /// The live value of `entry`.
    pub fn read(
        &self,
        store: &dyn Store,
        entry: Entry<'_>,
        now_ms: u64,
    ) -> Result<Option<Vec<u8>>, LedgerError> {
        let (page, tag) = self.place_of(&entry.name());
        let (bytes, _) = self.page(store, page)?;
        Ok(page::find(&bytes, &tag, now_ms)?.map(|record| record.value.to_vec()))
    }

    /// How full `page` is. A gauge samples a few pages per tick: keys spread evenly.
    pub fn occupancy(&self, store: &dyn Store, page: u32, now_ms: u64) -> Result<Occupancy, LedgerError> {
        let (bytes, _) = self.page(store, page)?;
        Ok(Occupancy {
            live_entries: page::live_entries(&bytes, now_ms)?,
            bytes: bytes.len(),
            largest_caller_bytes: page::largest_caller(&bytes, now_ms)?,
        })
    }

    fn place_of(&self, name: &Name) -> (u32, Tag) {
        let tag = self.placement.map_or(name.tag, |placement| placement.tag(&name.tag));
        let [first, second, third, fourth, ..] = tag;
        let number = u32::from_le_bytes([first, second, third, fourth]);
        let page = match name.region {
            Region::Callers => number & self.page_mask,
            Region::Own => {
                self.page_mask.saturating_add(1).saturating_add(number & OWN_PAGES.saturating_sub(1))
            }
        };
        (page, tag)
    }

    fn marks(&self, name: &Name) -> Marks {
        match self.placement {
            Some(placement) => placement.marks(name.owner),
            None => name.owner.marks(|[first, second, third, fourth, ..]| [*first, *second, *third, *fourth]),
        }
    }

    fn page(&self, store: &dyn Store, page: u32) -> Result<(Vec<u8>, u32), LedgerError> {
        // A version of 0 would turn the write that follows into one that compares nothing.
        store.read(page).filter(|(_, version)| *version != 0).ok_or(LedgerError::Absent)
    }

    fn with_record(&self, bytes: &[u8], record: Record<'_>, now_ms: u64) -> Result<Vec<u8>, LedgerError> {
        let mut rewritten = page::without(bytes, record.tag, now_ms)?;
        page::append(&mut rewritten, &record).ok_or(LedgerError::Full)?;
        if rewritten.len() > self.page_bytes {
            return Err(LedgerError::Full);
        }
        Ok(rewritten)
    }

    /// Refuses a page on which the owner would have more than its share.
    fn require_share(&self, page: &[u8], owner: Marks) -> Result<(), LedgerError> {
        let nobody = Marks::default();
        if owner == nobody {
            return Ok(());
        }
        let (most, held) = (page::most_held(self.page_bytes), page::held_by(page, owner)?);
        let is_crowded = (owner.caller != nobody.caller && held.caller > most.caller)
            || (owner.tenant != nobody.tenant && held.tenant > most.tenant);
        if is_crowded { Err(LedgerError::Crowded) } else { Ok(()) }
    }
}

impl From<page::Corrupt> for LedgerError {
    fn from(_: page::Corrupt) -> Self {
        Self::Absent
    }
}

/// The key is nobody's to read.
impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { page_mask, page_bytes, placement: _ } = self;
        formatter
            .debug_struct("Ledger")
            .field("page_mask", page_mask)
            .field("page_bytes", page_bytes)
            .finish()
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Contended => "other workers changed the same page every time",
            Self::Full => "the page has no room beside its live entries",
            Self::Crowded => "the caller or its tenant has as many entries as one may have",
            Self::Absent => "the page is missing or not one of this ledger",
        })
    }
}

impl std::error::Error for LedgerError {}
