//! One exchange during one hook.

use std::cell::{Cell, RefCell};

use super::abi::{BodyPart, HeaderMap, HeaderPair, Number, Scheduler, StreamHandle, Text};
use super::failpoint::failpoint;
use super::process::status_of;
use crate::denial::Answer;
use crate::lifecycle::{Attribute, Exchange, Item, Part, Side};
use crate::request::Headers;

/// The exchange that Envoy is about, and what is to be done to it once the event is over.
pub(super) struct Current<'a> {
    stream: &'a StreamHandle<'a>,
    hook: Hook,
    seen: &'a Seen,
    scheduler: RefCell<Option<Scheduler>>,
    end: RefCell<Option<End>>,
}

/// Which part of a body a hook brings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    RequestBody,
    ResponseBody,
    Other,
}

/// What hooks have seen of a stream.
#[derive(Default)]
pub(super) struct Seen {
    /// The request is held: what Envoy has buffered of its body is what has come so far.
    pub(super) is_held: Cell<bool>,
    /// It may be visited.
    pub(super) is_visited: Cell<bool>,
    /// Why Envoy, or another filter, has answered by itself.
    pub(super) local_reply: RefCell<Option<String>>,
}

/// What ends an event: Envoy calls back in the midst of it.
pub(super) enum End {
    Answer(Answer),
    Resume,
    CutOff,
}

impl<'a> Current<'a> {
    pub(super) fn of(stream: &'a StreamHandle<'a>, hook: Hook, seen: &'a Seen) -> Self {
        Self { stream, hook, seen, scheduler: RefCell::default(), end: RefCell::default() }
    }

    /// How many bytes there are of a body: of a request that is held all that has come, else what comes now.
    pub(super) fn body_size(&self, side: Side) -> usize {
        let sizes = self.parts(side).into_iter().flatten().map(|part| self.stream.body_size(part));
        sizes.fold(0, usize::saturating_add)
    }

    pub(super) fn take_scheduler(&self) -> Option<Scheduler> {
        self.scheduler.take()
    }

    pub(super) fn take_end(&self) -> Option<End> {
        self.end.take()
    }

    /// What a body is made of, in order.
    fn parts(&self, side: Side) -> [Option<BodyPart>; 2] {
        let is_coming = match side {
            Side::Request => self.hook == Hook::RequestBody,
            Side::Response => self.hook == Hook::ResponseBody,
        };
        match side {
            Side::Response => [is_coming.then_some(BodyPart::ReceivedResponse), None],
            Side::Request => {
                let is_held = self.seen.is_held.get() && !(is_coming && self.stream.is_played_again());
                [is_held.then_some(BodyPart::BufferedRequest), is_coming.then_some(BodyPart::ReceivedRequest)]
            }
        }
    }

    fn failpoint(&self, place: &str) {
        let headers = || self.stream.headers(HeaderMap::RequestHeaders);
        if cfg!(feature = "failpoints") {
            failpoint(place, headers().iter().map(|header| (header.name(), header.value())));
        }
    }

    /// Without a status of its own a gRPC request would be told that all is well.
    fn is_grpc(&self) -> bool {
        let headers = self.stream.headers(HeaderMap::RequestHeaders);
        let content_type = headers.iter().find(|header| header.name() == b"content-type");
        let is_grpc = |value: &[u8]| {
            value
                .strip_prefix(b"application/grpc")
                .is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
        };
        content_type.is_some_and(|header| is_grpc(header.value()))
    }
}

/// Puts an end to an event, where it has one. The stream may be over when this returns.
pub(super) fn put_end(stream: StreamHandle<'_>, end: Option<End>) {
    const DETAILS: &str = "claimgate";
    match end {
        None => {}
        Some(End::Answer(Answer { status, headers, body })) => {
            let pairs = headers.iter().map(|(name, value)| HeaderPair::of(name, value.as_bytes()));
            stream.answer(status, &pairs.collect::<Vec<_>>(), body.as_bytes(), DETAILS);
        }
        Some(End::Resume) => stream.resume(),
        Some(End::CutOff) => stream.cut_off(DETAILS),
    }
}

