//! What becomes of an exchange when something panics. A host whose code traps instead ends the exchange by itself.

use super::Stream;
use crate::denial::Reason;
use crate::lifecycle::host::{Exchange, Level};
use crate::lifecycle::metrics::count_panic;
use crate::lifecycle::state::State;
use crate::lifecycle::worker::Worker;

impl Stream {
    /// An event of this exchange has panicked: it ends, by our answer where none has begun, else in the middle of it. The host
    /// tells of its end alone from now on.
    pub fn panicked(&self, exchange: &dyn Exchange, why: &str) {
        self.worker.panicked(why);
        let Ok(mut state) = self.state.try_borrow_mut() else { return exchange.cut_off() };
        self.fail(exchange, &mut state);
    }

    /// Another event has panicked, which may have been about this exchange: it ends, if it was held.
    pub fn end_held(&self, exchange: &dyn Exchange) {
        let Ok(mut state) = self.state.try_borrow_mut() else { return exchange.cut_off() };
        if state.phase.is_held() {
            self.fail(exchange, &mut state);
        }
    }

    fn fail(&self, exchange: &dyn Exchange, state: &mut State) {
        let has_begun = state.response.status.is_some();
        let call = state.call.get_or_insert_with(|| self.open_call(exchange, self.worker.moment()));
        self.worker.gateway.refuse(call, Reason::InternalError);
        match has_begun {
            true => {
                state.response.cut_short();
                exchange.cut_off();
            }
            false => state.answer(exchange),
        }
    }
}

impl Worker {
    /// Something has panicked in an event.
    pub fn panicked(&self, why: &str) {
        self.house.log(Level::Error, &format!("panicked: {why}; the requests that it was about are refused"));
        count_panic(&*self.house);
    }
}
