//! What happens between exchanges: ticks, answers to what the gateway itself has asked, the end of a configuration.

use std::cell::RefCell;
use std::rc::Rc;

use super::streams::Due;
use super::{Fetching, Tenure, Worker};
use crate::denial::Reason;
use crate::gateway::Patience;
use crate::lifecycle::fetching::{Answers, Delivery};
use crate::lifecycle::host::House;
use crate::lifecycle::metrics::LedgerGauge;
use crate::lifecycle::phase::Phase;
use crate::lifecycle::rate_limits::Question;
use crate::lifecycle::state::State;
use crate::lifecycle::stream::Stream;
use crate::quota::Answer;

/// The slowest pace at which a body may come: 2 Mbit/s.
const SLOWEST_BYTES_PER_MS: usize = 256;

/// What the host tells of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HouseEvent {
    Tick,
    /// A fetch has ended.
    Fetched {
        token: u32,
        delivery: Delivery,
    },
    /// A call by gRPC has ended: with a message, or with one line for the operator.
    Called {
        token: u32,
        message: Result<Vec<u8>, String>,
    },
    /// What [`House::wake`] was asked for.
    Woken,
    /// Another configuration has taken over. This one stays until [`Worker::is_over`]: for the fetches it began, which would be
    /// lost with it while their leases kept the successor from making them again, and for what requests have cost and nobody
    /// has been told.
    Closing,
}

impl Worker {
    pub fn on(self: &Rc<Self>, event: HouseEvent) {
        match event {
            HouseEvent::Tick => self.tick(),
            HouseEvent::Fetched { token, delivery } => self.fetched(token, delivery),
            HouseEvent::Called { token, message } => {
                self.answer(self.rate_limits.receive(self.context(), token, message));
                self.quicken();
                self.finish();
            }
            HouseEvent::Woken => self.answer(self.rate_limits.send(self.context())),
            HouseEvent::Closing => self.close(),
        }
    }

    fn tick(self: &Rc<Self>) {
        let (house, now_ms) = (self.house(), self.house.now_ms());
        let Fetching { keys, documents, introspection, tokens, user_tokens } = &self.fetching;
        if self.tenure.get() != Tenure::InCharge {
            tokens.read_shared(self.context());
            introspection.tick(self.context(), now_ms);
            user_tokens.tick(self.context(), |name| self.streams.waiting.awaits(name), || self.moment());
            self.end_revoked(now_ms);
            self.wake_due(now_ms);
            self.ticker.set(house, self.tick_period());
            self.finish();
            return;
        }
        keys.tick(self.context(), now_ms);
        documents.tick(self.context(), now_ms);
        tokens.tick(self.context(), now_ms, || self.moment());
        self.pools.tick(house, self.gateway.credentials(), now_ms);
        introspection.tick(self.context(), now_ms);
        user_tokens.tick(self.context(), |name| self.streams.waiting.awaits(name), || self.moment());
        self.metrics.cache.tell(house, &self.memory);
        let ledger = self.metrics.ledger.get_or_init(|| LedgerGauge::define(house));
        ledger.tell(&self.gateway, house, now_ms);
        self.gateway.collect(house, &self.memory, now_ms);
        self.rate_limits.tick(self.context());
        self.memory.allotments().settle(self.gateway.ledger(), house, now_ms);
        // Last, because whatever is sent after a stream was ended or walked on would end with that stream.
        self.end_revoked(now_ms);
        self.wake_due(now_ms);
        self.ticker.set(house, self.tick_period());
    }

    fn fetched(self: &Rc<Self>, token: u32, delivery: Delivery) {
        let now_ms = self.house.now_ms();
        let Fetching { keys, documents, introspection, tokens, user_tokens } = &self.fetching;
        tokens.receive(self.context(), token, delivery, &self.moment());
        user_tokens.receive(self.context(), token, delivery, &self.moment());
        keys.receive(self.context(), token, delivery, now_ms);
        documents.receive(self.context(), token, delivery, now_ms);
        introspection.receive(self.context(), token, delivery, &self.moment());
        self.end_revoked(now_ms);
        self.wake_due(now_ms);
        self.quicken();
        self.finish();
    }

