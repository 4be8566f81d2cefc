//! One request on its way: what is proven of it so far, and how it was decided.

mod access_request;
mod arrival;
mod found;
mod identified;
mod ids;
mod own_answer;
mod read_body;
mod recognised;
mod rewriting;
mod settled;
mod taken;
mod received;
mod verdict;

use crate::anomaly::{Anomaly, AnomalyKind};
use crate::audit::Decision;
use crate::credentials::{Chosen, Picked, Supply, Token};
use crate::denial::{Answer, Denial, Reason};
use crate::dialect::{BodyFacts, Operation};
use crate::identity::{CredentialName, Introspected, Principal};
use crate::own_key::OwnKey;
use crate::request::RequestHead;
use crate::upstream::{AccountOwner, Attachment, HeaderPatch, Passport};

pub(super) use access_request::AccessRequest;
pub(super) use arrival::Arrival;
pub(super) use found::{Authenticated, Found};
pub(super) use identified::{Identified, Observed};
pub(super) use ids::hex;
use own_answer::OwnAnswer;
pub(super) use own_answer::{Given, GivenKind};
pub(super) use read_body::ReadBody;
pub(super) use received::Received;
pub(super) use recognised::Recognised;
pub(super) use rewriting::Rewriting;
pub(super) use settled::{Judgement, Settled};
pub(super) use taken::{Asking, Taken};
pub(super) use verdict::{Forwarded, Supplied, Verdict};

/// One request and what the walks have found out about it.
#[derive(Debug)]
pub struct Call {
    pub(super) arrival: Arrival,
    pub(super) received: Received,
    /// What walks have found out of it; `None` until its caller is proven.
    pub(super) found: Option<Found>,
    pub(super) taken: Taken,
    pub(super) verdict: Verdict,
    /// What Envoy answered by itself, or the gateway in place of the provider; `None` where neither did.
    pub(super) local_reply: Option<Denial>,
}

impl Call {
    pub(super) fn new(arrival: Arrival) -> Self {
        Self {
            arrival,
            received: Received::default(),
            found: None,
            taken: Taken::Nothing,
            verdict: Verdict::Undecided(None),
            local_reply: None,
        }
    }

    /// True once the call was forwarded or refused; it is not walked again then.
    pub fn is_decided(&self) -> bool {
        !matches!(self.verdict, Verdict::Undecided(_))
    }

    pub fn request_id(&self) -> &str {
        &self.arrival.request_id
    }

    /// When the call arrived, in milliseconds since the Unix epoch.
    pub fn started_ms(&self) -> u64 {
        self.arrival.started_ms
    }

    /// Notes the client's address for the record, where no decision has asked for it.
    pub fn came_from(&mut self, address: impl FnOnce() -> Option<String>) {
        if self.arrival.connection.source_address.is_none() {
            self.arrival.connection.source_address = address();
        }
    }

    /// Takes the answer to an inquiry that this call needs.
    pub fn take_introspection(&mut self, name: CredentialName, answer: Introspected) {
        self.received.introspected.push((name, answer));
    }

    pub fn head(&self) -> &RequestHead {
        &self.arrival.head
    }

    /// True where the call was let through without a credential.
    pub fn is_open(&self) -> bool {
        matches!(self.verdict, Verdict::Open)
    }

    /// True where the call was let through, with a provider's credential or as an open one.
    pub fn is_let_through(&self) -> bool {
        matches!(self.verdict, Verdict::Forwarded(_) | Verdict::Open)
    }

    /// True where the body was decided on by its beginning, and the rest must be watched.
    pub fn is_watched(&self) -> bool {
        self.read_body().is_some_and(ReadBody::is_watched)
    }

    /// Reads a piece of the body that comes after the decision, before it goes on.
    ///
    /// # Errors
    /// A denial where the piece says what the decision should have rested on; nothing more may go on then.
    pub fn watch(&mut self, piece: &[u8], is_last: bool) -> Result<(), Denial> {
        self.read_body_mut().map_or(Ok(()), |body| body.watch(piece, is_last))
    }

    /// What the filter on the cluster demands, where the credential goes on there.
    pub fn passport(&self) -> Option<&Passport> {
        match &self.verdict {
            Verdict::Forwarded(forwarded) => forwarded.passport.as_ref(),
            _ => None,
        }
    }

    /// The token that goes to the provider with the call, and the choice of its credential; `None` where none does.
    pub fn upstream_token(&self) -> Option<(&Chosen, &Token)> {
        match &self.verdict {
            Verdict::Forwarded(Forwarded { settled, supplied: Some(Supplied::Token(token)), .. }) => {
                settled.judgement.attachment.chosen().map(|chosen| (chosen, &**token))
            }
            _ => None,
        }
    }

    /// The key that goes to the provider with the call, where it is one of several; `None` where it goes on at the cluster.
    pub fn picked(&self) -> Option<&Picked> {
        match &self.verdict {
            Verdict::Forwarded(Forwarded { supplied: Some(Supplied::Key(picked)), .. }) => Some(picked),
            _ => None,
        }
    }

    /// Whose account at the provider the call goes on with, and what for; `None` where it does not go on.
    pub(super) fn attachment(&self) -> Option<&Attachment> {
        match &self.verdict {
            Verdict::Forwarded(Forwarded { settled, .. }) => Some(&settled.judgement.attachment),
            _ => None,
        }
    }

    /// The caller's own key for the provider, where the call has brought one that holds.
    pub(super) fn own_key(&self) -> Option<&OwnKey> {
        self.found.as_ref()?.who.own_key.as_deref()
    }

    /// True where it goes on with a key of the caller's own.
    pub(super) fn has_own_key(&self) -> bool {
        self.attachment().is_some_and(|attachment| attachment.owner() == AccountOwner::Caller)
    }

