//! How many requests one token is good for, counted across all workers of one Envoy until the token ends.
//!
//! It is exact and it never comes back: there is no window, the entry lives as long as the token.

use super::table::Name;
use super::{Change, Count, Entry, Ledger, LedgerError, Namespace, Owner, Store};

/// The budget of one token.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    name: Name,
    limit: u64,
    /// When the token ends, in milliseconds since the epoch.
    ends_ms: u64,
}

/// How much longer than the token its entry lives: a worker whose clock is behind still takes the token then.
const CLOCK_SLACK_MS: u64 = 5000;

impl Budget {
    /// The budget of the token that `key` names; 0 is no request at all.
    pub fn new(key: &[u8], limit: u64, ends_ms: u64) -> Self {
        Self { name: Entry { namespace: Namespace::Budget, key }.name(), limit, ends_ms }
    }

    /// The same, which belongs to `owner` once something was spent of it.
    pub fn made_by(self, owner: Owner) -> Self {
        Self { name: self.name.made_by(owner), ..self }
    }

    /// Spends one request where one is left.
    ///
    /// # Errors
    /// As [`Ledger::update`]; nothing was spent then.
    pub fn spend(&self, ledger: &Ledger, store: &dyn Store, now_ms: u64) -> Result<Count, LedgerError> {
        let spent = ledger.update_named(store, &self.name, now_ms, |value| {
            let Some(used) = used(value) else { return Change::Keep(None) };
            let count = |used: u64, admitted: bool| Count {
                used,
                limit: self.limit,
                reset_ms: self.ends_ms.saturating_sub(now_ms),
                retry_ms: if admitted { 0 } else { Count::NEVER },
                admitted,
            };
            match used.checked_add(1).filter(|next| *next <= self.limit) {
                Some(next) => self.put(next, Some(count(next, true))),
                None => Change::Keep(Some(count(used, false))),
            }
        });
        spent?.ok_or(LedgerError::Absent)
    }

    /// Takes back what was spent for a request that then did not go on.
    ///
    /// # Errors
    /// As [`Ledger::update`]; the request stays spent then, which is the strict side.
    pub fn give_back(&self, ledger: &Ledger, store: &dyn Store, now_ms: u64) -> Result<(), LedgerError> {
        ledger.update_named(store, &self.name, now_ms, |value| match used(value) {
            // A budget that nothing was spent of needs no entry.
            Some(0 | 1) => Change::Remove(()),
            Some(used) => self.put(used.saturating_sub(1), ()),
            None => Change::Keep(()),
        })
    }

    fn put<T>(&self, used: u64, result: T) -> Change<T> {
        let expires_ms = self.ends_ms.saturating_add(CLOCK_SLACK_MS);
        Change::Put { value: used.to_le_bytes().to_vec(), expires_ms, result }
    }
}

/// `None` where the stored value is none of ours.
fn used(value: Option<&[u8]>) -> Option<u64> {
    match value {
        None => Some(0),
        Some(value) => value.try_into().ok().map(u64::from_le_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, CLOCK_SLACK_MS};
    use crate::ledger::{Count, Ledger, LedgerError, MemoryStore};

    const NOW: u64 = 1_800_000_000_000;

    #[test]
    fn a_budget_is_spent_once_and_does_not_come_back() {
        let (ledger, store) = (Ledger::new(), MemoryStore::new());
        ledger.prepare(&store);
        let budget = Budget::new(b"token", 2, NOW + 1000);
        let spend = |at: u64| budget.spend(&ledger, &store, at).unwrap();
        assert_eq!((spend(NOW).used, spend(NOW).remaining()), (1, 0));
        for (at, note) in
            [(NOW, "at once"), (NOW + 999, "later"), (NOW + 1000 + CLOCK_SLACK_MS - 1, "a clock behind")]
        {
            let count = spend(at);
            assert!(!count.admitted && count.retry_ms == Count::NEVER, "{note}");
        }
        budget.give_back(&ledger, &store, NOW).unwrap();
        assert!(spend(NOW).admitted && !spend(NOW).admitted, "only what was given back is there again");
        let other = Budget::new(b"other", 1, NOW + 1000);
        assert!(other.spend(&ledger, &store, NOW).unwrap().admitted, "each token has its own");
    }

    #[test]
    fn a_table_that_cannot_answer_is_an_error() {
        let budget = Budget::new(b"token", 2, NOW + 1000);
        let spent = budget.spend(&Ledger::new(), &MemoryStore::new(), NOW);
        assert_eq!(spent, Err(LedgerError::Absent));
    }
}