impl Exchange for Current<'_> {
    fn headers(&self, part: Part) -> Headers {
        self.failpoint(match part {
            Part::RequestHeaders => "request headers",
            Part::RequestTrailers => "request trailers",
            Part::ResponseHeaders => "response headers",
            Part::ResponseTrailers => "response trailers",
        });
        let pairs = self.stream.headers(map(part));
        let bytes = pairs.iter().map(|pair| pair.name().len().saturating_add(pair.value().len())).sum();
        let mut headers = Headers::with_capacity(pairs.len(), bytes);
        for pair in pairs {
            headers.push(&String::from_utf8_lossy(pair.name()), pair.value());
        }
        headers
    }

    fn set_header(&self, part: Part, name: &str, value: &[u8]) {
        self.stream.set_header(map(part), name, value);
    }

    fn remove_header(&self, part: Part, name: &str) {
        self.stream.remove_header(map(part), name);
    }

    fn body(&self, side: Side, begin: usize, length: usize) -> Option<Vec<u8>> {
        self.failpoint(match side {
            Side::Request => "request body",
            Side::Response => "response body",
        });
        let end = begin.checked_add(length)?;
        let (mut copy, mut position) = (Vec::with_capacity(length), 0_usize);
        for part in self.parts(side).into_iter().flatten() {
            for chunk in self.stream.chunks(part) {
                let bytes = chunk.bytes();
                let from = begin.saturating_sub(position).min(bytes.len());
                let to = end.saturating_sub(position).min(bytes.len());
                copy.extend_from_slice(bytes.get(from..to).unwrap_or_default());
                position = position.saturating_add(bytes.len());
            }
        }
        Some(copy)
    }

    fn replace_body(&self, side: Side, length: usize, content: &[u8]) -> bool {
        let size = self.body_size(side);
        let rest = self.body(side, length, size.saturating_sub(length)).unwrap_or_default();
        let parts = self.parts(side);
        let mut parts = parts.into_iter().flatten().filter(|part| self.stream.body_size(*part) > 0).rev();
        // All of it into the last part: only what came now can be added to while nothing is held.
        let last = parts.next().or_else(|| self.parts(side).into_iter().flatten().last());
        let Some(last) = last else { return false };
        parts.all(|part| self.stream.replace_part(part, &[]))
            && self.stream.replace_part(last, &[content, &rest].concat())
    }

    fn answer(&self, answer: &Answer) {
        let mut answer = answer.clone();
        if self.is_grpc() {
            answer.headers.push(("grpc-status".to_owned(), status_of(answer.status).to_string()));
        }
        self.end.replace(Some(End::Answer(answer)));
    }

    fn expect_visits(&self) {
        if !self.seen.is_visited.replace(true) {
            self.scheduler.replace(Some(self.stream.scheduler()));
        }
    }

    fn resume(&self) {
        self.seen.is_held.set(false);
        self.end.replace(Some(End::Resume));
    }

    fn cut_off(&self) {
        self.end.replace(Some(End::CutOff));
    }

    fn text(&self, attribute: Attribute) -> Option<String> {
        let bytes = match attribute {
            Attribute::SourceAddress => self.stream.text(Text::SourceAddress),
            Attribute::CertificateDigest => self.stream.text(Text::CertificateDigest),
            Attribute::Cluster => self.stream.cluster(),
            Attribute::CodeDetails if self.stream.tells_of_response() => self.stream.text(Text::CodeDetails),
            Attribute::CodeDetails => {
                // What no local reply was before is the provider's.
                let details = self.seen.local_reply.borrow().clone();
                return Some(details.unwrap_or_else(|| "via_upstream".to_owned()));
            }
            Attribute::SourcePort | Attribute::Mtls | Attribute::Status | Attribute::ResponseFlags => None,
        };
        bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::to_owned)
    }

    fn number(&self, attribute: Attribute) -> Option<u64> {
        match attribute {
            Attribute::SourcePort => self.stream.number(Number::SourcePort),
            Attribute::Status => self.stream.number(Number::Status),
            Attribute::ResponseFlags => self.stream.number(Number::ResponseFlags),
            Attribute::Mtls => Some(u64::from(self.stream.is_mtls())),
            Attribute::SourceAddress
            | Attribute::CertificateDigest
            | Attribute::Cluster
            | Attribute::CodeDetails => None,
        }
    }

    /// The record is there for the access log: `%FILTER_STATE(wasm.claimgate_audit:PLAIN)%`, as the wasm filter has it.
    fn remember(&self, item: Item, value: &[u8]) {
        self.failpoint(key(item));
        self.stream.set_state(key(item), value);
    }

    fn remembered(&self, item: Item) -> Option<Vec<u8>> {
        self.stream.state(key(item)).map(<[u8]>::to_vec)
    }
}

fn key(item: Item) -> &'static str {
    match item {
        Item::Record => "wasm.claimgate_audit",
        Item::Passport => "wasm.claimgate_passport",
    }
}

fn map(part: Part) -> HeaderMap {
    match part {
        Part::RequestHeaders => HeaderMap::RequestHeaders,
        Part::RequestTrailers => HeaderMap::RequestTrailers,
        Part::ResponseHeaders => HeaderMap::ResponseHeaders,
        Part::ResponseTrailers => HeaderMap::ResponseTrailers,
    }
}
