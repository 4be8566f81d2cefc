//! One HTTP stream: Envoy's callbacks in, steps of the lifecycle out.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, MapType};

use super::flow::{Body, Flow, Phase};
use super::root::Shared;
use super::steps::{Step, apply, refuse, walk};
use super::{clock, cluster, properties};
use crate::audit::AnsweredBy;
use crate::denial::Reason;
use crate::gateway::{Call, Ending, Patience};
use crate::request::RequestHead;

/// The headers in which providers name their own request id.
const PROVIDER_REQUEST_IDS: [&str; 4] = ["request-id", "x-request-id", "apim-request-id", "x-amzn-requestid"];

/// Envoy's response flags for a stream that was cut off, by the position of their bits
/// (`envoy/stream_info/stream_info.h`): upstream timeout, local reset, upstream reset and termination,
/// downstream termination, idle timeout, longest duration upstream and downstream, downstream reset.
const ABORT_FLAGS: [u32; 9] = [2, 3, 4, 6, 14, 16, 19, 22, 28];

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
    fn advance(&self, shared: &Rc<Shared>) -> Action {
        match walk(shared, &self.flow, Patience::Left) {
            Step::Pass => Action::Continue,
            Step::Answered => Action::Pause,
            Step::Held => {
                shared.hold(self.id, &self.flow);
                Action::Pause
            }
        }
    }

    /// The request body is complete, whichever event said so.
    fn body_complete(&self, shared: &Rc<Shared>) -> Action {
        {
            let mut flow = self.flow.borrow_mut();
            if let Body::Coming { bytes } = flow.body {
                let body = hostcalls::get_buffer(BufferType::HttpRequestBody, 0, bytes).ok().flatten();
                flow.body = Body::Complete(body.unwrap_or_default());
            }
        }
        let phase = self.flow.borrow().phase;
        match phase {
            Phase::AwaitingBody { .. } => self.advance(shared),
            phase => standing(phase),
        }
    }
}

/// What a callback answers where nothing is to be done.
fn standing(phase: Phase) -> Action {
    match phase {
        Phase::Forwarded => Action::Continue,
        Phase::Fresh
        | Phase::AwaitingBody { .. }
        | Phase::AwaitingKeys { .. }
        | Phase::Refused
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
        let headers = hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default();
        let call =
            shared.gateway.open_call(RequestHead::new(headers), properties::connection(), clock::moment());
        {
            let mut flow = self.flow.borrow_mut();
            flow.held_since_ms = call.started_ms();
            if end_of_stream {
                flow.body = Body::Complete(Vec::new());
            }
            flow.call = Some(call);
        }
        self.advance(&shared)
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Pause };
        let phase = self.flow.borrow().phase;
        if phase == Phase::Forwarded {
            return Action::Continue;
        }
        let bytes = u64::try_from(size).unwrap_or(u64::MAX);
        let overflow = match phase {
            Phase::AwaitingBody { limit } if bytes > limit => Some(Reason::BodyTooLarge),
            // Whether anybody would read the body is not known yet, but not more than that is held.
            Phase::AwaitingKeys { .. } if bytes > shared.gateway.body_limit() => {
                Some(Reason::IdentityUnavailable)
            }
            _ => None,
        };
        if let Some(reason) = overflow {
            refuse(&shared, &self.flow, reason);
            return Action::Pause;
        }
        // The size is that of all that is held.
        self.flow.borrow_mut().body = Body::Coming { bytes: size };
        match end_of_stream {
            true => self.body_complete(&shared),
            false => standing(phase),
        }
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Pause };
        let phase = self.flow.borrow().phase;
        match phase {
            Phase::AwaitingBody { .. } | Phase::AwaitingKeys { .. } => self.body_complete(&shared),
            phase => standing(phase),
        }
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let Some(shared) = &self.shared else { return Action::Continue };
        let headers = hostcalls::get_map_bytes(MapType::HttpResponseHeaders).unwrap_or_default();
        let names = || headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let refusal = {
            let flow = &mut *self.flow.borrow_mut();
            flow.response_from_provider = properties::is_via_upstream();
            flow.response_complete = end_of_stream;
            match (&flow.call, flow.phase) {
                (None, _) | (_, Phase::Refused) => return Action::Continue,
                (Some(call), Phase::Forwarded) => late_refusal(call, flow.response_from_provider, names()),
                // Envoy answers by itself, while the request waits.
                (Some(_), _) => None,
            }
        };
        if let Some(reason) = refusal {
            refuse(shared, &self.flow, reason);
            return Action::Pause;
        }
        let mut flow = self.flow.borrow_mut();
        let id = PROVIDER_REQUEST_IDS.iter().find_map(|wanted| names().find(|(name, _)| name == wanted));
        flow.provider_request_id = id.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        if let Some(call) = &flow.call {
            apply(MapType::HttpResponseHeaders, &call.answer_patch(names()));
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, _size: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            self.flow.borrow_mut().response_complete = true;
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.flow.borrow_mut().response_complete = true;
        Action::Continue
    }

    fn on_log(&mut self) {
        let Some(shared) = &self.shared else { return };
        let mut flow = self.flow.borrow_mut();
        flow.phase = Phase::Gone;
        let call = flow.call.take().unwrap_or_else(|| {
            // Envoy answered before this filter was asked; the record holds what there is.
            let headers = hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default();
            shared.gateway.open_call(RequestHead::new(headers), properties::connection(), clock::moment())
        });
        let record = call.record(&ending(&flow, &call));
        // As an access log command: %FILTER_STATE(wasm.claimgate_audit:PLAIN)%
        let _ = hostcalls::set_property(vec!["claimgate_audit"], Some(record.as_bytes()));
        shared.metrics.count(&shared.gateway, &call);
    }
}

/// Why an answer must not reach the caller although the request was let through: it went to another cluster
/// than the decided one, or the half on the cluster refused it.
fn late_refusal<'a>(
    call: &Call,
    is_provider: bool,
    mut headers: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Option<Reason> {
    if call.passport().is_some()
        && let Some((_, code)) = headers.find(|(name, _)| *name == cluster::REFUSAL)
    {
        let reason = Reason::ALL.iter().find(|reason| reason.code().as_bytes() == code);
        return Some(reason.copied().unwrap_or(Reason::RouteChanged));
    }
    let went_elsewhere = call.is_allowed() && properties::cluster().as_deref() != call.cluster();
    (is_provider && went_elsewhere).then_some(Reason::RouteChanged)
}

fn ending(flow: &Flow, call: &Call) -> Ending {
    let status = properties::response_code();
    let answered_by = match (call.denial(), status) {
        (_, None) => AnsweredBy::Nobody,
        (Some(_), _) => AnsweredBy::Gateway,
        (None, _) if flow.response_from_provider => AnsweredBy::Provider,
        (None, _) => AnsweredBy::Envoy,
    };
    let flags = properties::response_flags();
    let cut = ABORT_FLAGS.iter().any(|position| flags.checked_shr(*position).unwrap_or(0) & 1 == 1);
    Ending {
        now_ms: clock::now_ms(),
        answered_by,
        status,
        aborted: status.is_none() || cut || (answered_by == AnsweredBy::Provider && !flow.response_complete),
        provider_request_id: flow.provider_request_id.clone(),
    }
}
