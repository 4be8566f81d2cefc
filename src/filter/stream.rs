//! Envoy's handles on one stream. The default callbacks of the SDK release a request; each of them that can is implemented.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::exchange::Current;
use super::worker::Envoy;
use crate::lifecycle::{self, AtCluster, Event, Next};

/// A stream in the listener's chain.
pub(super) struct Stream(lifecycle::Stream);

impl Stream {
    pub(super) fn new(stream: lifecycle::Stream) -> Self {
        Self(stream)
    }

    fn on(&self, event: Event) -> Action {
        action(self.0.on(&Current, event))
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        self.on(Event::RequestHeaders { end_of_stream })
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.on(Event::RequestBody { size, end_of_stream })
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.on(Event::RequestTrailers)
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        self.on(Event::ResponseHeaders { end_of_stream })
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.on(Event::ResponseBody { size, end_of_stream })
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.on(Event::ResponseTrailers)
    }

    fn on_log(&mut self) {
        self.on(Event::Log);
    }
}

/// One attempt at a provider, on a cluster.
pub(super) struct Attempt {
    envoy: Rc<Envoy>,
    attempt: lifecycle::Attempt,
}

impl Attempt {
    pub(super) fn new(envoy: Rc<Envoy>, at_cluster: Rc<AtCluster>) -> Self {
        Self { envoy, attempt: lifecycle::Attempt::new(at_cluster) }
    }
}

impl Context for Attempt {}

impl HttpContext for Attempt {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        action(self.attempt.request_headers(&*self.envoy, &Current))
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        action(self.attempt.response_headers(&*self.envoy, &Current))
    }
}

/// A stream of a root without a configuration. Envoy makes none; if it did, they would be refused.
pub(super) struct Unconfigured;

impl Context for Unconfigured {}

impl HttpContext for Unconfigured {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let _ = hostcalls::send_http_response(503, Vec::new(), None);
        Action::Pause
    }

    fn on_http_request_body(&mut self, _size: usize, _end_of_stream: bool) -> Action {
        Action::Pause
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        Action::Pause
    }
}

fn action(next: Next) -> Action {
    match next {
        Next::Continue => Action::Continue,
        Next::Pause => Action::Pause,
    }
}
