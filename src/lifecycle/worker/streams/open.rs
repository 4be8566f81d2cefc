//! The exchanges that were let through and are not over, so that they end when their credential is revoked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hashbrown::HashMap;

use crate::lifecycle::host::MOST_AT_ONCE;
use crate::lifecycle::state::State;

/// The open exchanges of one worker, by their ids.
#[derive(Default)]
pub(in crate::lifecycle) struct OpenStreams {
    streams: RefCell<HashMap<u32, Rc<RefCell<State>>>>,
    /// The generation of the documents that they were judged by last.
    judged_by: Cell<u64>,
    is_behind: Cell<bool>,
}

impl OpenStreams {
    pub(in crate::lifecycle) fn add(&self, id: u32, state: &Rc<RefCell<State>>) {
        self.streams.borrow_mut().insert(id, Rc::clone(state));
    }

    pub(in crate::lifecycle) fn remove(&self, id: u32) {
        self.streams.borrow_mut().remove(&id);
    }

    /// True where more are to be judged than one event may end.
    pub(in crate::lifecycle) fn is_behind(&self) -> bool {
        self.is_behind.get()
    }

    /// Takes out those that are revoked by documents of this generation, where it is not the one they were judged by last.
    pub(in crate::lifecycle) fn take_revoked(
        &self,
        generation: u64,
        mut is_revoked: impl FnMut(&mut State) -> bool,
    ) -> Vec<(u32, Rc<RefCell<State>>)> {
        if self.judged_by.replace(generation) == generation && !self.is_behind.get() {
            return Vec::new();
        }
        self.is_behind.set(false);
        let mut streams = self.streams.borrow_mut();
        let mut revoked = Vec::new();
        for (id, state) in &*streams {
            if revoked.len() == MOST_AT_ONCE {
                self.is_behind.set(true);
                break;
            }
            if is_revoked(&mut state.borrow_mut()) {
                revoked.push((*id, Rc::clone(state)));
            }
        }
        for (id, _) in &revoked {
            streams.remove(id);
        }
        revoked
    }
}
