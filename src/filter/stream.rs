//! One HTTP stream: Envoy's callbacks in, steps of the lifecycle out.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, MapType};

use super::flow::{Body, Flow, Phase};
use super::metrics::count_anomaly;
use super::root::Shared;
use super::shared_data::SharedData;
use super::steps::{Step, apply, refuse, room, walk};
use super::{answer, body, header_map, properties};
use crate::denial::{Denial, Reason};
use crate::gateway::{Call, Patience};
use crate::request::Moment;
use crate::upstream::HeaderPatch;

/// Envoy's handle on one stream.
pub(super) struct Stream {
    id: u32,
    shared: Option<Rc<Shared>>,
    flow: Rc<RefCell<Flow>>,
}

impl Stream {
    pub(super) fn new(id: u32, shared: Option<Rc<Shared>>) -> Self {
        Self { id, shared, flow: Rc::new(RefCell::new(Flow::new())) }
    }

    /// Walks and acts; in a callback of the stream itself.
    fn advance(&self, shared: &Rc<Shared>, moment: Moment) -> Action {
        match walk(shared, (self.id, &self.flow), Patience::Left, moment) {
            Step::Pass => {
                shared.release(self.id);
                shared.pass(self.id, &self.flow);
                Action::Continue
            }
            Step::Answered => {
                shared.release(self.id);
                Action::Pause
            }
            Step::Held => {
                shared.hold(self.id, &self.flow);
                Action::Pause
            }
        }
    }

    /// A piece of a body that was decided on by its beginning.
    fn watch(&self, shared: &Rc<Shared>, size: usize, end_of_stream: bool) -> Action {
        let seen = {
            let mut flow = self.flow.borrow_mut();
            let Some(call) = flow.call.as_mut().filter(|call| call.is_watched()) else {
                return Action::Continue;
            };
            let piece = match size {
                0 => None,
                size => hostcalls::get_buffer(BufferType::HttpRequestBody, 0, size).ok().flatten(),
            };
            let piece = piece.unwrap_or_default();
            match piece.len() == size {
                true => call.watch(&piece, end_of_stream),
                false => Err(Reason::BodyMalformed.into()),
            }
        };
        match seen {
            Ok(()) => Action::Continue,
            Err(denial) => {
                let has_answer = self.flow.borrow().response_from_provider;
                self.flow.borrow_mut().answer_was_cut = has_answer;
                refuse(shared, &self.flow, denial);
                Action::Pause
            }
        }
    }

    /// The request body is complete, whichever event said so.
    fn body_complete(&self, shared: &Rc<Shared>) -> Action {
        let phase = {
            let mut flow = self.flow.borrow_mut();
            flow.body = Body::Complete { bytes: flow.body.held() };
            flow.phase
        };
        match phase {
            Phase::AwaitingBody { .. } => self.advance(shared, shared.dice.moment()),
            phase => standing(phase),
        }
    }
}

fn open_call(shared: &Shared, moment: Moment) -> Call {
    let headers = header_map::read(MapType::HttpRequestHeaders);
    let connection = properties::connection(shared.gateway.wants());
    shared.gateway.open_call(headers.into(), connection, moment)
}

