//! The walk of one call through the rooms, in the only order there is.

use std::rc::Rc;

use super::bounds::{granted_models, require_granted_operation};
use super::call::{
    AccessRequest, Arrival, Authenticated, Call, Forwarded, ReadBody, Recognised, Settled, Taken,
};
use super::observing::reads_anomalies;
use super::reading::{self, Limits, Reading};
use super::stop::Stop;
use super::{Body, Gateway, Known, Need, Patience};
use crate::config::{Attach, Hold, MeteredUsage};
use crate::denial::{Denial, Reason};
use crate::dialect::{self, BodyForm, Fields, ModelPlace, Operation};
use crate::expression::Reads;
use crate::policy::{BODY_FIELDS, CallFacts};
use crate::request::AnnouncedBody;
use crate::upstream::{HeaderPatch, Proofs, Upstream, claims_identity, steers};

/// What those do who cannot let the provider keep their conversation.
const WAY_OUT: &str = "send earlier items whole and not by their id; with `store: false` and `include: [\"reasoning.encrypted_content\"]` in every request an answer brings all that the next one needs";

/// A call that policy and quota have let through, and the edits of its headers.
pub(super) struct Passed {
    pub(super) patch: HeaderPatch,
    pub(super) forwarded: Forwarded,
}

impl Gateway {
    /// Each step leaves what it found in the call, so that a later walk does not find it again.
    pub(super) fn walk(&self, call: &mut Call, known: &Known<'_>) -> Result<Passed, Stop> {
        let Authenticated { arrival, who, what, taken, .. } = self.authenticate(call, known)?;
        let upstream = self.rooms.upstreams.select(arrival.cluster())?;
        let what = recognise(arrival, what, upstream, known)?;
        let request = AccessRequest { arrival, who, what, upstream };
        require_granted_operation(request)?;
        require_own_account(request, request.operation().is_stateful())?;
        self.require_whole_answer(request)?;
        self.require_own_address(request)?;
        self.refuse_body(request, known)?;
        self.require_known_address(arrival)?;
        let seen = &known.memory.settled;
        let model_is_judged = self.model_is_judged(request, known);
        let reads_each = model_is_judged || self.asks_for_stream_usage(request.operation(), upstream);
        let name = self.settled_name(request, known).filter(|_| !reads_each);
        let settled = match name.and_then(|name| seen.get(name, |_| true)) {
            Some(settled) => settled,
            None => {
                if let Some(body) = self.read_body(request, known)? {
                    what.body = Some(body);
                    require_own_conversation(AccessRequest { arrival, who, what, upstream })?;
                }
                self.observe(arrival, who, what.model(), known);
                let request = AccessRequest { arrival, who, what, upstream };
                let settled = Rc::new(self.settle(request, known)?);
                // What a body says is not what the next one says.
                if let (Some(name), None) = (name, &what.body) {
                    seen.put(name, Rc::clone(&settled));
                }
                settled
            }
        };
        self.observe(arrival, who, what.model(), known);
        if model_is_judged {
            self.judge_model(AccessRequest { arrival, who, what, upstream }, known)?;
        }
        if let Some(body) = &mut what.body {
            body.catch_up(known.body)?;
        }
        self.pass(AccessRequest { arrival, who, what, upstream }, taken, settled, known)
    }

