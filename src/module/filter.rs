//! One stream, from its first hook to its last.

use std::cell::Cell;
use std::sync::Arc;

use serde_json::json;

use super::abi::StreamHandle;
use super::exchange::{Current, End, Hook, Seen, put_end};
use super::process::{EnvoyConfiguration, process};
use super::worker::Worker;
use crate::denial::{Answer, Reason};
use crate::lifecycle::{Event, Next, Side};

/// A filter of one stream, in the chain or on a cluster.
pub(super) struct Filter {
    worker: Arc<Worker>,
    configuration: Arc<EnvoyConfiguration>,
    id: u32,
    seen: Seen,
    /// An event of it has panicked: what follows is held, until it is over.
    is_poisoned: Cell<bool>,
    pub(super) hooks: Hooks,
}

/// The hooks of a filter that are running. Envoy may end the filter in the midst of one, which then is the last to hold it.
#[derive(Default)]
pub(super) struct Hooks {
    running: Cell<u32>,
    has_ended: Cell<bool>,
}

/// What becomes of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    Drop,
}

impl Hooks {
    pub(super) fn enter(&self) {
        self.running.set(self.running.get().saturating_add(1));
    }

    pub(super) fn leave(&self) -> Fate {
        self.running.set(self.running.get().saturating_sub(1));
        self.fate()
    }

    /// Envoy has ended the filter.
    pub(super) fn end(&self) -> Fate {
        self.has_ended.set(true);
        self.fate()
    }

    fn fate(&self) -> Fate {
        if self.has_ended.get() && self.running.get() == 0 { Fate::Drop } else { Fate::Keep }
    }
}

impl Filter {
    pub(super) fn new(worker: Arc<Worker>, configuration: Arc<EnvoyConfiguration>) -> Self {
        let id = worker.begin();
        Self {
            worker,
            configuration,
            id,
            seen: Seen::default(),
            is_poisoned: Cell::new(false),
            hooks: Hooks::default(),
        }
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

    /// The stream is over, however it ended; Envoy does not say so on a cluster. Its record is written also where it is poisoned.
    pub(super) fn complete(&self, stream: StreamHandle<'_>) {
        let current = Current::of(&stream, Hook::Other, &self.seen);
        if let Err(why) = self.worker.on(self.id, &current, Event::Log) {
            let _ = self.worker.lost_record(&why);
        }
        for metric in process().metrics.take_for_stream() {
            metric.tell(self.configuration.families(), &stream);
        }
    }

    /// The house acts on it.
    pub(super) fn scheduled(&self, stream: StreamHandle<'_>) {
        if self.is_poisoned.get() {
            return;
        }
        let current = Current::of(&stream, Hook::Other, &self.seen);
        let visited = self.worker.visit(self.id, &current);
        let (_, end) = self.or_panicked(visited, &current);
        put_end(stream, end);
    }

    fn on(&self, stream: StreamHandle<'_>, hook: Hook, event: impl FnOnce(&Current<'_>) -> Event) -> Next {
        if self.is_poisoned.get() {
            return Next::Pause;
        }
        let current = Current::of(&stream, hook, &self.seen);
        let outcome = self.worker.on(self.id, &current, event(&current));
        let (next, end) = self.or_panicked(outcome, &current);
        put_end(stream, end);
        next
    }

    /// What has come of an event; where it has panicked, of the end that the stream comes to.
    fn or_panicked(&self, outcome: Result<Next, String>, current: &Current<'_>) -> (Next, Option<End>) {
        let outcome = outcome.or_else(|why| {
            self.is_poisoned.set(true);
            current.take_end();
            self.worker.panicked(self.id, current, &why)
        });
        match outcome {
            Ok(next) => (next, current.take_end()),
            Err(_) => (Next::Pause, Some(End::Answer(last_resort()))),
        }
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

#[cfg(test)]
mod tests {
    use super::{Fate, Hooks};

    #[test]
    fn a_filter_that_ends_in_a_hook_lives_until_it_returns() {
        let hooks = Hooks::default();
        hooks.enter();
        // A local reply has Envoy call back.
        hooks.enter();
        assert_eq!(hooks.leave(), Fate::Keep);
        assert_eq!(hooks.end(), Fate::Keep);
        assert_eq!(hooks.leave(), Fate::Drop);
        assert_eq!(Hooks::default().end(), Fate::Drop);
    }
}