/// What a callback answers where nothing is to be done.
fn standing(phase: Phase) -> Action {
    match phase {
        Phase::Forwarded => Action::Continue,
        Phase::Fresh
        | Phase::AwaitingBody { .. }
        | Phase::AwaitingKeys { .. }
        | Phase::AwaitingIntrospection { .. }
        | Phase::AwaitingLimits
        | Phase::Answered
        | Phase::Gone => Action::Pause,
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else {
            let _ = hostcalls::send_http_response(503, Vec::new(), None);
            return Action::Pause;
        };
        let moment = shared.dice.moment();
        let call = open_call(&shared, moment);
        {
            let mut flow = self.flow.borrow_mut();
            flow.held_since_ms = call.started_ms();
            if end_of_stream {
                flow.body = Body::DONE;
            }
            flow.call = Some(call);
        }
        self.advance(&shared, moment)
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Pause };
        let phase = self.flow.borrow().phase;
        self.flow.borrow_mut().body_comes(size);
        if phase == Phase::Forwarded {
            return self.watch(&shared, size, end_of_stream);
        }
        let bytes = u64::try_from(size).unwrap_or(u64::MAX);
        let overflow = match phase {
            Phase::AwaitingBody { look: Some(look), .. } if size >= look && !end_of_stream => {
                self.flow.borrow_mut().body = Body::Begun { bytes: size };
                return self.advance(&shared, shared.dice.moment());
            }
            Phase::AwaitingBody { limit, look: None } if bytes > limit => {
                Some(shared.gateway.too_large(limit))
            }
            // Whether anybody would read the body is not known yet, but not more than that is held.
            phase if bytes > shared.gateway.longest_body() => phase.impatience().map(Denial::from),
            _ => None,
        };
        if let Some(denial) = overflow {
            refuse(&shared, &self.flow, denial);
            return Action::Pause;
        }
        // The size is that of all that is held.
        let body = self.flow.borrow().body.grown(size);
        self.flow.borrow_mut().body = body;
        let goes_on = end_of_stream && matches!(phase, Phase::AwaitingBody { .. });
        let waits = phase.is_held() && !goes_on;
        let room = if waits { room(&shared, &mut self.flow.borrow_mut()) } else { Ok(()) };
        if let Err(denial) = room {
            refuse(&shared, &self.flow, denial);
            return Action::Pause;
        }
        match end_of_stream {
            true => self.body_complete(&shared),
            false => standing(phase),
        }
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Pause };
        // Now, because a request that is released later does not come by here again.
        let trailers = header_map::read(MapType::HttpRequestTrailers).into();
        apply(MapType::HttpRequestTrailers, &HeaderPatch::stripping(&trailers));
        let phase = self.flow.borrow().phase;
        match phase {
            Phase::AwaitingBody { .. } => self.body_complete(&shared),
            phase if phase.impatience().is_some() => self.body_complete(&shared),
            Phase::Forwarded => self.watch(&shared, 0, true),
            phase => standing(phase),
        }
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let Some(shared) = &self.shared else { return Action::Continue };
        let withheld = answer::arrive(&shared.gateway, &mut self.flow.borrow_mut(), end_of_stream);
        match withheld {
            Some(reason) => {
                refuse(shared, &self.flow, reason);
                Action::Pause
            }
            None => Action::Continue,
        }
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let mut flow = self.flow.borrow_mut();
        flow.response_complete |= end_of_stream;
        if let Some(meter) = &mut flow.meter {
            answer::measure(meter, size);
        }
        if let Some(extra) = &mut flow.extra {
            answer::take_out(extra, size, end_of_stream);
        }
        if let Some(url_key) = &mut flow.url_key {
            answer::readdress(url_key, size, end_of_stream);
        }
        if let Some(body) = &mut flow.replacement_body {
            // The first chunk becomes the whole body, the others nothing.
            let _ = body::replace(BufferType::HttpResponseBody, size, &std::mem::take(body));
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.flow.borrow_mut().response_complete = true;
        answer::strip_trailers();
        Action::Continue
    }

    fn on_log(&mut self) {
        let Some(shared) = &self.shared else { return };
        shared.open.remove(self.id);
        shared.release(self.id);
        shared.limits.forget(self.id);
        let mut flow = self.flow.borrow_mut();
        flow.phase = Phase::Gone;
        // Envoy may have answered before this filter was asked; the record holds what there is.
        let mut call = flow.call.take().unwrap_or_else(|| open_call(shared, shared.dice.moment()));
        if shared.gateway.wants().recorded_address {
            call.came_from(properties::source_address);
        }
        call.body_came(flow.body_bytes);
        let mut ending = answer::ending(&mut flow, &call);
        shared.gateway.settle_call(&mut call, &mut ending, &SharedData, &shared.memory);
        let record = call.record(&ending);
        // As an access log command: %FILTER_STATE(wasm.claimgate_audit:PLAIN)%
        let _ = hostcalls::set_property(vec!["claimgate_audit"], Some(record.as_bytes()));
        shared.metrics.count(&shared.gateway, &call);
        call.anomalies().iter().for_each(|kind| count_anomaly(*kind));
        shared.metrics.count_charges(&shared.gateway, &ending.charged);
    }
}
