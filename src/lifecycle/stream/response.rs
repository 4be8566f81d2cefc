//! The way back: whose answer it is, what comes off it, and the host's own errors in the caller's dialect.

use super::{Next, Stream};
use crate::credentials::{Chosen, Supply};
use crate::denial::{Answer, Denial, Reason};
use crate::gateway::{Call, Gateway};
use crate::lifecycle::attempt::{MEMBER, REFUSAL};
use crate::lifecycle::host::attributes::{self, Origin};
use crate::lifecycle::host::{Exchange, Part, apply};
use crate::lifecycle::phase::Phase;
use crate::lifecycle::state::{Response, State};
use crate::request::Headers;
use crate::upstream::trailer_patch;

/// The headers in which providers name their own request id.
const PROVIDER_REQUEST_IDS: [&str; 4] = ["request-id", "x-request-id", "apim-request-id", "x-amzn-requestid"];

/// What a provider's answer has no more when another body stands in its place.
const OF_THE_BODY_AND_ITS_CHALLENGE: [&str; 3] =
    ["www-authenticate", "proxy-authenticate", "content-encoding"];

/// Every answer of ours has it.
const DECISION_ID: &str = "x-claimgate-decision-id";

impl Stream {
    pub(in crate::lifecycle) fn response_headers(
        &self,
        exchange: &dyn Exchange,
        end_of_stream: bool,
    ) -> Next {
        let arrival = Arrival { exchange, end_of_stream };
        let now_ms = self.worker.house.now_ms();
        let withheld = arrival.edit(&self.worker.gateway, &mut self.state.borrow_mut(), now_ms);
        match withheld {
            Err(denial) => {
                self.refuse(exchange, denial);
                Next::Pause
            }
            Ok(()) => {
                self.distrust(now_ms);
                self.keep_back();
                Next::Continue
            }
        }
    }

    /// The token that the provider has refused is asked for anew.
    fn distrust(&self, now_ms: u64) {
        let worker = &self.worker;
        let state = self.state.borrow();
        let Some(call) = &state.call else { return };
        if let Some((Chosen { supply: Supply::Token(index), .. }, token)) = call.refused_token() {
            worker.fetching.tokens.distrust(worker.context(), *index, (token.id(), now_ms));
        }
        let Response { is_from_provider, status, .. } = state.response;
        if is_from_provider && status == Some(401) && call.has_user_token() {
            worker.gateway.forget_exchanged(call, &worker.memory, now_ms);
        }
    }

    /// The key that the provider holds back or has refused rests or is left out, where it is one of several.
    fn keep_back(&self) {
        let worker = &self.worker;
        let mut state = self.state.borrow_mut();
        let spell = state.response.spell.take();
        if let Some(picked) = state.call.as_ref().and_then(Call::picked)
            && let Some(spell) = spell
        {
            worker.pools.keep_back(&*worker.house, worker.gateway.credentials(), (picked, spell));
        }
    }

    /// An answer's trailers hold nothing of the provider's account either.
    pub(in crate::lifecycle) fn response_trailers(&self, exchange: &dyn Exchange) -> Next {
        self.state.borrow_mut().response.is_complete = true;
        let trailers = exchange.headers(Part::ResponseTrailers);
        apply(exchange, Part::ResponseTrailers, &trailer_patch(trailers.iter()));
        Next::Continue
    }
}

/// The headers of an answer that have just come.
struct Arrival<'a> {
    exchange: &'a dyn Exchange,
    end_of_stream: bool,
}

