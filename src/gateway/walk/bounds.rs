//! What holds of a call beside the rules: its credential is not revoked, its model can be seen where that matters, and a
//! minted token is used for what it was given for.

use crate::denial::{Denial, Reason};
use crate::dialect::{self, ModelPlace};
use crate::gateway::call::{AccessRequest, Arrival};
use crate::gateway::{Gateway, Known};
use crate::identity::{Limits, Principal};
use crate::policy::{CallFacts, reads_model};

/// What those do who cannot let the provider keep their conversation.
const WAY_OUT: &str = "send earlier items whole and not by their id; with `store: false` and `include: [\"reasoning.encrypted_content\"]` in every request an answer brings all that the next one needs";

impl Gateway {
    /// On every use, remembered or not.
    pub(super) fn judge(&self, principal: &Principal, known: &Known<'_>) -> Result<(), Denial> {
        self.rooms.revocations.judge(&known.polled.board, principal, known.moment.unix_ms)
    }

    /// True where a list could switch off the model of this call, which must be known then.
    pub(super) fn model_is_judged(&self, request: AccessRequest<'_>, known: &Known<'_>) -> bool {
        let (board, now_ms) = (&known.polled.board, known.moment.unix_ms);
        request.operation().model_place() != ModelPlace::None
            && self.rooms.revocations.names_models(board, request.principal(), now_ms)
    }

    pub(super) fn judge_model(&self, request: AccessRequest<'_>, known: &Known<'_>) -> Result<(), Denial> {
        let facts = request.facts(known.moment);
        match facts.model().filter(|_| !model_is_elsewhere(&facts)) {
            Some(model) => {
                let now_ms = known.moment.unix_ms;
                self.rooms.revocations.judge_model(&known.polled.board, facts.principal, model, now_ms)
            }
            None => Err(Denial::new(Reason::ModelUnknowable)
                .with_note("a revocation list switches models off, and this one cannot be seen")),
        }
    }

    /// A model named in a batch file, a stored prompt or an operator's own operation cannot be seen, so a rule
    /// that reads it must not believe what else stands in the request. In shadow mode none refuses for that.
    pub(super) fn require_knowable_model(&self, facts: &CallFacts<'_>) -> Result<(), Denial> {
        let is_read = || {
            if granted_models(facts.principal).is_some() {
                return true;
            }
            self.rooms.policies.enforced_reads(&self.rooms.engine, facts, reads_model)
                || reads_model(&self.rooms.quotas.enforced_reads())
        };
        match model_is_elsewhere(facts) && is_read() {
            true => Err(Reason::ModelUnknowable.into()),
            false => Ok(()),
        }
    }

    /// A minted token that is for some models is for no other, whatever the rules say.
    pub(super) fn require_granted_model(&self, facts: &CallFacts<'_>) -> Result<(), Denial> {
        let Some(limits) = granted_models(facts.principal) else { return Ok(()) };
        match facts.model() {
            Some(model) if limits.admit_model(model) => Ok(()),
            Some(_) => Err(Denial::new(Reason::ModelNotAllowed).with_detail(format!(
                "the token is for `{}`",
                limits.models.as_deref().unwrap_or_default().join("`, `")
            ))),
            None if facts.operation.model_place() == ModelPlace::None => Ok(()),
            None => Err(Reason::ModelUnknowable.into()),
        }
    }

    /// Under `peer`, an address with port 0 was taken from a header, and a rule must not believe it.
    pub(super) fn require_known_address(&self, arrival: &Arrival) -> Result<(), Denial> {
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
    pub(super) fn require_plain_query(&self, facts: &CallFacts<'_>) -> Result<(), Denial> {
        let reads_query = self.rooms.policies.reads().field("request", "query")
            || self.rooms.quotas.reads().field("request", "query");
        match reads_query && !facts.has_plain_query() {
            true => Err(Denial::new(Reason::PathAmbiguous)
                .with_detail("a parameter of the query comes twice, or `;` stands in it")),
            false => Ok(()),
        }
    }
}

/// The limits of a minted token that is not for every model.
pub(super) fn granted_models(principal: &Principal) -> Option<&Limits> {
    principal.minted.as_ref().map(|minted| &minted.limits).filter(|limits| limits.models.is_some())
}

/// A minted token that is for some operations is for no other, whatever the rules say.
pub(super) fn require_granted_operation(request: AccessRequest<'_>) -> Result<(), Denial> {
    let operation = request.operation();
    match request.principal().minted.as_ref().map(|minted| &minted.limits) {
        Some(limits) if !limits.admit_operation(operation.name()) => {
            Err(Denial::new(Reason::OperationNotAllowed).with_detail(format!(
                "this is `{}`, and the token is for `{}`",
                operation.name(),
                limits.operations.as_deref().unwrap_or_default().join("`, `")
            )))
        }
        _ => Ok(()),
    }
}

/// The path names who pays, and the gateway's credential may reach more than a caller may spend on.
pub(super) fn require_own_place(request: AccessRequest<'_>) -> Result<(), Denial> {
    request.upstream.require_place(request.operation())
}

/// A model by its whole name could be another project's, whatever the path says.
pub(super) fn require_own_model(request: AccessRequest<'_>) -> Result<(), Denial> {
    let named = request.what.facts().and_then(|body| body.model.as_deref()).unwrap_or_default();
    let is_elsewhere = named.split('/').any(|part| part.trim().eq_ignore_ascii_case("projects"));
    match request.operation().place().is_some() && is_elsewhere {
        true => Err(Denial::new(Reason::TenantMismatch)
            .with_detail("the model's name has a project in it; write it without")),
        false => Ok(()),
    }
}

/// True where a model that cannot be seen may answer.
pub(super) fn model_is_elsewhere(facts: &CallFacts<'_>) -> bool {
    facts.operation.model_place() == ModelPlace::Elsewhere
        || dialect::names_further_model(facts.request)
        || facts.body.is_some_and(|body| body.model_elsewhere)
}

/// What is kept under a provider account is for the tenant alone whose account it is, or for the caller.
pub(super) fn require_own_account(request: AccessRequest<'_>, is_stateful: bool) -> Result<(), Denial> {
    if !is_stateful || request.has_own_account() {
        return Ok(());
    }
    let denial = Denial::new(Reason::StatefulOperationSharedCredential);
    Err(match request.upstream.is_divided(request.principal().tenant.as_deref()) {
        true => denial
            .with_note("its keys are of several accounts; `same_account: true` says that they are of one"),
        false => denial,
    })
}

/// So is what the body names of that.
pub(super) fn require_own_conversation(request: AccessRequest<'_>) -> Result<(), Denial> {
    let Some(body) = request.what.facts() else { return Ok(()) };
    let own = require_own_account(request, body.is_stateful);
    own.map_err(|denial| if body.names_earlier_turns { denial.with_detail(WAY_OUT) } else { denial })
}
