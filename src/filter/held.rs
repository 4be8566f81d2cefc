//! The streams that wait: for the rest of their body, for keys, for what an issuer says of a token, or for quotas to be told of.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::flow::{Flow, Phase};
use super::introspect::Heard;
use super::root::Shared;
use super::steps::{self, MOST_AT_ONCE};
use crate::denial::Reason;
use crate::gateway::Patience;

/// The slowest pace at which a body may come: 2 Mbit/s.
const SLOWEST_BYTES_PER_MS: usize = 256;

/// The streams of one worker that wait, by their context ids: those that came first have the lowest.
#[derive(Default)]
pub(super) struct Held {
    waiting: RefCell<BTreeMap<u32, Waiting>>,
    is_behind: Cell<bool>,
}

struct Waiting {
    flow: Rc<RefCell<Flow>>,
    /// Its wait is over, and its turn has not come.
    due: Option<Due>,
}

#[derive(Clone, Copy)]
enum Due {
    Refusal,
    Walk(Patience),
}

impl Held {
    pub(super) fn add(&self, id: u32, flow: &Rc<RefCell<Flow>>) {
        let waits = || Waiting { flow: Rc::clone(flow), due: None };
        self.waiting.borrow_mut().entry(id).or_insert_with(waits);
    }

    /// Its wait is over.
    pub(super) fn remove(&self, id: u32) {
        self.waiting.borrow_mut().remove(&id);
    }

    pub(super) fn wait_for_keys(&self) -> bool {
        let waiting = self.waiting.borrow();
        waiting.values().any(|one| matches!(one.flow.borrow().phase, Phase::AwaitingKeys { .. }))
    }

    /// True where the wait of some is over, and their turn comes with the next tick.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind.get()
    }

    /// Wakes the streams whose wait is over.
    pub(super) fn wake(&self, shared: &Rc<Shared>, now_ms: u64) {
        // Waking can hold a stream again, so the list is taken first.
        let mut all = std::mem::take(&mut *self.waiting.borrow_mut());
        let heard = shared.introspection.take_heard();
        all.retain(|_, one| one.flow.borrow().phase.is_held());
        for one in all.values_mut() {
            one.due = one.due.or_else(|| due(shared, &one.flow, &heard, now_ms));
        }
        let mut room = MOST_AT_ONCE;
        self.is_behind.set(false);
        for (id, one) in all {
            match one.due {
                Some(due) if room > 0 => {
                    room = room.saturating_sub(1);
                    match due {
                        Due::Refusal => steps::refuse_held(shared, id, &one.flow, Reason::HoldTimeout),
                        Due::Walk(patience) => steps::resume_held(shared, id, &one.flow, patience),
                    }
                }
                due => {
                    self.is_behind.set(self.is_behind.get() || due.is_some());
                    self.waiting.borrow_mut().insert(id, one);
                }
            }
        }
    }
}

/// What a held stream's wait has come to; `None` where it goes on.
fn due(shared: &Shared, flow: &RefCell<Flow>, heard: &Heard, now_ms: u64) -> Option<Due> {
    let Flow { phase, held_since_ms, body, .. } = *flow.borrow();
    // A long body is longer on its way, and none is so slow as to hold its room for nothing.
    let coming_ms = u64::try_from(body.held() / SLOWEST_BYTES_PER_MS).unwrap_or_default();
    let longest_ms = shared.gateway.hold_timeout_ms().saturating_add(coming_ms);
    if now_ms.saturating_sub(held_since_ms) >= longest_ms {
        return Some(Due::Refusal);
    }
    let patience = match phase {
        Phase::AwaitingKeys { issuer, fetched_ms, .. } if shared.keys.fetched_ms(issuer) != fetched_ms => {
            Patience::Left
        }
        Phase::AwaitingKeys { issuer, until_ms, .. }
            if now_ms >= until_ms || shared.keys.is_unreachable(issuer) =>
        {
            Patience::Exhausted
        }
        Phase::AwaitingIntrospection { name } => match (heard.get(&name)?, &mut flow.borrow_mut().call) {
            (Some(answer), Some(call)) => {
                call.hear(name, answer.clone());
                Patience::Left
            }
            _ => Patience::Exhausted,
        },
        _ => return None,
    };
    Some(Due::Walk(patience))
}