    /// True where it goes on with what the caller's own token was exchanged for.
    pub fn has_user_token(&self) -> bool {
        let chosen = self.attachment().and_then(Attachment::chosen);
        chosen.is_some_and(|chosen| matches!(chosen.supply, Supply::UserToken(_)))
    }

    /// The token that the provider has refused, and the choice of its credential.
    pub fn refused_token(&self) -> Option<(&Chosen, &Token)> {
        let refusal = self.local_reply.as_ref()?;
        self.upstream_token().filter(|_| refusal.reason() == Reason::UpstreamCredentialRefused)
    }

    /// The cluster the call was decided for.
    pub fn cluster(&self) -> Option<&str> {
        self.arrival.cluster()
    }

    /// Why the call was refused.
    pub fn denial(&self) -> Option<&Denial> {
        match &self.verdict {
            Verdict::Refused(denial) => Some(denial),
            Verdict::Undecided(_) | Verdict::Forwarded(_) | Verdict::Open | Verdict::Answered(_) => None,
        }
    }

    /// Why the provider's answer did not come: our denial, or what Envoy answered by itself.
    pub(super) fn refusal(&self) -> Option<&Denial> {
        self.denial().or(self.local_reply.as_ref())
    }

    /// True where the gateway itself has given what was asked for.
    pub fn is_answered(&self) -> bool {
        matches!(self.verdict, Verdict::Answered(_))
    }

    /// The token that was given.
    pub(super) fn given(&self) -> Option<&Given> {
        match &self.verdict {
            Verdict::Answered(own) => own.token.as_ref(),
            _ => None,
        }
    }

    pub(super) fn answered(&mut self, answer: Answer, token: Option<Given>) {
        self.verdict = Verdict::Answered(OwnAnswer { answer, token });
    }

    pub(super) fn principal(&self) -> Option<&Principal> {
        self.found.as_ref().map(|found| found.who.principal())
    }

    /// For the caller's next proof.
    pub(super) fn nonce(&self) -> Option<&str> {
        self.found.as_ref()?.who.nonce.as_deref()
    }

    fn recognised(&self) -> Option<&Recognised> {
        self.found.as_ref()?.what.as_ref()
    }

    fn read_body(&self) -> Option<&ReadBody> {
        self.recognised()?.body.as_ref()
    }

    pub(super) fn read_body_mut(&mut self) -> Option<&mut ReadBody> {
        self.found.as_mut()?.what.as_mut()?.body.as_mut()
    }

    pub(super) fn operation(&self) -> Option<&Operation> {
        self.recognised().map(|what| &*what.operation)
    }

    /// What the body says, where it was read.
    pub(super) fn body_facts(&self) -> Option<&BodyFacts> {
        self.recognised()?.facts()
    }

    /// The model, as far as it is known.
    pub(super) fn model(&self) -> Option<&str> {
        self.recognised()?.model()
    }

    /// Lets the call be as unusual as this, whatever its caller's past.
    pub fn assume_anomaly(&mut self, anomaly: Anomaly) {
        self.received.anomaly = Some(anomaly);
    }

    /// What about the call is an anomaly.
    pub fn anomalies(&self) -> &[AnomalyKind] {
        self.observed().map_or(&[], |observed| &observed.kinds)
    }

    pub(super) fn observed(&self) -> Option<&Observed> {
        self.found.as_ref()?.who.observed.as_ref()
    }

    pub(super) fn decision(&self) -> Decision {
        match &self.verdict {
            Verdict::Undecided(_) => Decision::Undecided,
            Verdict::Forwarded(_) | Verdict::Answered(OwnAnswer { token: Some(_), .. }) => Decision::Allow,
            Verdict::Open | Verdict::Answered(OwnAnswer { token: None, .. }) => Decision::Open,
            Verdict::Refused(_) => Decision::Deny,
        }
    }

    pub(super) fn forwarded(&mut self, mut forwarded: Forwarded) {
        let admission = &mut forwarded.proofs.admission;
        self.taken = Taken::Admitted { held: admission.take_held(), charged: admission.take_charged() };
        self.verdict = Verdict::Forwarded(forwarded);
    }

    pub(super) fn refused(&mut self, denial: Denial) {
        self.verdict = Verdict::Refused(denial);
    }

    /// An open request goes on without any credential, its own included.
    pub(super) fn leave_open(&mut self) -> HeaderPatch {
        self.verdict = Verdict::Open;
        // It brought nothing that must come off; an edit would only let Envoy choose its route again.
        let mut patch = HeaderPatch::default();
        self.arrival.set_request_id(&mut patch);
        patch
    }

    /// The quotas that this Envoy counted alone, because the rate limit service did not answer.
    pub(super) fn counted_alone(&self) -> Vec<&str> {
        match &self.verdict {
            Verdict::Forwarded(Forwarded { proofs, .. }) => {
                proofs.admission.counted_alone().iter().map(String::as_str).collect()
            }
            Verdict::Undecided(_) | Verdict::Open | Verdict::Answered(_) | Verdict::Refused(_) => Vec::new(),
        }
    }

    /// Rules and quotas in shadow mode that would have refused.
    pub fn shadow_denials(&self) -> Vec<&str> {
        match &self.verdict {
            Verdict::Forwarded(Forwarded { proofs, .. }) => {
                let denials = proofs.permit.shadow_denials().iter().chain(proofs.admission.shadow_denials());
                denials.map(String::as_str).collect()
            }
            Verdict::Undecided(_) | Verdict::Open | Verdict::Answered(_) | Verdict::Refused(_) => Vec::new(),
        }
    }
}
