//! One exchange: its events, and where each leads.

mod panicked;
mod record;
mod request;
mod response;
mod response_body;
mod waiting;
mod walk;

use std::cell::RefCell;
use std::rc::Rc;

use super::host::Exchange;
use super::state::State;
use super::worker::Worker;

/// One exchange under one configuration.
#[derive(Clone)]
pub struct Stream {
    pub(in crate::lifecycle) id: u32,
    pub(in crate::lifecycle) worker: Rc<Worker>,
    pub(in crate::lifecycle) state: Rc<RefCell<State>>,
}

/// What the host tells of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    RequestHeaders {
        end_of_stream: bool,
    },
    /// Of a body that is held `size` is all that has come so far, else what comes now.
    RequestBody {
        size: usize,
        end_of_stream: bool,
    },
    RequestTrailers,
    ResponseHeaders {
        end_of_stream: bool,
    },
    ResponseBody {
        size: usize,
        end_of_stream: bool,
    },
    ResponseTrailers,
    /// The exchange is over, however it ended; also without any event before.
    Log,
}

/// What the host does with what it has just told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Continue,
    /// It holds it, and what follows, until it is told otherwise.
    Pause,
}

impl Stream {
    /// An exchange that begins; `id` is how [`super::House::visit`] finds it.
    pub fn new(id: u32, worker: &Rc<Worker>) -> Self {
        Self { id, worker: Rc::clone(worker), state: Rc::new(RefCell::new(State::new())) }
    }

    pub fn on(&self, exchange: &dyn Exchange, event: Event) -> Next {
        match event {
            Event::RequestHeaders { end_of_stream } => self.request_headers(exchange, end_of_stream),
            Event::RequestBody { size, end_of_stream } => self.request_body(exchange, size, end_of_stream),
            Event::RequestTrailers => self.request_trailers(exchange),
            Event::ResponseHeaders { end_of_stream } => self.response_headers(exchange, end_of_stream),
            Event::ResponseBody { size, end_of_stream } => self.response_body(exchange, size, end_of_stream),
            Event::ResponseTrailers => self.response_trailers(exchange),
            Event::Log => {
                self.log(exchange);
                Next::Continue
            }
        }
    }
}
