//! Requests charged ahead: where a counter is far from its limit, a worker charges several at once and admits the next
//! ones from what it has left, without a look at the shared table.
//!
//! What is charged ahead is charged: no window ever holds more than its limit, whatever the workers do. The price is
//! that a worker may hold for a moment what another one could have used. So an allotment is taken only where a thousand
//! times as much is left, it has at most [`MOST`] requests, it is used only within the step that it was charged in, and
//! what is left of it after a second goes back ([`Allotments::settle`]).
//!
//! It does not outlive the worker: what is left of it then stays charged until its step is over.

use std::cell::RefCell;

use hashbrown::HashMap;

use super::{Count, Counter, Ledger, Store, Window};

/// The most requests that are charged ahead.
const MOST: u64 = 32;
/// How many times as much must be left in the counter.
const FAR: u64 = 1024;
/// How long an allotment is used, in milliseconds.
const LIFE_MS: u64 = 1000;
/// The most counters of which one worker keeps allotments.
const MOST_COUNTERS: usize = 1024;

/// What one worker has charged ahead, by counter.
#[derive(Debug, Default)]
pub struct Allotments {
    held: RefCell<HashMap<Counter, Allotment>>,
}

#[derive(Clone, Copy, Debug)]
struct Allotment {
    /// That of the counter: one of another kind or length is another counter.
    window: Window,
    /// Requests that are charged and not yet admitted.
    left: u64,
    /// What the counter said when they were charged.
    count: Count,
    taken_ms: u64,
}

impl Allotments {
    /// Admits one request from what is left for the counter.
    pub(super) fn take(&self, counter: &Counter, limit: u64, now_ms: u64) -> Option<Count> {
        let mut held = self.held.borrow_mut();
        let allotment = held.get_mut(counter)?;
        if allotment.count.limit != limit || !allotment.is_fresh(now_ms) || !allotment.is_of_step(now_ms) {
            return None;
        }
        allotment.left = allotment.left.checked_sub(1)?;
        let passed_ms = now_ms.saturating_sub(allotment.taken_ms);
        Some(Count {
            // What is charged but not admitted is not used yet.
            used: allotment.count.used.saturating_sub(allotment.left),
            reset_ms: allotment.count.reset_ms.saturating_sub(passed_ms),
            ..allotment.count
        })
    }

    /// How many requests beside the one that asks may be charged at once: none for a counter that this worker has not
    /// just asked for.
    pub(super) fn ahead(&self, counter: &Counter, used: u64, limit: u64, now_ms: u64) -> u64 {
        let held = self.held.borrow();
        let is_busy =
            held.get(counter).is_some_and(|allotment| now_ms.saturating_sub(allotment.taken_ms) < LIFE_MS);
        let left = limit.saturating_sub(used);
        if is_busy { (left / FAR).min(MOST).saturating_sub(1) } else { 0 }
    }

    /// Notes that the counter was asked, and what was charged ahead.
    pub(super) fn put(&self, window: &Window, counter: &Counter, left: u64, count: Count, now_ms: u64) {
        let mut held = self.held.borrow_mut();
        if held.len() < MOST_COUNTERS || held.contains_key(counter) {
            held.insert(*counter, Allotment { window: *window, left, count, taken_ms: now_ms });
        }
    }

    /// What is left for the counter, which is then held no more.
    pub(super) fn reclaim(&self, counter: &Counter, now_ms: u64) -> u64 {
        let mut held = self.held.borrow_mut();
        let Some(allotment) = held.get_mut(counter) else { return 0 };
        let left = std::mem::take(&mut allotment.left);
        // After its step it cannot be given back: it leaves with the step.
        if allotment.is_of_step(now_ms) { left } else { 0 }
    }

    /// Gives back what was not used within a second; called about as often.
    pub fn settle(&self, ledger: &Ledger, store: &dyn Store, now_ms: u64) {
        let mut over = Vec::new();
        self.held.borrow_mut().retain(|counter, allotment| {
            let is_over = !allotment.is_fresh(now_ms);
            if is_over && allotment.left > 0 {
                over.push((*counter, *allotment));
            }
            !is_over
        });
        for (counter, allotment) in over {
            if allotment.is_of_step(now_ms) {
                // What cannot be given back leaves with its step: the strict side.
                let _ = allotment.window.give_back(ledger, store, &counter, allotment.left, now_ms);
            }
        }
    }
}

impl Allotment {
    /// True in the step that it was charged in.
    fn is_of_step(&self, now_ms: u64) -> bool {
        self.window.step_at(self.taken_ms) == self.window.step_at(now_ms)
    }

    /// A clock that was set back ends it too.
    fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms.checked_sub(self.taken_ms).is_some_and(|age| age < LIFE_MS)
    }
}
