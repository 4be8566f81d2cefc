//! The steps of the lifecycle: walk the call, act on the outcome; in an event of the exchange or of the house.

use std::rc::Rc;

use super::waiting::{Step, answer, hold};
use super::{Next, Stream};
use crate::credentials::Absence;
use crate::denial::Denial;
use crate::gateway::{Body, Call, Known, Need, Outcome, Patience, Polled};
use crate::identity::{KeyRing, Question as Signature};
use crate::lifecycle::host::{Exchange, HeldBody, Item, Part, Side, apply, attributes};
use crate::lifecycle::phase::{BodyProgress, Phase};
use crate::lifecycle::rate_limits::Question;
use crate::lifecycle::state::State;
use crate::lifecycle::worker::Worker;
use crate::quota::Ask;
use crate::request::Moment;

/// The most exchanges of one worker that wait for tokens of the gateway's own, and that wait for their callers'.
const MOST_FOR_TOKENS: usize = 1000;
const MOST_FOR_USER_TOKENS: usize = 1000;
/// Of one caller.
const MOST_OF_CALLER: usize = 100;

impl Stream {
    /// Walks and acts, in an event of the exchange itself.
    pub(in crate::lifecycle) fn advance(&self, exchange: &dyn Exchange, moment: Moment) -> Next {
        match self.walk(exchange, Patience::Left, moment) {
            Step::Pass => {
                self.worker.release(self.id);
                self.pass(exchange);
                Next::Continue
            }
            Step::Answered => {
                self.worker.release(self.id);
                Next::Pause
            }
            Step::Held => {
                exchange.expect_visits();
                self.worker.hold(self.id, &self.state);
                Next::Pause
            }
        }
    }

    /// Notes an exchange that was let through, where it may have to end before it does by itself.
    fn pass(&self, exchange: &dyn Exchange) {
        if self.worker.gateway.may_revoke() {
            exchange.expect_visits();
            self.worker.streams.open.add(self.id, &self.state);
        }
    }

    /// Walks an exchange that was held on, in an event of the house.
    pub(in crate::lifecycle) fn resume(self, patience: Patience) {
        self.visit_held(move |stream, exchange| {
            match stream.walk(exchange, patience, stream.worker.moment()) {
                Step::Pass => {
                    stream.pass(exchange);
                    exchange.resume();
                }
                Step::Answered => {}
                Step::Held => stream.worker.hold(stream.id, &stream.state),
            }
        });
    }

    /// Refuses an exchange that was held, in an event of the house.
    pub(in crate::lifecycle) fn refuse_held(self, denial: impl Into<Denial> + 'static) {
        self.visit_held(move |stream, exchange| stream.refuse(exchange, denial));
    }

    /// Acts on an exchange that was held, if it still is by then.
    fn visit_held(self, act: impl FnOnce(&Self, &dyn Exchange) + 'static) {
        let (house, id) = (Rc::clone(&self.worker.house), self.id);
        let errand = move |exchange: &dyn Exchange| {
            let is_held = self.state.borrow().phase.is_held();
            if is_held {
                act(&self, exchange);
            }
        };
        house.visit(id, Box::new(errand));
    }

    /// Ends an exchange that was let through and has been refused since: by our answer where the provider's has not begun,
    /// else in the middle of it. In an event of the house.
    pub(in crate::lifecycle) fn end(self) {
        let (house, id) = (Rc::clone(&self.worker.house), self.id);
        let errand = move |exchange: &dyn Exchange| {
            let has_begun = self.state.borrow().response.status.is_some();
            match has_begun {
                true => {
                    self.state.borrow_mut().response.cut_short();
                    exchange.cut_off();
                }
                false => self.state.borrow_mut().answer(exchange),
            }
        };
        house.visit(id, Box::new(errand));
    }

    pub(in crate::lifecycle) fn refuse(&self, exchange: &dyn Exchange, denial: impl Into<Denial>) {
        let mut state = self.state.borrow_mut();
        if let Some(call) = &mut state.call {
            self.worker.gateway.refuse(call, denial);
        }
        state.answer(exchange);
    }

