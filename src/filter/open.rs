//! The streams that were let through and are not over, so that they end when their credential is revoked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hashbrown::HashMap;
use proxy_wasm::hostcalls;

use super::flow::{Flow, Phase};
use super::host;
use super::steps::{self, MOST_AT_ONCE};
use crate::gateway::{Gateway, Polled};

/// The open streams of one worker, by their context ids.
#[derive(Default)]
pub(super) struct OpenStreams {
    flows: RefCell<HashMap<u32, Rc<RefCell<Flow>>>>,
    /// The generation of the documents that they were judged by last.
    judged_by: Cell<u64>,
    is_behind: Cell<bool>,
}

impl OpenStreams {
    pub(super) fn add(&self, id: u32, flow: &Rc<RefCell<Flow>>) {
        self.flows.borrow_mut().insert(id, Rc::clone(flow));
    }

    pub(super) fn remove(&self, id: u32) {
        self.flows.borrow_mut().remove(&id);
    }

    /// True where more are to be judged than one callback may end.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind.get()
    }

    /// Ends those whose credential is revoked, where a list or a feed has changed since they were judged.
    pub(super) fn judge(&self, gateway: &Gateway, polled: &Polled, now_ms: u64) {
        if self.judged_by.replace(polled.generation()) == polled.generation() && !self.is_behind.get() {
            return;
        }
        self.is_behind.set(false);
        let mut room = MOST_AT_ONCE;
        // Ending one can call back into its stream, so that nothing is borrowed then.
        let open: Vec<_> = self.flows.borrow().iter().map(|(id, flow)| (*id, Rc::clone(flow))).collect();
        for (id, flow) in open {
            if room == 0 {
                self.is_behind.set(true);
                return;
            }
            let is_revoked = {
                let mut flow = flow.borrow_mut();
                flow.phase == Phase::Forwarded
                    && flow.call.as_mut().is_some_and(|call| gateway.revoke(call, polled, now_ms))
            };
            if is_revoked && hostcalls::set_effective_context(id).is_ok() {
                room = room.saturating_sub(1);
                self.end(id, &flow);
            }
        }
    }

    /// By our answer where the provider's has not begun, else in the middle of it.
    fn end(&self, id: u32, flow: &Rc<RefCell<Flow>>) {
        self.remove(id);
        let has_begun = flow.borrow().status.is_some();
        match has_begun {
            true => {
                let from_provider = flow.borrow().response_from_provider;
                flow.borrow_mut().answer_was_cut = from_provider;
                host::cut();
            }
            false => steps::answer(&mut flow.borrow_mut()),
        }
    }
}
