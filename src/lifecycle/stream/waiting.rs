//! What an exchange waits for, and the room that it takes while it does.

use super::Stream;
use crate::denial::Denial;
use crate::gateway::{Need, Pending};
use crate::lifecycle::fetching::{Tokens, UserTokens};
use crate::lifecycle::host::{Exchange, attributes};
use crate::lifecycle::phase::{BodyProgress, Phase};
use crate::lifecycle::state::State;
use crate::lifecycle::worker::Worker;
use crate::request::Moment;

/// What follows from a walk.
pub(super) enum Step {
    Pass,
    Answered,
    Held,
}

impl Stream {
    /// Holds the exchange until what it needs has come, where there is room for it.
    pub(super) fn wait_for(
        &self,
        need: Need,
        exchange: &dyn Exchange,
        state: &mut State,
        moment: Moment,
    ) -> Step {
        let worker = &*self.worker;
        match need {
            Need::Body { limit, look } => {
                let Some(call) = &mut state.call else { return Step::Held };
                let declared = call.head().text("content-length");
                let declared = declared.and_then(|length| length.parse::<u64>().ok());
                if look.is_none() && declared.is_some_and(|length| length > limit) {
                    worker.gateway.refuse(call, worker.gateway.too_large(limit));
                    return answer(exchange, state);
                }
                state.phase = Phase::AwaitingBody { limit, look };
                hold(worker, exchange, state)
            }
            Need::Keys { issuer } => {
                let keys = &worker.fetching.keys;
                let until_ms = moment.unix_ms.saturating_add(keys.patience_ms(issuer));
                state.phase = Phase::AwaitingKeys { issuer, fetched_ms: keys.fetched_ms(issuer), until_ms };
                hold(worker, exchange, state)
            }
            Need::Token { credential } => {
                let until_ms =
                    moment.unix_ms.saturating_add(Tokens::patience_ms(&worker.gateway, credential));
                state.phase = Phase::AwaitingToken { credential, since_ms: moment.unix_ms, until_ms };
                hold(worker, exchange, state)
            }
            Need::UserToken(question) => {
                let since_ms = moment.unix_ms;
                let patience_ms = UserTokens::patience_ms(&worker.gateway, question.exchange);
                let until_ms = since_ms.saturating_add(patience_ms);
                let (name, caller) = (question.name, question.caller);
                state.phase = Phase::AwaitingUserToken { name, caller, since_ms, until_ms };
                let step = hold(worker, exchange, state);
                if let Step::Held = step {
                    worker.fetching.user_tokens.want(question);
                }
                step
            }
            Need::Introspection(inquiry) => {
                state.phase = Phase::AwaitingIntrospection { name: inquiry.name };
                let step = hold(worker, exchange, state);
                if let Step::Held = step {
                    let address = attributes::source_address(exchange);
                    let from = (address.as_deref(), attributes::source_port(exchange));
                    let asker = worker.gateway.asker(&worker.memory, inquiry.name, from);
                    worker.fetching.introspection.want(&*worker.house, inquiry, asker);
                }
                step
            }
            // It was asked before, and what came of that is known by now.
            Need::RateLimit(_) => Step::Held,
        }
    }

    /// Takes room for what is here of a call that waits.
    pub(in crate::lifecycle) fn take_room(&self, exchange: &dyn Exchange) -> Result<(), Denial> {
        take_room(&self.worker, exchange, &mut self.state.borrow_mut())
    }
}

/// Takes room for a call that waits; without any it is refused.
pub(super) fn hold(worker: &Worker, exchange: &dyn Exchange, state: &mut State) -> Step {
    match take_room(worker, exchange, state) {
        Ok(()) => Step::Held,
        Err(denial) => {
            if let Some(call) = &mut state.call {
                worker.gateway.refuse(call, denial);
            }
            answer(exchange, state)
        }
    }
}

fn take_room(worker: &Worker, exchange: &dyn Exchange, state: &mut State) -> Result<(), Denial> {
    let most = match state.phase {
        Phase::AwaitingBody { limit, look: None } => Some(limit),
        Phase::AwaitingKeys { .. } | Phase::AwaitingIntrospection { .. } => {
            Some(worker.gateway.longest_body())
        }
        _ => None,
    };
    let come = u64::try_from(state.body.held()).unwrap_or(u64::MAX);
    let Some(call) = &mut state.call else { return Ok(()) };
    let source = || attributes::source_address(exchange);
    worker.gateway.hold(call, &worker.memory, Pending { come, most }, &source)
}

/// Sends the answer of a call that is decided.
pub(super) fn answer(exchange: &dyn Exchange, state: &mut State) -> Step {
    state.body = BodyProgress::DONE;
    state.answer(exchange);
    Step::Answered
}
