//! Entries without a value that one holds at a time: who fetches, and what was seen once.

use super::{Change, Entry, Ledger, LedgerError, Owner, Store};

impl Ledger {
    /// True where nobody held `entry` and now this caller does, for `for_ms` milliseconds.
    pub fn lease(
        &self,
        store: &dyn Store,
        entry: Entry<'_>,
        now_ms: u64,
        for_ms: u64,
    ) -> Result<bool, LedgerError> {
        self.lease_for(Owner::NOBODY, store, entry, (now_ms, for_ms))
    }

    /// As [`Self::lease`], where what is leased was named by the caller `owner`.
    pub fn lease_for(
        &self,
        owner: Owner,
        store: &dyn Store,
        entry: Entry<'_>,
        (now_ms, for_ms): (u64, u64),
    ) -> Result<bool, LedgerError> {
        let expires_ms = now_ms.saturating_add(for_ms);
        self.update_named(store, &entry.name().made_by(owner), now_ms, |held| match held {
            Some(_) => Change::Keep(false),
            None => Change::Put { value: Vec::new(), expires_ms, result: true },
        })
    }

    /// Lets a lease that is still held end at `until_ms`, or at once where that is over.
    pub fn shorten_lease(
        &self,
        store: &dyn Store,
        entry: Entry<'_>,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<(), LedgerError> {
        self.update(store, entry, now_ms, |held| match held {
            Some(_) if until_ms > now_ms => {
                Change::Put { value: Vec::new(), expires_ms: until_ms, result: () }
            }
            Some(_) => Change::Remove(()),
            None => Change::Keep(()),
        })
    }
}
