//! The steps of the lifecycle: walk the call, act on the outcome; in a callback of the stream or from the root.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use super::body::{self, InBuffer};
use super::flow::{Body, Flow, Phase};
use super::root::Shared;
use super::shared_data::SharedData;
use super::{properties, signatures};
use crate::denial::{Answer, Denial};
use crate::gateway::{self, Call, Known, Need, Outcome, Patience, Pending, Polled};
use crate::identity::KeyRing;
use crate::request::Moment;
use crate::upstream::HeaderPatch;

/// The most streams that one callback of the root ends or lets go on, and the most questions that one sends.
///
/// Envoy carries out what it is told once the callback is over. Each time that calls the filter, and it is at the end of that
/// call, within it, that Envoy goes on with the next: some three hundred in a row fill the stack, and the worker's VM traps.
pub(super) const MOST_AT_ONCE: usize = 32;

/// What follows from a walk.
pub(super) enum Step {
    Pass,
    Answered,
    Held,
}

/// Walks the call once and acts on the outcome, but for holding and resuming.
pub(super) fn walk(
    shared: &Rc<Shared>,
    stream: (u32, &Rc<RefCell<Flow>>),
    patience: Patience,
    moment: Moment,
) -> Step {
    let mut flow = stream.1.borrow_mut();
    let Flow { call: Some(call), body, phase, .. } = &mut *flow else { return Step::Held };
    let mut outcome = decide(shared, call, *body, (patience, moment));
    // What is to be looked at may have come while something else was awaited.
    if let (Outcome::Need(Need::Body { look: Some(look), .. }), Body::Coming { bytes }) = (&outcome, *body)
        && bytes >= *look
    {
        *body = Body::Begun { bytes };
        outcome = decide(shared, call, *body, (patience, moment));
    }
    let outcome = match outcome {
        Outcome::Need(Need::RateLimit(ask)) => match shared.limits.ask(shared, ask, stream) {
            Ok(()) => {
                *phase = Phase::AwaitingLimits;
                return hold(shared, &mut flow);
            }
            Err(why) => {
                shared.gateway.hear_limits(call, Err(why));
                decide(shared, call, *body, (patience, moment))
            }
        },
        outcome => outcome,
    };
    match outcome {
        Outcome::Forward(patch) => {
            if let Err(denial) = rewrite(call, *body) {
                shared.gateway.refuse(call, denial);
                *phase = Phase::Answered;
                *body = Body::DONE;
                send(call.answer());
                return Step::Answered;
            }
            *phase = Phase::Forwarded;
            *body = Body::DONE;
            if let Some(passport) = call.passport().and_then(|passport| serde_json::to_vec(passport).ok()) {
                let _ = hostcalls::set_property(vec!["claimgate_passport"], Some(&passport));
            }
            apply(MapType::HttpRequestHeaders, &patch);
            Step::Pass
        }
        Outcome::Refuse | Outcome::Answer => {
            *phase = Phase::Answered;
            *body = Body::DONE;
            send(call.answer());
            Step::Answered
        }
        Outcome::Need(Need::Body { limit, look }) => {
            let declared = call.head().text("content-length").and_then(|length| length.parse::<u64>().ok());
            if look.is_none() && declared.is_some_and(|length| length > limit) {
                shared.gateway.refuse(call, shared.gateway.too_large(limit));
                *phase = Phase::Answered;
                send(call.answer());
                return Step::Answered;
            }
            *phase = Phase::AwaitingBody { limit, look };
            hold(shared, &mut flow)
        }
        Outcome::Need(Need::Keys { issuer }) => {
            let until_ms = moment.unix_ms.saturating_add(shared.keys.patience_ms(issuer));
            *phase = Phase::AwaitingKeys { issuer, fetched_ms: shared.keys.fetched_ms(issuer), until_ms };
            hold(shared, &mut flow)
        }
        Outcome::Need(Need::Introspection(inquiry)) => {
            *phase = Phase::AwaitingIntrospection { name: inquiry.name };
            let step = hold(shared, &mut flow);
            if let Step::Held = step {
                let address = properties::source_address();
                let from = (address.as_deref(), properties::source_port());
                let asker = shared.gateway.asker(&shared.memory, inquiry.name, from);
                shared.introspection.want(inquiry, asker);
            }
            step
        }
        // It was asked above, and what came of that is known by now.
        Outcome::Need(Need::RateLimit(_)) => Step::Held,
    }
}

