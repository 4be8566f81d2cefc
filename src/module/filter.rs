//! One stream, from its first hook to its last.

use std::cell::Cell;
use std::sync::Arc;

use serde_json::json;

use super::abi::StreamHandle;
use super::configuration::EnvoyConfiguration;
use super::exchange::{Current, End, Hook, Seen, put_end};
use super::process::process;
use super::worker::{Outcome, Worker};
use crate::denial::{Answer, Reason};
use crate::lifecycle::{Event, Next, Side};

/// A filter of one stream, in the chain or on a cluster.
pub(super) struct Filter {
    worker: Arc<Worker>,
    configuration: Arc<EnvoyConfiguration>,
    id: u32,
    /// What is counted on a cluster would stand under its name.
    counts: bool,
    seen: Seen,
    /// An event of it has panicked: what follows is held, until it is over.
    is_poisoned: Cell<bool>,
}

impl Filter {
    pub(super) fn new(worker: Arc<Worker>, configuration: Arc<EnvoyConfiguration>, counts: bool) -> Self {
        let id = worker.begin();
        Self { worker, configuration, id, counts, seen: Seen::default(), is_poisoned: Cell::new(false) }
    }

    pub(super) fn request_headers(&self, stream: StreamHandle<'_>, end_of_stream: bool) -> Next {
        let next = self.on(stream, Hook::Other, |_| Event::RequestHeaders { end_of_stream });
        self.seen.is_held.set(next == Next::Pause);
        next
    }

    pub(super) fn request_body(&self, stream: StreamHandle<'_>, end_of_stream: bool) -> Next {
        let event = |current: &Current<'_>| Event::RequestBody {
            size: current.body_size(Side::Request),
            end_of_stream,
        };
        let next = self.on(stream, Hook::RequestBody, event);
        self.seen.is_held.set(next == Next::Pause);
        next
    }

    pub(super) fn request_trailers(&self, stream: StreamHandle<'_>) -> Next {
        self.on(stream, Hook::Other, |_| Event::RequestTrailers)
    }

    pub(super) fn response_headers(&self, stream: StreamHandle<'_>, end_of_stream: bool) -> Next {
        self.on(stream, Hook::Other, |_| Event::ResponseHeaders { end_of_stream })
    }

    pub(super) fn response_body(&self, stream: StreamHandle<'_>, end_of_stream: bool) -> Next {
        let event = |current: &Current<'_>| Event::ResponseBody {
            size: current.body_size(Side::Response),
            end_of_stream,
        };
        self.on(stream, Hook::ResponseBody, event)
    }

    pub(super) fn response_trailers(&self, stream: StreamHandle<'_>) -> Next {
        self.on(stream, Hook::Other, |_| Event::ResponseTrailers)
    }

    /// Envoy, or another filter, answers by itself.
    pub(super) fn local_reply(&self, details: Option<String>) {
        self.seen.local_reply.replace(details);
    }

    /// The stream is over, however it ended. Its record is written also where it is poisoned.
    pub(super) fn complete(&self, stream: StreamHandle<'_>) {
        let current = Current::of(&stream, Hook::Other, &self.seen);
        let outcome = self.worker.on(self.id, &current, Event::Log);
        if let Ok(outcome) = outcome.or_else(|why| self.worker.lost_record(&why)) {
            self.tell(&stream, outcome);
        }
    }

    /// The house acts on it.
    pub(super) fn scheduled(&self, stream: StreamHandle<'_>) {
        if self.is_poisoned.get() {
            return;
        }
        let current = Current::of(&stream, Hook::Other, &self.seen);
        let visited = self.worker.visit(self.id, &current);
        self.finish(stream_and(visited, &current, self), stream);
    }

    fn on(&self, stream: StreamHandle<'_>, hook: Hook, event: impl FnOnce(&Current<'_>) -> Event) -> Next {
        if self.is_poisoned.get() {
            return Next::Pause;
        }
        let current = Current::of(&stream, hook, &self.seen);
        let outcome = self.worker.on(self.id, &current, event(&current));
        self.finish(stream_and(outcome, &current, self), stream)
    }

    /// Tells what was counted, and does what the event has left to be done.
    fn finish(&self, (outcome, end): (Outcome, Option<End>), stream: StreamHandle<'_>) -> Next {
        let next = self.tell(&stream, outcome);
        if let Some(end) = end {
            put_end(stream, end);
        }
        next
    }

    fn tell(&self, stream: &StreamHandle<'_>, Outcome { next, changes }: Outcome) -> Next {
        let metrics = &process().metrics;
        match self.counts {
            true => {
                let families = self.configuration.families();
                let backlog = metrics.take_backlog();
                changes.iter().chain(&backlog).for_each(|change| change.tell(families, stream));
            }
            false => metrics.put_off(changes),
        }
        next
    }
}

/// What has come of an event; where it has panicked, of the end that the stream comes to.
fn stream_and(
    outcome: Result<Outcome, String>,
    current: &Current<'_>,
    filter: &Filter,
) -> (Outcome, Option<End>) {
    let outcome = outcome.or_else(|why| {
        filter.is_poisoned.set(true);
        current.take_end();
        filter.worker.panicked(filter.id, current, &why)
    });
    match outcome {
        Ok(outcome) => (outcome, current.take_end()),
        Err(_) => (Outcome { next: Next::Pause, changes: Vec::new() }, Some(End::Answer(last_resort()))),
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        self.worker.end(self.id);
    }
}

/// What a caller is told when even that has panicked.
fn last_resort() -> Answer {
    let reason = Reason::InternalError;
    let error =
        json!({ "message": reason.message(), "type": "server_error", "param": null, "code": reason.code() });
    let headers = [("content-type", "application/json"), ("x-claimgate-reason", reason.code())];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Answer { status: reason.status(), headers, body: json!({ "error": error }).to_string() }
}
