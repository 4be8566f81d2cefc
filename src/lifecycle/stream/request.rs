//! The events of a request: its headers, the pieces of its body, its trailers.

use super::{Next, Stream};
use crate::denial::{Denial, Reason};
use crate::gateway::Call;
use crate::lifecycle::host::{Exchange, Part, Side, apply, attributes};
use crate::lifecycle::phase::{BodyProgress, Phase};
use crate::request::Moment;
use crate::upstream::HeaderPatch;

impl Stream {
    pub(in crate::lifecycle) fn request_headers(&self, exchange: &dyn Exchange, end_of_stream: bool) -> Next {
        let moment = self.worker.moment();
        let call = self.open_call(exchange, moment);
        {
            let mut state = self.state.borrow_mut();
            state.held_since_ms = call.started_ms();
            if end_of_stream {
                state.body = BodyProgress::DONE;
            }
            state.call = Some(call);
        }
        self.advance(exchange, moment)
    }

    pub(in crate::lifecycle) fn request_body(
        &self,
        exchange: &dyn Exchange,
        size: usize,
        end_of_stream: bool,
    ) -> Next {
        let gateway = &self.worker.gateway;
        let phase = self.state.borrow().phase;
        self.state.borrow_mut().body_comes(size);
        if phase == Phase::Forwarded {
            return self.watch(exchange, size, end_of_stream);
        }
        let bytes = u64::try_from(size).unwrap_or(u64::MAX);
        let overflow = match phase {
            Phase::AwaitingBody { look: Some(look), .. } if size >= look && !end_of_stream => {
                self.state.borrow_mut().body = BodyProgress::Begun { bytes: size };
                return self.advance(exchange, self.worker.moment());
            }
            Phase::AwaitingBody { limit, look: None } if bytes > limit => Some(gateway.too_large(limit)),
            // Whether anybody would read the body is not known yet, but not more than that is held.
            phase if bytes > gateway.longest_body() => phase.unavailable().map(Denial::from),
            _ => None,
        };
        if let Some(denial) = overflow {
            self.refuse(exchange, denial);
            return Next::Pause;
        }
        // The size is that of all that is held.
        let body = self.state.borrow().body.grown(size);
        self.state.borrow_mut().body = body;
        let goes_on = end_of_stream && matches!(phase, Phase::AwaitingBody { .. });
        let waits = phase.is_held() && !goes_on;
        let room = if waits { self.take_room(exchange) } else { Ok(()) };
        if let Err(denial) = room {
            self.refuse(exchange, denial);
            return Next::Pause;
        }
        match end_of_stream {
            true => self.body_complete(exchange),
            false => next(phase),
        }
    }

    pub(in crate::lifecycle) fn request_trailers(&self, exchange: &dyn Exchange) -> Next {
        // Now, because a request that is released later does not come by here again.
        let trailers = exchange.headers(Part::RequestTrailers).into();
        apply(exchange, Part::RequestTrailers, &HeaderPatch::stripping(&trailers));
        let phase = self.state.borrow().phase;
        match phase {
            Phase::AwaitingBody { .. } => self.body_complete(exchange),
            phase if phase.unavailable().is_some() => self.body_complete(exchange),
            Phase::Forwarded => self.watch(exchange, 0, true),
            phase => next(phase),
        }
    }

    pub(in crate::lifecycle) fn open_call(&self, exchange: &dyn Exchange, moment: Moment) -> Call {
        let gateway = &self.worker.gateway;
        let headers = exchange.headers(Part::RequestHeaders);
        let connection = attributes::connection(exchange, gateway.wants());
        gateway.open_call(headers.into(), connection, moment)
    }

    /// A piece of a body that was decided on by its beginning.
    fn watch(&self, exchange: &dyn Exchange, size: usize, end_of_stream: bool) -> Next {
        let seen = {
            let mut state = self.state.borrow_mut();
            let Some(call) = state.call.as_mut().filter(|call| call.is_watched()) else {
                return Next::Continue;
            };
            let piece = match size {
                0 => None,
                size => exchange.body(Side::Request, 0, size),
            };
            let piece = piece.unwrap_or_default();
            match piece.len() == size {
                true => call.watch(&piece, end_of_stream),
                false => Err(Reason::BodyMalformed.into()),
            }
        };
        match seen {
            Ok(()) => Next::Continue,
            Err(denial) => {
                self.state.borrow_mut().response.cut_short();
                self.refuse(exchange, denial);
                Next::Pause
            }
        }
    }

    /// The request body is complete, whichever event said so.
    fn body_complete(&self, exchange: &dyn Exchange) -> Next {
        let phase = {
            let mut state = self.state.borrow_mut();
            state.body = BodyProgress::Complete { bytes: state.body.held() };
            state.phase
        };
        match phase {
            Phase::AwaitingBody { .. } => self.advance(exchange, self.worker.moment()),
            phase => next(phase),
        }
    }
}

/// What follows an event by which nothing is to be done.
fn next(phase: Phase) -> Next {
    match phase {
        Phase::Forwarded => Next::Continue,
        Phase::Fresh
        | Phase::AwaitingBody { .. }
        | Phase::AwaitingKeys { .. }
        | Phase::AwaitingIntrospection { .. }
        | Phase::AwaitingToken { .. }
        | Phase::AwaitingUserToken { .. }
        | Phase::AwaitingLimits
        | Phase::Answered
        | Phase::Over => Next::Pause,
    }
}
