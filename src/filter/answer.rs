//! The way back: whose answer it is, what comes off it, and Envoy's own errors in the caller's dialect.

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use super::flow::{Flow, Phase};
use super::properties::Origin;
use super::steps::apply;
use super::{body, clock, cluster, header_map, properties};
use crate::audit::AnsweredBy;
use crate::denial::{Answer, Reason};
use crate::gateway::{Call, Ending, Gateway};
use crate::meter::{End, ExtraEvent, Meter};
use crate::request::Headers;
use crate::upstream::{UrlKey, trailer_patch};

/// The headers in which providers name their own request id.
const PROVIDER_REQUEST_IDS: [&str; 4] = ["request-id", "x-request-id", "apim-request-id", "x-amzn-requestid"];

/// Envoy's response flags for a stream that was cut off, by the position of their bits
/// (`envoy/stream_info/stream_info.h`): upstream timeout, local reset, upstream reset and termination,
/// downstream termination, idle timeout, longest duration upstream and downstream, downstream reset.
const ABORT_FLAGS: [u32; 9] = [2, 3, 4, 6, 14, 16, 19, 22, 28];

/// So much of an answer is copied into this module at a time.
const LONGEST_PIECE: usize = 64 * 1024;

/// What a provider's answer has no more when another body stands in its place.
const OF_THE_BODY_AND_ITS_CHALLENGE: [&str; 3] =
    ["www-authenticate", "proxy-authenticate", "content-encoding"];

/// Every answer of ours has it.
const DECISION_ID: &str = "x-claimgate-decision-id";

/// Edits the headers of an answer; returns a reason where it must not reach the caller.
pub(super) fn arrive(gateway: &Gateway, flow: &mut Flow, end_of_stream: bool) -> Option<Reason> {
    flow.response_complete = end_of_stream;
    let Some(call) = &mut flow.call else { return None };
    let headers = header_map::read(MapType::HttpResponseHeaders);
    flow.status = status(&headers);
    if flow.phase == Phase::Answered {
        let is_ours = headers.values(DECISION_ID).next().is_some();
        // Where a piece of the body is also more than Envoy holds, its 413 comes in place of our answer.
        if let (false, Some(answer)) = (is_ours, call.answer()) {
            set_status(flow, answer.status);
            flow.replacement_body = replace(answer, end_of_stream);
        }
        return None;
    }
    let origin = properties::origin(&headers);
    flow.response_from_provider = origin != Origin::Envoy;
    if flow.phase == Phase::Forwarded
        && let Some(reason) = late_refusal(call, &origin, &headers)
    {
        return Some(reason);
    }
    apply(MapType::HttpResponseHeaders, &call.answer_patch(headers.iter(), clock::now_ms()));
    let error = flow.status.filter(|status| *status >= 400);
    match (flow.response_from_provider, error) {
        (false, Some(status)) => {
            let answer = call.answer_for_envoy(status, &properties::code_details());
            flow.replacement_body = replace(answer, end_of_stream);
        }
        (true, _) => {
            flow.provider_request_id = provider_request_id(&headers);
            let refused =
                error.and_then(|status| flow.call.as_mut()?.answer_for_refused_credential(status, &headers));
            if let Some(answer) = refused {
                for name in OF_THE_BODY_AND_ITS_CHALLENGE {
                    let _ = hostcalls::remove_map_value(MapType::HttpResponseHeaders, name);
                }
                set_status(flow, answer.status);
                flow.replacement_body = replace(answer, end_of_stream);
                return None;
            }
            let Some(call) = &flow.call else { return None };
            flow.meter = flow.status.and_then(|status| gateway.meter(call, status, &headers));
            flow.extra = gateway.extra_event(call, flow.meter.as_ref());
            apply(MapType::HttpResponseHeaders, &gateway.readdress(call, &headers));
            match gateway.url_key(call, &headers) {
                Ok(url_key) => flow.url_key = url_key,
                Err(reason) => return Some(reason),
            }
            if flow.extra.is_some() || flow.url_key.is_some() {
                // It will have another length.
                let _ = hostcalls::remove_map_value(MapType::HttpResponseHeaders, "content-length");
            }
        }
        (false, None) if is_grpc_error(&headers) => {
            let mut answer = call.answer_for_envoy(503, &properties::code_details());
            answer.headers.retain(|(name, _)| name != "content-type");
            set(&answer);
        }
        (false, None) => {}
    }
    None
}

/// Reads a piece of an answer on its way; it goes on whatever becomes of that.
pub(super) fn measure(meter: &mut Meter, size: usize) {
    let mut begin: usize = 0;
    while begin < size && meter.reads() {
        let length = size.saturating_sub(begin).min(LONGEST_PIECE);
        match hostcalls::get_buffer(BufferType::HttpResponseBody, begin, length).ok().flatten() {
            Some(piece) if piece.len() == length => meter.take(&piece),
            _ => meter.miss(),
        }
        begin = begin.saturating_add(length);
    }
}

