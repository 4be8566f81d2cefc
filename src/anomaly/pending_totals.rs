//! What the requests of one worker have come to and is not on the ledger yet.

use std::cell::RefCell;

use hashbrown::HashMap;

use super::{Ended, PrincipalName};

/// How many callers wait at most.
const MOST: usize = 1024;

/// By caller.
#[derive(Debug, Default)]
pub struct Pending(RefCell<HashMap<PrincipalName, Ended>>);

impl Pending {
    pub(super) fn has_room_for(&self, name: PrincipalName) -> bool {
        let waiting = self.0.borrow();
        waiting.len() < MOST || waiting.contains_key(&name)
    }

    pub(super) fn add(&self, name: PrincipalName, ended: &Ended) {
        if *ended == Ended::default() {
            return;
        }
        let mut waiting = self.0.borrow_mut();
        let sum = waiting.entry(name).or_default();
        sum.requests = sum.requests.saturating_add(ended.requests);
        sum.refused = sum.refused.saturating_add(ended.refused);
        sum.tokens = sum.tokens.saturating_add(ended.tokens);
    }

    pub(super) fn take(&self, name: PrincipalName) -> Ended {
        self.0.borrow_mut().remove(&name).unwrap_or_default()
    }

    pub(super) fn take_all(&self) -> Vec<(PrincipalName, Ended)> {
        self.0.borrow_mut().drain().collect()
    }
}