    /// What nobody reads here could still be read by the provider, or by a server on the way as the next request.
    fn refuse_body(&self, request: AccessRequest<'_>, known: &Known<'_>) -> Result<(), Stop> {
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
    fn read_body(&self, request: AccessRequest<'_>, known: &Known<'_>) -> Result<Option<ReadBody>, Stop> {
        let facts = request.facts(known.moment);
        self.require_plain_query(&facts)?;
        if request.what.body.is_some() {
            return Ok(None);
        }
        let form = request.body_form();
        let needs_body = self.needs_body(request, &facts, form) || self.must_name_model(request, form, known);
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
        let limits = Limits { body: self.settings.body_limit, form: self.settings.form_limit };
        let waits = form == BodyForm::Multipart && self.reads_stream(&facts);
        let fields = if waits { Fields::All } else { Fields::Model };
        match reading::read(facts.operation, request.head(), known.body, (limits, fields))? {
            Reading::Done(body) => Ok(Some(body)),
            Reading::Needs(need) => Err(self.hold_for(need, known)),
        }
    }

    /// The quotas, then the provider's credential.
    fn pass(
        &self,
        request: AccessRequest<'_>,
        taken: &mut Taken,
        settled: Rc<Settled>,
        known: &Known<'_>,
    ) -> Result<Passed, Stop> {
        // First, so that a request which cannot be sent on costs nothing.
        let rewriting = self.rewritten(request, known.body)?.into();
        let admission = self.admit(request, taken, &settled.judgement, known)?;
        let proofs = Proofs { permit: Rc::clone(&settled.judgement.permit), admission };
        let mut patch = request.upstream.attach(&proofs, &settled.judgement.attachment, request.head());
        let passport = match self.settings.attach {
            Attach::InChain => None,
            Attach::AtCluster => {
                Some(request.upstream.passport(&proofs, request.principal(), request.operation()))
            }
        };
        self.ask_for_readable_answer(request, &mut patch);
        request.arrival.set_request_id(&mut patch);
        Ok(Passed { patch, forwarded: Forwarded { proofs, settled, passport, rewriting } })
    }

    /// The body is read where a rule, a price or a quota that applies reads it, and where it could name something
    /// that is stored under a provider account which this caller shares with others.
    fn needs_body(&self, request: AccessRequest<'_>, facts: &CallFacts<'_>, form: BodyForm) -> bool {
        let operation = facts.operation;
        if !is_read(form) {
            return false;
        }
        if self.body_names_model(operation)
            && (granted_models(facts.principal).is_some() || self.is_priced(operation))
        {
            return true;
        }
        if form == BodyForm::Json
            && operation.body_may_hold_state()
            && !request.upstream.is_exclusive_to(facts.principal)
        {
            return true;
        }
        if self.asks_for_stream_usage(operation, request.upstream)
            || self.reads_body(self.rooms.quotas.reads(), operation)
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

    /// True where a rule that applies, or a quota, asks whether the answer is a stream.
    fn reads_stream(&self, facts: &CallFacts<'_>) -> bool {
        let reads = |reads: &Reads| reads.field("llm", "stream");
        let is_known = |when: &Reads| !self.reads_body(when, facts.operation);
        reads(self.rooms.quotas.reads())
            || reads(self.rooms.policies.reads())
                && self.rooms.policies.applying_reads(&self.rooms.engine, facts, is_known, reads)
    }

    /// True where `reads` holds a field of `llm` that this operation settles only in its body, or asks whether its model is new.
    fn reads_body(&self, reads: &Reads, operation: &Operation) -> bool {
        if reads_anomalies(reads) && self.body_names_model(operation) {
            return true;
        }
        BODY_FIELDS.iter().any(|field| {
            let is_settled = match *field {
                // A body can make a stateless operation stateful, not the other way round.
                "stateful" => operation.is_stateful(),
                "model" | "model_name" => {
                    operation.path_model().is_some() && !self.body_names_model(operation)
                }
                "stream" => operation.path_streams().is_some(),
                _ => false,
            };
            !is_settled && reads.field("llm", field)
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

    /// An open request claims nothing: what would have to be taken off could change its route after it was decided.
    /// It has no body and is no tunnel.
    pub(super) fn is_open(&self, arrival: &Arrival, known: &Known<'_>) -> bool {
        let head = &arrival.head;
        let is_listed = self.settings.open.iter().any(|(method, path)| {
            // A query could carry anything; an open path is open without one.
            head.method() == method && head.path() == path
        });
        if !is_listed || head.is_upgrade() || claims_identity(head) || steers(head) {
            return false;
        }
        // Where Envoy itself adds the credential, it would add it to this request too.
        known.body.is_none()
            && !self.rooms.upstreams.select(arrival.cluster()).is_ok_and(Upstream::has_credential_from_envoy)
    }

    /// Under `peer`, an address with port 0 was taken from a header, and a rule must not believe it.
    fn require_known_address(&self, arrival: &Arrival) -> Result<(), Denial> {
        let reads_address = || {
            let reads_source = self.rooms.policies.reads().variable("source")
                || self.rooms.quotas.reads().variable("source");
            reads_source || self.reads_anomalies()
        };
        match self.believes_address_of(&arrival.connection) || !reads_address() {
            true => Ok(()),
            false => Err(Reason::ClientAddressUntrusted.into()),
        }
    }

    /// A parameter that comes twice is one value to a rule and another to some providers.
    fn require_plain_query(&self, facts: &CallFacts<'_>) -> Result<(), Denial> {
        let reads_query = self.rooms.policies.reads().field("request", "query")
            || self.rooms.quotas.reads().field("request", "query");
        match reads_query && !facts.has_plain_query() {
            true => Err(Denial::new(Reason::PathAmbiguous)
                .with_detail("a parameter of the query comes twice, or `;` stands in it")),
            false => Ok(()),
        }
    }
}

/// What the path asks of the upstream, found out once per call.
fn recognise<'a>(
    arrival: &Arrival,
    what: &'a mut Option<Recognised>,
    upstream: &Upstream,
    known: &Known<'_>,
) -> Result<&'a mut Recognised, Denial> {
    match what {
        Some(what) => Ok(what),
        None => {
            let head = &arrival.head;
            let seen = &known.memory.operations;
            let asked = [upstream.facts().cluster, head.method(), head.path()].map(str::as_bytes);
            let name = seen.name(&asked);
            let operation = dialect::recognise_again(seen, name, head, || {
                let (dialect, prefix) = (upstream.dialect(), upstream.path_prefix());
                dialect::recognise(dialect, head, prefix, upstream.operations())
            })?;
            Ok(what.insert(Recognised::new(operation, name)))
        }
    }
}

/// What is kept under a provider account is for the tenant alone whose account it is.
fn require_own_account(request: AccessRequest<'_>, is_stateful: bool) -> Result<(), Denial> {
    match is_stateful && !request.upstream.is_exclusive_to(request.principal()) {
        true => Err(Reason::StatefulOperationSharedCredential.into()),
        false => Ok(()),
    }
}

/// So is what the body names of that.
fn require_own_conversation(request: AccessRequest<'_>) -> Result<(), Denial> {
    let Some(body) = request.what.facts() else { return Ok(()) };
    let own = require_own_account(request, body.is_stateful);
    own.map_err(|denial| if body.names_earlier_turns { denial.with_detail(WAY_OUT) } else { denial })
}

/// True for a body that can be read.
fn is_read(form: BodyForm) -> bool {
    matches!(form, BodyForm::Json | BodyForm::Multipart)
}