/// Passes on a piece of an answer without the event that the caller has not asked for.
pub(super) fn take_out(extra: &mut ExtraEvent, size: usize, end_of_stream: bool) {
    let piece =
        hostcalls::get_buffer(BufferType::HttpResponseBody, 0, size).ok().flatten().unwrap_or_default();
    let mut passed = extra.pass(&piece);
    if end_of_stream {
        passed.to_mut().extend(extra.finish());
    }
    if *passed != *piece {
        let _ = body::replace(BufferType::HttpResponseBody, size, &passed);
    }
}

/// Passes on a piece of an answer with the gateway's URL in the place of the provider's.
pub(super) fn readdress(url_key: &mut UrlKey, size: usize, end_of_stream: bool) {
    let piece = match size {
        0 => None,
        size => hostcalls::get_buffer(BufferType::HttpResponseBody, 0, size).ok().flatten(),
    };
    let mut passed = url_key.pass(&piece.unwrap_or_default());
    if end_of_stream {
        passed.extend(url_key.finish());
    }
    let _ = body::replace(BufferType::HttpResponseBody, size, &passed);
}

/// An answer's trailers hold nothing of the provider's account either.
pub(super) fn strip_trailers() {
    let trailers = header_map::read(MapType::HttpResponseTrailers);
    apply(MapType::HttpResponseTrailers, &trailer_patch(trailers.iter()));
}

fn status(headers: &Headers) -> Option<u32> {
    headers.text(":status")?.parse().ok()
}

/// To a gRPC request Envoy answers 200 with the error in `grpc-status`.
fn is_grpc_error(headers: &Headers) -> bool {
    headers.values("grpc-status").any(|status| status != b"0")
}

fn set_status(flow: &mut Flow, status: u32) {
    let text = status.to_string();
    let _ = hostcalls::set_map_value_bytes(MapType::HttpResponseHeaders, ":status", Some(text.as_bytes()));
    flow.status = Some(status);
}

fn set(answer: &Answer) {
    for (name, value) in &answer.headers {
        let _ = hostcalls::set_map_value_bytes(MapType::HttpResponseHeaders, name, Some(value.as_bytes()));
    }
}

fn provider_request_id(headers: &Headers) -> Option<String> {
    let id = PROVIDER_REQUEST_IDS.iter().find_map(|wanted| headers.values(wanted).next());
    id.map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Sets the headers of Envoy's local reply and returns the body that takes the place of its text; an answer without a
/// body, to a `HEAD` for one, stays without one.
fn replace(answer: Answer, end_of_stream: bool) -> Option<Vec<u8>> {
    set(&answer);
    if end_of_stream {
        return None;
    }
    let length = answer.body.len().to_string();
    let _ = hostcalls::set_map_value_bytes(
        MapType::HttpResponseHeaders,
        "content-length",
        Some(length.as_bytes()),
    );
    Some(answer.body.into_bytes())
}

/// Why an answer must not reach the caller although the request was let through: it went to another cluster
/// than the decided one, or the half on the cluster refused it.
fn late_refusal(call: &Call, origin: &Origin, headers: &Headers) -> Option<Reason> {
    if (call.passport().is_some() || call.is_open())
        && let Some(code) = headers.values(cluster::REFUSAL).next()
    {
        let reason = Reason::ALL.iter().find(|reason| reason.code().as_bytes() == code);
        return Some(reason.copied().unwrap_or(Reason::RouteChanged));
    }
    match origin {
        Origin::Provider { cluster } if call.is_let_through() && cluster.as_deref() != call.cluster() => {
            Some(Reason::RouteChanged)
        }
        _ => None,
    }
}

pub(super) fn ending(flow: &mut Flow, call: &Call) -> Ending {
    // An answer whose end went by here was not cut off, so that Envoy need not be asked.
    let complete = flow.status.filter(|_| flow.response_complete);
    let status = complete.or_else(properties::response_code);
    let answered_by = match (call.denial(), status) {
        (_, None) => AnsweredBy::Nobody,
        (Some(_), _) if flow.answer_was_cut => AnsweredBy::Provider,
        (Some(_), _) => AnsweredBy::Gateway,
        (None, _) if call.is_answered() => AnsweredBy::Gateway,
        (None, _) if flow.response_from_provider => AnsweredBy::Provider,
        (None, _) => AnsweredBy::Envoy,
    };
    let flags = if complete.is_some() { 0 } else { properties::response_flags() };
    let cut = ABORT_FLAGS.iter().any(|position| flags.checked_shr(*position).unwrap_or(0) & 1 == 1);
    let aborted = status.is_none() || cut || (answered_by == AnsweredBy::Provider && !flow.response_complete);
    let end = if flow.response_complete && !aborted { End::Whole } else { End::CutOff };
    Ending {
        now_ms: clock::now_ms(),
        answered_by,
        status,
        aborted,
        provider_request_id: flow.provider_request_id.take(),
        usage: flow.meter.take().map(|meter| meter.settle(end)),
        price: None,
        charged: Vec::new(),
    }
}
