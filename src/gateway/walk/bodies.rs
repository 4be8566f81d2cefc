//! Which bodies are read before the decision, and which are refused unread.

use super::bounds::granted_models;
use super::observing::reads_anomalies;
use super::reading::{self, Limits, Reading, RestsOn};
use crate::config::{Hold, MeteredUsage};
use crate::denial::{Denial, Reason};
use crate::dialect::{BodyForm, Fields, ModelPlace, Operation, Wanted};
use crate::expression::Reads;
use crate::gateway::call::{AccessRequest, ReadBody};
use crate::gateway::stop::Stop;
use crate::gateway::{Body, Gateway, Known, Need, Patience};
use crate::own_key::OwnKey;
use crate::policy::{self, CallFacts};
use crate::request::AnnouncedBody;

impl Gateway {
    /// What nobody reads here could still be read by the provider, or by a server on the way as the next request.
    pub(super) fn refuse_body(&self, request: AccessRequest<'_>, known: &Known<'_>) -> Result<(), Stop> {
        let (head, method) = (request.head(), request.head().method());
        if !request.operation().refuses_body(method) {
            return Ok(());
        }
        let (is_upgrade, is_delete) = (head.is_upgrade(), method == "DELETE");
        match (known.body, head.announced_body()) {
            (body, _) if body.is_none() => Ok(()),
            // Google's SDK for JavaScript sends an empty object along, which says nothing.
            (Body::Complete(content), _)
                if is_delete && content.length() == 2 && content.bytes() == Some(b"{}") =>
            {
                Ok(())
            }
            (Body::Coming, AnnouncedBody::None) if is_upgrade => Ok(()),
            // In chunks or in frames of HTTP/2 it may yet turn out to be empty.
            (Body::Coming, announced)
                if !is_upgrade
                    && (is_delete || announced != AnnouncedBody::Sized)
                    && self.settings.hold == Hold::HeadersAndBody =>
            {
                Err(self.hold_for(Need::Body { limit: self.settings.body_limit, look: None }, known))
            }
            _ => Err(Reason::BodyUnexpected.into()),
        }
    }

    /// What the body says, where something here asks and it was not read yet.
    pub(super) fn read_body(
        &self,
        request: AccessRequest<'_>,
        known: &Known<'_>,
    ) -> Result<Option<ReadBody>, Stop> {
        let facts = request.facts(known.moment);
        self.require_plain_query(&facts)?;
        if request.what.body.is_some() {
            return Ok(None);
        }
        let form = request.body_form();
        // What nobody reads is held where it is to be counted.
        let is_counted = matches!(form, BodyForm::Opaque | BodyForm::None)
            && !known.body.is_none()
            && self.is_read(&facts, policy::reads_size);
        let needs_body = is_counted
            || self.needs_body(request, &facts, form)
            || self.must_name_model(request, form, known);
        // Work in the background would leave the answer without its cost.
        let may_be_done_later = facts.operation.may_be_done_later() && self.rooms.quotas.needs_usage();
        if !(needs_body || may_be_done_later) {
            return Ok(None);
        }
        if !needs_body && self.settings.hold == Hold::Headers {
            return Err(Denial::new(Reason::UsageUnknowable)
                .with_note("`hold: headers` lets nobody see whether this is to be done in the background")
                .into());
        }
        let mut limits = Limits { body: self.settings.body_limit, form: self.settings.form_limit };
        if form == BodyForm::Multipart && self.is_read(&facts, policy::reads_size) {
            // What is not held cannot be counted.
            limits.form = 0;
        }
        let waits = form == BodyForm::Multipart && self.is_read(&facts, |reads| reads.field("llm", "stream"));
        let fields = if waits { Fields::All } else { Fields::Model };
        let rests_on = RestsOn { fields, wanted: &self.wanted(&facts, form)? };
        match reading::read(facts.operation, request.head(), known.body, (limits, rests_on))? {
            Reading::Done(body) => Ok(Some(body)),
            Reading::Needs(need) => Err(self.hold_for(need, known)),
        }
    }