    /// Walks the exchanges on that have asked the rate limit service.
    fn answer(self: &Rc<Self>, answered: Vec<(Question, Result<Answer, String>)>) {
        for (Question { id, state, .. }, answer) in answered {
            match &mut *state.borrow_mut() {
                State { phase: Phase::AwaitingLimits, call: Some(call), .. } => {
                    self.gateway.take_limits(call, answer);
                }
                // It was refused meanwhile, or is over.
                _ => continue,
            }
            self.release(id);
            self.stream(id, state).resume(Patience::Left);
        }
    }

    /// Lets the exchanges go on whose wait is over.
    fn wake_due(self: &Rc<Self>, now_ms: u64) {
        let answers = self.fetching.introspection.take_answers();
        let due = self.streams.waiting.take_due(|state| self.due(state, &answers, now_ms));
        for (id, state, due) in due {
            let stream = self.stream(id, state);
            match due {
                Due::Refusal => stream.refuse_held(Reason::HoldTimeout),
                Due::Walk(patience) => stream.resume(patience),
            }
        }
    }

    /// What the wait of an exchange has come to; `None` where it goes on.
    fn due(&self, state: &RefCell<State>, answers: &Answers, now_ms: u64) -> Option<Due> {
        let State { phase, held_since_ms, body, .. } = *state.borrow();
        // A long body is longer on its way, and none is so slow as to hold its room for nothing.
        let coming_ms = u64::try_from(body.held() / SLOWEST_BYTES_PER_MS).unwrap_or_default();
        let longest_ms = self.gateway.hold_timeout_ms().saturating_add(coming_ms);
        if now_ms.saturating_sub(held_since_ms) >= longest_ms {
            return Some(Due::Refusal);
        }
        let keys = &self.fetching.keys;
        let patience = match phase {
            Phase::AwaitingKeys { issuer, fetched_ms, .. } if keys.fetched_ms(issuer) != fetched_ms => {
                Patience::Left
            }
            Phase::AwaitingKeys { issuer, until_ms, .. }
                if now_ms >= until_ms || keys.is_unreachable(issuer) =>
            {
                Patience::Exhausted
            }
            Phase::AwaitingToken { credential, until_ms, .. } => {
                match self.fetching.tokens.is_coming(credential, now_ms) {
                    true if now_ms >= until_ms => Patience::Exhausted,
                    true => return None,
                    false => Patience::Left,
                }
            }
            Phase::AwaitingUserToken { name, .. } if self.memory.knows_exchanged(name, now_ms) => {
                Patience::Left
            }
            Phase::AwaitingUserToken { until_ms, .. } if now_ms >= until_ms => Patience::Exhausted,
            Phase::AwaitingIntrospection { name } => {
                match (answers.get(&name)?, &mut state.borrow_mut().call) {
                    (Some(answer), Some(call)) => {
                        call.take_introspection(name, answer.clone());
                        Patience::Left
                    }
                    _ => Patience::Exhausted,
                }
            }
            _ => return None,
        };
        Some(Due::Walk(patience))
    }

    /// Ends the exchanges whose credential or model was revoked meanwhile.
    fn end_revoked(self: &Rc<Self>, now_ms: u64) {
        let revoked = self.fetching.documents.with(|polled| {
            self.streams.open.take_revoked(polled.generation(), |state| {
                state.phase == Phase::Forwarded
                    && state.call.as_mut().is_some_and(|call| self.gateway.revoke(call, polled, now_ms))
            })
        });
        for (id, state) in revoked {
            self.stream(id, state).end();
        }
    }

    fn close(&self) {
        if self.tenure.get() == Tenure::InCharge {
            self.metrics.cache.close(self.house());
            self.pools.close(self.house(), self.gateway.credentials());
        }
        let is_idle = self.rate_limits.close(self.context()) && !self.is_fetching();
        self.tenure.set(if is_idle { Tenure::Over } else { Tenure::Finishing });
    }

    /// Ends, once nothing that was begun is awaited, and nothing is owed any more.
    fn finish(&self) {
        let is_idle = !self.is_fetching() && !self.is_behind();
        if self.tenure.get() == Tenure::Finishing && is_idle && self.rate_limits.close(self.context()) {
            self.tenure.set(Tenure::Over);
        }
    }

    /// After an answer: what is to be done now is done no later than it needs.
    fn quicken(&self) {
        self.ticker.quicken(self.house(), self.tick_period());
    }

    fn house(&self) -> &dyn House {
        &*self.house
    }

    fn stream(self: &Rc<Self>, id: u32, state: Rc<RefCell<State>>) -> Stream {
        Stream { id, worker: Rc::clone(self), state }
    }
}
