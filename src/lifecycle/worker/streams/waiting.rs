//! The exchanges that wait: for the rest of their body, for keys, for what an issuer says of a token, for a token for
//! the provider, or for the rate limit service.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::credentials::{ExchangeCaller, ExchangeName};
use crate::gateway::Patience;
use crate::lifecycle::host::MOST_AT_ONCE;
use crate::lifecycle::phase::Phase;
use crate::lifecycle::state::State;

/// The exchanges of one worker that wait, by their ids: those that came first have the lowest.
#[derive(Default)]
pub(in crate::lifecycle) struct Waiting {
    streams: RefCell<BTreeMap<u32, Entry>>,
    is_behind: Cell<bool>,
}

struct Entry {
    state: Rc<RefCell<State>>,
    /// Its wait is over, and its turn has not come.
    due: Option<Due>,
}

/// What the wait of an exchange has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lifecycle) enum Due {
    Refusal,
    Walk(Patience),
}

impl Waiting {
    pub(in crate::lifecycle) fn add(&self, id: u32, state: &Rc<RefCell<State>>) {
        let entry = || Entry { state: Rc::clone(state), due: None };
        self.streams.borrow_mut().entry(id).or_insert_with(entry);
    }

    /// Its wait is over.
    pub(in crate::lifecycle) fn remove(&self, id: u32) {
        self.streams.borrow_mut().remove(&id);
    }

    /// True where some wait for what another worker may have got.
    pub(in crate::lifecycle) fn wait_for_others(&self) -> bool {
        let streams = self.streams.borrow();
        let waits = |entry: &Entry| {
            matches!(entry.state.borrow().phase, Phase::AwaitingKeys { .. } | Phase::AwaitingToken { .. })
        };
        streams.values().any(waits)
    }

    /// How many wait for a token of the gateway's own.
    pub(in crate::lifecycle) fn for_tokens(&self) -> usize {
        let streams = self.streams.borrow();
        // One that is being walked does not wait.
        let waits = |entry: &&Entry| {
            entry.state.try_borrow().is_ok_and(|state| matches!(state.phase, Phase::AwaitingToken { .. }))
        };
        streams.values().filter(waits).count()
    }

    /// How many wait for what their caller's token is exchanged for, and how many of these are this caller's.
    pub(in crate::lifecycle) fn for_user_tokens(&self, caller: ExchangeCaller) -> (usize, usize) {
        let streams = self.streams.borrow();
        let phases = streams.values().filter_map(|entry| Some(entry.state.try_borrow().ok()?.phase));
        phases.fold((0, 0), |(all, own), phase| match phase {
            Phase::AwaitingUserToken { caller: other, .. } => {
                (usize::saturating_add(all, 1), usize::saturating_add(own, usize::from(other == caller)))
            }
            _ => (all, own),
        })
    }

    /// True where one waits for this caller's token.
    pub(in crate::lifecycle) fn awaits(&self, name: ExchangeName) -> bool {
        let streams = self.streams.borrow();
        let awaits = |phase| matches!(phase, Phase::AwaitingUserToken { name: other, .. } if other == name);
        streams.values().any(|entry| entry.state.try_borrow().is_ok_and(|state| awaits(state.phase)))
    }

    /// True where the wait of some is over, and their turn comes with the next tick.
    pub(in crate::lifecycle) fn is_behind(&self) -> bool {
        self.is_behind.get()
    }

    /// Takes out those whose turn it is. `due` says of one what its wait has come to; `None` where it goes on.
    pub(in crate::lifecycle) fn take_due(
        &self,
        due: impl Fn(&RefCell<State>) -> Option<Due>,
    ) -> Vec<(u32, Rc<RefCell<State>>, Due)> {
        let mut streams = self.streams.borrow_mut();
        streams.retain(|_, entry| entry.state.borrow().phase.is_held());
        for entry in streams.values_mut() {
            entry.due = entry.due.or_else(|| due(&entry.state));
        }
        let turn = |(id, entry): (&u32, &Entry)| Some((*id, Rc::clone(&entry.state), entry.due?));
        let taken: Vec<_> = streams.iter().filter_map(turn).take(MOST_AT_ONCE).collect();
        for (id, ..) in &taken {
            streams.remove(id);
        }
        self.is_behind.set(streams.values().any(|entry| entry.due.is_some()));
        taken
    }
}
