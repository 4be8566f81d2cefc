//! What the requests of one worker have come to and is not on the ledger yet.

use std::cell::RefCell;

use hashbrown::HashMap;

use super::principal_hash::PrincipalHash;
use super::totals::Totals;

/// How many callers wait at most.
const MOST: usize = 1024;

/// By caller.
#[derive(Debug, Default)]
pub struct PendingTotals(RefCell<HashMap<PrincipalHash, Totals>>);

impl PendingTotals {
    pub(super) fn has_room_for(&self, name: PrincipalHash) -> bool {
        let waiting = self.0.borrow();
        waiting.len() < MOST || waiting.contains_key(&name)
    }

    pub(super) fn add(&self, name: PrincipalHash, totals: &Totals) {
        if *totals == Totals::default() {
            return;
        }
        let mut waiting = self.0.borrow_mut();
        let sum = waiting.entry(name).or_default();
        sum.requests = sum.requests.saturating_add(totals.requests);
        sum.refused = sum.refused.saturating_add(totals.refused);
        sum.tokens = sum.tokens.saturating_add(totals.tokens);
    }

    pub(super) fn take(&self, name: PrincipalHash) -> Totals {
        self.0.borrow_mut().remove(&name).unwrap_or_default()
    }

    pub(super) fn take_all(&self) -> Vec<(PrincipalHash, Totals)> {
        self.0.borrow_mut().drain().collect()
    }
}
