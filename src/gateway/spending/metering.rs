//! Which answers are metered, and what their requests need for it.

use crate::config::{Hold, MeteredUsage, StreamUsage};
use crate::denial::Denial;
use crate::dialect::{self, Operation};
use crate::gateway::call::AccessRequest;
use crate::gateway::{Body, Call, Gateway};
use crate::meter::{Meter, UsageChunkFilter};
use crate::request::Headers;
use crate::upstream::{HeaderPatch, Upstream};

/// A provider that may choose answers as its documents say.
const ANY_FORM: &[u8] = b"*/*";

impl Gateway {
    /// Starts to meter a provider's answer; `None` where there is nothing to meter.
    pub fn meter(&self, call: &Call, status: u32, headers: &Headers) -> Option<Meter> {
        Meter::open(self.metered(call.operation()?)?, status, headers)
    }

    /// No answer that is metered may come without its usage.
    pub(in crate::gateway) fn require_whole_answer(&self, request: AccessRequest<'_>) -> Result<(), Denial> {
        let metered = self.metered(request.operation());
        metered.map_or(Ok(()), |operation| dialect::require_whole_answer(operation, request.head()))
    }

    /// A compressed answer would have to be unpacked to be read, and one in another form could not be.
    pub(in crate::gateway) fn ask_for_readable_answer(
        &self,
        request: AccessRequest<'_>,
        patch: &mut HeaderPatch,
    ) {
        let metered = self.metered(request.operation());
        // So would one whose URLs are made the gateway's.
        let holds_url = request.operation().url_key().is_some();
        if holds_url || metered.is_some() {
            patch.ask_for_plain_answer(request.head());
        }
        if let Some(operation) = metered {
            dialect::unreadable_forms(operation, request.head()).for_each(|name| patch.set(name, ANY_FORM));
        }
    }

    /// Takes out of an answer what only the gateway has asked for; `None` where there is no such thing.
    pub fn extra_event(&self, call: &Call, meter: Option<&Meter>) -> Option<UsageChunkFilter> {
        let was_asked_for = call.operation().is_some_and(Operation::tells_stream_usage_if_asked);
        (was_asked_for && call.is_rewritten() && meter.is_some_and(Meter::reads_events))
            .then(UsageChunkFilter::default)
    }

    /// True where the body is read to see whether a stream has to be asked for its usage.
    pub(in crate::gateway) fn asks_for_stream_usage(
        &self,
        operation: &Operation,
        upstream: &Upstream,
    ) -> bool {
        let metering = self.settings.metering;
        let is_wanted = match upstream.stream_usage().unwrap_or(metering.stream_usage) {
            StreamUsage::Always => true,
            StreamUsage::WhenNeeded => {
                self.rooms.quotas.needs_usage() && self.settings.hold == Hold::HeadersAndBody
            }
            StreamUsage::AsAsked => false,
        };
        is_wanted && metering.usage == MeteredUsage::Record && operation.tells_stream_usage_if_asked()
    }

    /// The body with the wish for a stream's usage, where that has to be added.
    pub(in crate::gateway) fn with_stream_usage(
        &self,
        request: AccessRequest<'_>,
        body: Body<'_>,
    ) -> Option<Vec<u8>> {
        let operation = request.operation();
        if !self.asks_for_stream_usage(operation, request.upstream) {
            return None;
        }
        match body {
            Body::Complete(content) => {
                dialect::ask_for_stream_usage(operation, request.what.facts()?, content.bytes()?)
            }
            Body::Coming | Body::Beginning(_) => None,
        }
    }

    /// What is asked, where it costs something and that is recorded.
    fn metered<'a>(&self, operation: &'a Operation) -> Option<&'a Operation> {
        let is_metered = self.settings.metering.usage == MeteredUsage::Record && operation.is_metered();
        is_metered.then_some(operation)
    }
}