    /// Walks the call once and acts on the outcome, but for holding and resuming.
    fn walk(&self, exchange: &dyn Exchange, patience: Patience, moment: Moment) -> Step {
        let worker = &*self.worker;
        let mut state = self.state.borrow_mut();
        if let Some(since_ms) = state.phase.token_since_ms() {
            let waited_ms = moment.unix_ms.saturating_sub(since_ms);
            state.token_wait_ms = Some(state.token_wait_ms.unwrap_or_default().saturating_add(waited_ms));
        }
        let mut outcome = decide(worker, exchange, &mut state, (patience, moment));
        // What is to be looked at may have come while something else was awaited.
        if let (Some(Outcome::Need(Need::Body { look: Some(look), .. })), BodyProgress::Coming { bytes }) =
            (&outcome, state.body)
            && bytes >= *look
        {
            state.body = BodyProgress::Begun { bytes };
            outcome = decide(worker, exchange, &mut state, (patience, moment));
        }
        if let Some(Outcome::Need(Need::Token { credential })) = outcome {
            let tokens = &worker.fetching.tokens;
            // Another worker may have got it.
            tokens.look(worker.context(), credential);
            let has_room = worker.streams.waiting.for_tokens() < MOST_FOR_TOKENS;
            let patience = match tokens.absence(credential, moment.unix_ms) {
                None => patience,
                Some(Absence::Coming) if has_room => patience,
                Some(_) => Patience::Exhausted,
            };
            outcome = decide(worker, exchange, &mut state, (patience, moment));
        }
        if let Some(Outcome::Need(Need::UserToken(question))) = &outcome {
            let rests = worker.fetching.user_tokens.rests(worker.context(), question, moment.unix_ms);
            let (all, own) = worker.streams.waiting.for_user_tokens(question.caller);
            let has_room = all < MOST_FOR_USER_TOKENS && own < MOST_OF_CALLER;
            if rests || !has_room {
                let patience = if has_room { patience } else { Patience::Exhausted };
                outcome = decide(worker, exchange, &mut state, (patience, moment));
            }
        }
        if let Some(Outcome::Need(Need::RateLimit(ask))) = outcome {
            match self.ask(ask) {
                Ok(()) => {
                    state.phase = Phase::AwaitingLimits;
                    return hold(worker, exchange, &mut state);
                }
                Err(why) => {
                    if let Some(call) = &mut state.call {
                        worker.gateway.take_limits(call, Err(why));
                    }
                    outcome = decide(worker, exchange, &mut state, (patience, moment));
                }
            }
        }
        let Some(outcome) = outcome else { return Step::Held };
        match outcome {
            Outcome::Forward(patch) => {
                let body = std::mem::replace(&mut state.body, BodyProgress::DONE);
                let Some(call) = &mut state.call else { return Step::Held };
                if let Err(denial) = rewrite(exchange, call, body) {
                    worker.gateway.refuse(call, denial);
                    return answer(exchange, &mut state);
                }
                if let Some(passport) = call.passport().and_then(|passport| serde_json::to_vec(passport).ok())
                {
                    exchange.remember(Item::Passport, &passport);
                }
                if let Some(picked) = call.picked() {
                    worker.pools.goes_on(&*worker.house, worker.gateway.credentials(), picked);
                }
                state.phase = Phase::Forwarded;
                apply(exchange, Part::RequestHeaders, &patch);
                Step::Pass
            }
            Outcome::Refuse | Outcome::Answer => answer(exchange, &mut state),
            Outcome::Need(need) => self.wait_for(need, exchange, &mut state, moment),
        }
    }

    fn ask(&self, ask: Ask) -> Result<(), String> {
        let question = Question { id: self.id, state: self.state.clone(), ask };
        self.worker.rate_limits.ask(&*self.worker.house, question)
    }
}

/// `None` where there is no call.
fn decide(
    worker: &Worker,
    exchange: &dyn Exchange,
    state: &mut State,
    (patience, moment): (Patience, Moment),
) -> Option<Outcome> {
    let State { call: Some(call), body, .. } = state else { return None };
    let held = HeldBody::of(exchange, body.held());
    let body = match body {
        BodyProgress::Coming { .. } => Body::Coming,
        BodyProgress::Begun { .. } => Body::Beginning(&held),
        BodyProgress::Complete { .. } => Body::Complete(&held),
    };
    let (store, memory) = (&*worker.house, &worker.memory);
    let verify = &|question: &Signature<'_>| worker.house.verify(question);
    let certificate = &|| attributes::client_certificate(exchange);
    let pools = &|index| worker.pools.state(&*worker.house, worker.gateway.credentials(), index);
    let fetching = &worker.fetching;
    let mut with = |polled: &Polled, keys: &KeyRing| {
        fetching.tokens.with(|tokens| {
            let known = Known {
                moment,
                store,
                keys,
                polled,
                tokens,
                pools,
                verify,
                certificate,
                body,
                memory,
                patience,
            };
            worker.gateway.decide(call, &known)
        })
    };
    Some(fetching.documents.with(|polled| fetching.keys.with_ring(|keys| with(polled, keys))))
}

/// Puts another body in place of the one that came, where the gateway has something to add.
fn rewrite(exchange: &dyn Exchange, call: &mut Call, came: BodyProgress) -> Result<(), Denial> {
    let (Some(rewritten), BodyProgress::Complete { bytes }) = (call.rewritten(), came) else {
        return Ok(());
    };
    if !exchange.replace_body(Side::Request, bytes, rewritten) {
        return call.was_not_rewritten();
    }
    if call.head().values("content-length").next().is_some() {
        let length = rewritten.len().to_string();
        exchange.set_header(Part::RequestHeaders, "content-length", length.as_bytes());
    }
    call.was_rewritten();
    Ok(())
}