    /// The body is read where a rule, a price or a quota that applies, or a label, reads it, and where it could name something
    /// that is stored under a provider account which this caller shares with others.
    fn needs_body(&self, request: AccessRequest<'_>, facts: &CallFacts<'_>, form: BodyForm) -> bool {
        let operation = facts.operation;
        if !is_read(form) {
            return false;
        }
        if self.body_names_model(operation)
            && (granted_models(facts.principal).is_some()
                || request.own_key().is_some_and(OwnKey::names_models)
                || self.is_priced(operation))
        {
            return true;
        }
        // It may name a project, as the path does.
        if operation.place().is_some() && operation.model_place() == ModelPlace::Body {
            return true;
        }
        if form == BodyForm::Json && operation.body_may_hold_state() && !request.has_own_account() {
            return true;
        }
        if self.asks_for_stream_usage(operation, request.upstream)
            || self.reads_body(self.rooms.quotas.reads(), operation)
            || self.reads_body(self.labels.reads(), operation)
        {
            return true;
        }
        // Most configurations have no rule that reads the body of this operation; then no `when` is run.
        self.reads_body(self.rooms.policies.reads(), operation) && {
            let reads = |reads: &Reads| self.reads_body(reads, operation);
            self.rooms.policies.applying_reads(&self.rooms.engine, facts, |when| !reads(when), reads)
        }
    }

    /// True where the kill switch may be for the model that the body names.
    fn must_name_model(&self, request: AccessRequest<'_>, form: BodyForm, known: &Known<'_>) -> bool {
        is_read(form) && self.body_names_model(request.operation()) && self.model_is_judged(request, known)
    }

    /// True where the body has a say in which model answers, beside a path that names one too: further models, and one that
    /// contradicts the path. With `hold: headers` the path's is all there is.
    fn body_names_model(&self, operation: &Operation) -> bool {
        operation.model_place() != ModelPlace::None
            && (operation.path_model().is_none() || self.settings.hold == Hold::HeadersAndBody)
    }

    /// True where an answer's cost is told by a model that the answer may not name.
    fn is_priced(&self, operation: &Operation) -> bool {
        self.rooms.prices.is_some()
            && operation.is_metered()
            && self.settings.metering.usage == MeteredUsage::Record
            && self.settings.hold == Hold::HeadersAndBody
    }

    /// True where a rule that applies, a quota or a label reads what is asked for.
    fn is_read(&self, facts: &CallFacts<'_>, asked: impl Fn(&Reads) -> bool) -> bool {
        let is_known = |when: &Reads| !self.reads_body(when, facts.operation);
        asked(self.rooms.quotas.reads())
            || asked(self.labels.reads())
            || asked(self.rooms.policies.reads())
                && self.rooms.policies.applying_reads(&self.rooms.engine, facts, is_known, asked)
    }

    /// What the rules that apply, the quotas and the labels want to know of a body. A form says it where nobody reads it, so
    /// that a rule would take it for not said.
    fn wanted(&self, facts: &CallFacts<'_>, form: BodyForm) -> Result<Wanted, Denial> {
        let is_known = |when: &Reads| !self.reads_body(when, facts.operation);
        let mut wanted = self.rooms.policies.wanted(&self.rooms.engine, facts, is_known);
        if form == BodyForm::Multipart && !wanted.demanded.is_empty() {
            return Err(Denial::new(Reason::BodyUnsupported)
                .with_detail("a rule reads what the body asks for, which is read of JSON alone"));
        }
        wanted.join(&self.wanted_of_each);
        Ok(wanted)
    }

    /// True where `reads` holds a field of `llm` that this operation settles only in its body, or asks whether its model is new.
    fn reads_body(&self, reads: &Reads, operation: &Operation) -> bool {
        if reads_anomalies(reads) && self.body_names_model(operation) {
            return true;
        }
        reads.any(|variable, field| {
            let Some(field) = field.filter(|field| policy::is_in_body(variable, field)) else { return false };
            let is_settled = match field {
                // A body can make a stateless operation stateful, not the other way round.
                "stateful" => operation.is_stateful(),
                "model" | "model_name" => {
                    operation.path_model().is_some() && !self.body_names_model(operation)
                }
                "stream" => operation.path_streams().is_some(),
                _ => false,
            };
            !is_settled
        })
    }

    fn hold_for(&self, body: Need, known: &Known<'_>) -> Stop {
        match (self.settings.hold, known.patience) {
            (Hold::HeadersAndBody, Patience::Left) => Stop::Need(body),
            (Hold::HeadersAndBody, Patience::Exhausted) => Reason::HoldTimeout.into(),
            (Hold::Headers, _) => Denial::new(Reason::ModelUnknowable)
                .with_note("`hold: headers` lets no body be read before the headers leave")
                .into(),
        }
    }
}

/// True for a body that can be read.
fn is_read(form: BodyForm) -> bool {
    matches!(form, BodyForm::Json | BodyForm::Multipart)
}