impl Arrival<'_> {
    /// # Errors
    /// Why the answer must not reach the caller.
    fn edit(&self, gateway: &Gateway, state: &mut State, now_ms: u64) -> Result<(), Denial> {
        state.response.is_complete = self.end_of_stream;
        if state.call.is_none() {
            return Ok(());
        }
        let headers = self.exchange.headers(Part::ResponseHeaders);
        state.response.status = attributes::status(&headers);
        if state.phase == Phase::Answered {
            self.restore(state, &headers);
            return Ok(());
        }
        let origin = attributes::origin(self.exchange, &headers);
        state.response.is_from_provider = origin != Origin::Host;
        let Some(call) = &state.call else { return Ok(()) };
        if state.phase == Phase::Forwarded
            && let Some(denial) = late_refusal(call, &origin, &headers)
        {
            return Err(denial);
        }
        let patch = call.answer_patch(headers.iter(), now_ms);
        apply(self.exchange, Part::ResponseHeaders, &patch);
        match origin {
            Origin::Provider { .. } => self.edit_provider_answer(gateway, state, &headers),
            Origin::Host => {
                self.edit_host_reply(state, &headers);
                Ok(())
            }
        }
    }

    /// Where a piece of the body is also more than the host holds, its 413 comes in place of our answer.
    fn restore(&self, state: &mut State, headers: &Headers) {
        let is_ours = headers.values(DECISION_ID).next().is_some();
        let answer = state.call.as_ref().and_then(Call::answer);
        if let (false, Some(answer)) = (is_ours, answer) {
            self.set_status(state, answer.status);
            state.response.replacement = self.replace(answer);
        }
    }

    fn edit_provider_answer(
        &self,
        gateway: &Gateway,
        state: &mut State,
        headers: &Headers,
    ) -> Result<(), Denial> {
        state.response.provider_request_id = provider_request_id(headers);
        let Some(call) = &mut state.call else { return Ok(()) };
        if call.passport().is_some() {
            state.response.pool_member =
                headers.text(MEMBER).and_then(|name| gateway.pool_member(call, name));
        }
        state.response.spell = state.response.status.and_then(|status| gateway.spell(call, status, headers));
        let error = state.response.status.filter(|status| *status >= 400);
        let refused = error.and_then(|status| call.answer_for_refused_credential(status, headers));
        if let Some(answer) = refused {
            for name in OF_THE_BODY_AND_ITS_CHALLENGE {
                self.exchange.remove_header(Part::ResponseHeaders, name);
            }
            self.set_status(state, answer.status);
            state.response.replacement = self.replace(answer);
            return Ok(());
        }
        let response = &mut state.response;
        response.meter = response.status.and_then(|status| gateway.meter(call, status, headers));
        response.extra = gateway.extra_event(call, response.meter.as_ref());
        apply(self.exchange, Part::ResponseHeaders, &gateway.readdress(call, headers));
        response.url_key = gateway.url_key(call, headers)?;
        if response.extra.is_some() || response.url_key.is_some() {
            // It will have another length.
            self.exchange.remove_header(Part::ResponseHeaders, "content-length");
        }
        Ok(())
    }

    fn edit_host_reply(&self, state: &mut State, headers: &Headers) {
        let Some(call) = &mut state.call else { return };
        match state.response.status.filter(|status| *status >= 400) {
            Some(status) => {
                let answer = call.answer_for_envoy(status, &attributes::code_details(self.exchange));
                state.response.replacement = self.replace(answer);
            }
            None if is_grpc_error(headers) => {
                let mut answer = call.answer_for_envoy(503, &attributes::code_details(self.exchange));
                answer.headers.retain(|(name, _)| name != "content-type");
                self.set(&answer);
            }
            None => {}
        }
    }

    /// Sets the headers of the host's reply and returns the body that takes the place of its text; an answer without a
    /// body, to a `HEAD` for one, stays without one.
    fn replace(&self, answer: Answer) -> Option<Vec<u8>> {
        self.set(&answer);
        if self.end_of_stream {
            return None;
        }
        let length = answer.body.len().to_string();
        self.exchange.set_header(Part::ResponseHeaders, "content-length", length.as_bytes());
        Some(answer.body.into_bytes())
    }

    fn set(&self, answer: &Answer) {
        for (name, value) in &answer.headers {
            self.exchange.set_header(Part::ResponseHeaders, name, value.as_bytes());
        }
    }

    fn set_status(&self, state: &mut State, status: u32) {
        self.exchange.set_header(Part::ResponseHeaders, ":status", status.to_string().as_bytes());
        state.response.status = Some(status);
    }
}

/// To a gRPC request Envoy answers 200 with the error in `grpc-status`.
fn is_grpc_error(headers: &Headers) -> bool {
    headers.values("grpc-status").any(|status| status != b"0")
}

fn provider_request_id(headers: &Headers) -> Option<String> {
    let id = PROVIDER_REQUEST_IDS.iter().find_map(|wanted| headers.values(wanted).next());
    id.map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Why an answer must not reach the caller although the request was let through: it went to another cluster
/// than the decided one, or the half on the cluster refused it.
fn late_refusal(call: &Call, origin: &Origin, headers: &Headers) -> Option<Denial> {
    if (call.passport().is_some() || call.is_open())
        && let Some(code) = headers.values(REFUSAL).next()
    {
        let reason = Reason::ALL.iter().find(|reason| reason.code().as_bytes() == code);
        let denial = Denial::new(reason.copied().unwrap_or(Reason::RouteChanged));
        let wait_s = headers.text("retry-after").and_then(|seconds| seconds.parse().ok());
        return Some(match wait_s {
            Some(seconds) => denial.retry_after(seconds),
            None => denial,
        });
    }
    match origin {
        Origin::Provider { cluster } if call.is_let_through() && cluster.as_deref() != call.cluster() => {
            Some(Reason::RouteChanged.into())
        }
        _ => None,
    }
}
