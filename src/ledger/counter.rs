//! A counter on the ledger, and what it says about one request.

use super::table::{Entry, Name, Owner};

/// One counter on the ledger, named once for as many requests as may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counter(Name);

impl Counter {
    pub(super) fn of(entry: Entry<'_>) -> Self {
        Self(entry.name())
    }

    pub(super) fn name(&self) -> &Name {
        &self.0
    }

    /// To whom it belongs where it is not there yet.
    pub fn owner(&self) -> Owner {
        self.0.owner
    }

    /// The same counter, which belongs to `owner` where it is not there yet.
    pub fn made_by(self, owner: Owner) -> Self {
        Self(self.0.made_by(owner))
    }
}

/// What a counter says about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Spent within the window, this request included where it was admitted and spent.
    pub used: u64,
    pub limit: u64,
    /// Milliseconds until nothing of what is spent counts any more; 0 where nothing does.
    pub reset_ms: u64,
    /// Milliseconds until the request would pass if nobody else spends; 0 where it is admitted,
    /// [`Count::NEVER`] where it costs more than the limit.
    pub retry_ms: u64,
    pub admitted: bool,
}

impl Count {
    /// The wait of a request that cannot pass under this limit.
    pub const NEVER: u64 = u64::MAX;

    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}
