//! The walk of one call through the rooms, in the only order there is.

mod attaching;
mod bodies;
mod bounds;
mod deciding;
mod giving;
mod observing;
mod open;
mod proving;
mod reading;
mod recognising;
mod revoking;
mod rewriting;
mod settling;

use std::rc::Rc;

use super::call::{AccessRequest, Authenticated, Call, Forwarded, Settled, Supplied, Taken};
use super::stop::Stop;
use super::{Gateway, Known};
use crate::config::Attach;
use crate::own_key::OwnKey;
use crate::upstream::{Fresh, HeaderPatch, Proofs};

use bounds::{
    require_granted_operation, require_own_account, require_own_conversation, require_own_model,
    require_own_place,
};
use recognising::recognise;

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
        let own_key = self.own_key(arrival, who, upstream, known)?;
        // A feed may have changed while the call was held.
        if own_key.as_deref().map(OwnKey::holder) != who.own_key.as_deref().map(OwnKey::holder) {
            self.forget_account(what.as_mut(), taken, known);
        }
        who.own_key = own_key;
        let what = recognise(arrival, what, upstream, known)?;
        let request = AccessRequest { arrival, who, what, upstream };
        require_granted_operation(request)?;
        require_own_place(request)?;
        require_own_account(request, request.operation().is_stateful())?;
        self.require_whole_answer(request)?;
        self.require_own_address(request)?;
        self.refuse_body(request, known)?;
        self.require_known_address(arrival)?;
        let seen = &known.memory.settled;
        let model_is_judged = self.model_is_judged(request, known);
        let key_names_models = request.own_key().is_some_and(OwnKey::names_models);
        let reads_each =
            model_is_judged || key_names_models || self.asks_for_stream_usage(request.operation(), upstream);
        let name = self.settled_name(request, known).filter(|_| !reads_each);
        let settled = match name.and_then(|name| seen.get(name, |_| true)) {
            Some(settled) => settled,
            None => {
                if let Some(body) = self.read_body(request, known)? {
                    what.body = Some(body);
                    let request = AccessRequest { arrival, who, what, upstream };
                    require_own_conversation(request)?;
                    require_own_model(request)?;
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
        self.require_model_of_key(AccessRequest { arrival, who, what, upstream }, known)?;
        if let Some(body) = &mut what.body {
            body.catch_up(known.body)?;
        }
        self.pass(AccessRequest { arrival, who, what, upstream }, taken, settled, known)
    }

    /// What the credential gives, the quotas, then what goes on.
    fn pass(
        &self,
        request: AccessRequest<'_>,
        taken: &mut Taken,
        settled: Rc<Settled>,
        known: &Known<'_>,
    ) -> Result<Passed, Stop> {
        // First, so that a request which cannot be sent on costs nothing.
        let rewriting = self.rewritten(request, known.body)?.into();
        let attachment = &settled.judgement.attachment;
        let supplied = self.supplied(request, attachment, known)?;
        let admission = self.admit(request, taken, &settled.judgement, known)?;
        let proofs = Proofs { permit: Rc::clone(&settled.judgement.permit), admission };
        let is_here = self.settings.attach == Attach::InChain;
        let fresh = match &supplied {
            _ if !is_here => None,
            Some(Supplied::Token(token)) => Some(Fresh::Token(token)),
            Some(Supplied::Key(picked)) => Some(Fresh::Member(&picked.member)),
            None => request.own_key().map(Fresh::OwnKey),
        };
        let mut patch = request.upstream.attach(&proofs, attachment, fresh, request.head());
        let passport = (!is_here).then(|| {
            let (upstream, principal) = (request.upstream, request.principal());
            let ticket = match &supplied {
                Some(Supplied::Key(picked)) => Some(picked.ticket()),
                Some(Supplied::Token(_)) | None => None,
            };
            let chooses = (request.own_key(), ticket);
            upstream.passport(&proofs, principal, request.operation(), chooses)
        });
        // Another one may be chosen there.
        let supplied = supplied.filter(|supplied| is_here || matches!(supplied, Supplied::Token(_)));
        self.ask_for_readable_answer(request, &mut patch);
        request.arrival.set_request_id(&mut patch);
        Ok(Passed { patch, forwarded: Forwarded { proofs, settled, supplied, passport, rewriting } })
    }
}