fn decide(
    shared: &Rc<Shared>,
    call: &mut Call,
    body: Body,
    (patience, moment): (Patience, Moment),
) -> Outcome {
    let held = InBuffer::of(body.held());
    let body = match body {
        Body::Coming { .. } => gateway::Body::Coming,
        Body::Begun { .. } => gateway::Body::Beginning(&held),
        Body::Complete { .. } => gateway::Body::Complete(&held),
    };
    let (store, verify, memory) = (&SharedData, &signatures::verify, &shared.memory);
    let certificate = &properties::client_certificate;
    let mut with = |polled: &Polled, keys: &KeyRing| {
        let known = Known { moment, store, keys, polled, verify, certificate, body, memory, patience };
        shared.gateway.decide(call, &known)
    };
    shared.polling.with(|polled| shared.keys.with_ring(|keys| with(polled, keys)))
}

/// Takes room for a call that waits; without any it is refused.
fn hold(shared: &Rc<Shared>, flow: &mut Flow) -> Step {
    match room(shared, flow) {
        Ok(()) => Step::Held,
        Err(denial) => {
            if let Some(call) = &mut flow.call {
                shared.gateway.refuse(call, denial);
            }
            flow.body = Body::DONE;
            answer(flow);
            Step::Answered
        }
    }
}

/// Takes room for what is here of a call that waits.
pub(super) fn room(shared: &Rc<Shared>, flow: &mut Flow) -> Result<(), Denial> {
    let most = match flow.phase {
        Phase::AwaitingBody { limit, look: None } => Some(limit),
        Phase::AwaitingKeys { .. } | Phase::AwaitingIntrospection { .. } => {
            Some(shared.gateway.longest_body())
        }
        _ => None,
    };
    let come = u64::try_from(flow.body.held()).unwrap_or(u64::MAX);
    let Some(call) = &mut flow.call else { return Ok(()) };
    shared.gateway.hold(call, &shared.memory, Pending { come, most }, &properties::source_address)
}

/// Puts another body in place of the one that came, where the gateway has something to add.
fn rewrite(call: &mut Call, came: Body) -> Result<(), Denial> {
    let (Some(rewritten), Body::Complete { bytes }) = (call.rewritten(), came) else { return Ok(()) };
    if !body::replace(BufferType::HttpRequestBody, bytes, rewritten) {
        return call.was_not_rewritten();
    }
    if call.head().values("content-length").next().is_some() {
        let length = rewritten.len().to_string();
        let length = Some(length.as_bytes());
        let _ = hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, "content-length", length);
    }
    call.was_rewritten();
    Ok(())
}

/// Walks a held stream again; from the root context.
pub(super) fn resume_held(shared: &Rc<Shared>, id: u32, flow: &Rc<RefCell<Flow>>, patience: Patience) {
    if hostcalls::set_effective_context(id).is_err() {
        return;
    }
    match walk(shared, (id, flow), patience, shared.dice.moment()) {
        Step::Pass => {
            shared.pass(id, flow);
            let _ = hostcalls::resume_http_request();
        }
        Step::Answered => {}
        Step::Held => shared.hold(id, flow),
    }
}

/// Refuses a held stream; from the root context.
pub(super) fn refuse_held(shared: &Rc<Shared>, id: u32, flow: &Rc<RefCell<Flow>>, denial: impl Into<Denial>) {
    if hostcalls::set_effective_context(id).is_ok() {
        refuse(shared, flow, denial);
    }
}

pub(super) fn refuse(shared: &Rc<Shared>, flow: &Rc<RefCell<Flow>>, denial: impl Into<Denial>) {
    let mut flow = flow.borrow_mut();
    if let Some(call) = &mut flow.call {
        shared.gateway.refuse(call, denial);
    }
    answer(&mut flow);
}

/// Sends the answer of a call that is decided.
pub(super) fn answer(flow: &mut Flow) {
    flow.phase = Phase::Answered;
    if let Some(call) = &flow.call {
        send(call.answer());
    }
}

fn send(answer: Option<Answer>) {
    let Some(answer) = answer else { return };
    let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let _ = hostcalls::send_http_response(answer.status, headers, Some(answer.body.as_bytes()));
}

pub(super) fn apply(map: MapType, patch: &HeaderPatch) {
    // What is set takes the place of all that is there.
    let is_set = |name: &&str| patch.settings().any(|(other, _)| other == *name);
    for name in patch.removals().filter(|name| !is_set(name)) {
        let _ = hostcalls::remove_map_value(map, name);
    }
    for (name, value) in patch.settings() {
        let _ = hostcalls::set_map_value_bytes(map, name, Some(value));
    }
}
