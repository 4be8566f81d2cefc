//! The end of an exchange: its cost is charged, its record is written, it is counted.

use super::Stream;
use crate::audit::AnsweredBy;
use crate::gateway::{Call, Ending};
use crate::lifecycle::host::{Exchange, Item, attributes};
use crate::lifecycle::metrics::{count_anomaly, count_own_key};
use crate::lifecycle::phase::Phase;
use crate::lifecycle::state::State;
use crate::meter::End;

/// Envoy's response flags for a stream that was cut off, by the position of their bits
/// (`envoy/stream_info/stream_info.h`): upstream timeout, local reset, upstream reset and termination,
/// downstream termination, idle timeout, longest duration upstream and downstream, downstream reset.
const ABORT_FLAGS: [u32; 9] = [2, 3, 4, 6, 14, 16, 19, 22, 28];

impl Stream {
    pub(in crate::lifecycle) fn log(&self, exchange: &dyn Exchange) {
        let worker = &*self.worker;
        worker.streams.open.remove(self.id);
        worker.release(self.id);
        worker.rate_limits.forget(self.id);
        let mut state = self.state.borrow_mut();
        state.phase = Phase::Over;
        // The host may have answered before this exchange was told of; the record holds what there is.
        let call = state.call.take();
        let mut call = call.unwrap_or_else(|| self.open_call(exchange, worker.moment()));
        if worker.gateway.wants().recorded_address {
            call.came_from(|| attributes::source_address(exchange));
        }
        call.body_came(state.body_bytes);
        let mut ending = ending(exchange, &mut state, &call, worker.house.now_ms());
        worker.gateway.settle_call(&mut call, &mut ending, &*worker.house, &worker.memory);
        let record = call.record(&ending);
        exchange.remember(Item::Record, record.as_bytes());
        let metrics = &worker.metrics.calls;
        metrics.count(&worker.gateway, &*worker.house, &call);
        call.anomalies().iter().for_each(|kind| count_anomaly(&*worker.house, *kind));
        count_own_key(&*worker.house, &call);
        metrics.count_charges(&worker.gateway, &*worker.house, &ending.charged);
    }
}

fn ending(exchange: &dyn Exchange, state: &mut State, call: &Call, now_ms: u64) -> Ending {
    let response = &mut state.response;
    // An answer whose end went by here was not cut off, so that the host need not be asked.
    let complete = response.status.filter(|_| response.is_complete);
    let status = complete.or_else(|| attributes::response_code(exchange));
    let answered_by = match (call.denial(), status) {
        (_, None) => AnsweredBy::Nobody,
        (Some(_), _) if response.was_cut => AnsweredBy::Provider,
        (Some(_), _) => AnsweredBy::Gateway,
        (None, _) if call.is_answered() => AnsweredBy::Gateway,
        (None, _) if response.is_from_provider => AnsweredBy::Provider,
        (None, _) => AnsweredBy::Envoy,
    };
    let flags = if complete.is_some() { 0 } else { attributes::response_flags(exchange) };
    let cut = ABORT_FLAGS.iter().any(|position| flags.checked_shr(*position).unwrap_or(0) & 1 == 1);
    let aborted = status.is_none() || cut || (answered_by == AnsweredBy::Provider && !response.is_complete);
    let end = if response.is_complete && !aborted { End::Whole } else { End::CutOff };
    Ending {
        now_ms,
        answered_by,
        status,
        aborted,
        upstream_wait_ms: state.token_wait_ms,
        pool_member: response.pool_member.take(),
        provider_request_id: response.provider_request_id.take(),
        usage: response.meter.take().map(|meter| meter.settle(end)),
        price: None,
        charged: Vec::new(),
        labels: Vec::new(),
    }
}
