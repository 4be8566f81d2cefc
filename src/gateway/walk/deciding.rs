//! From a call's headers to its decision.

use crate::denial::Denial;
use crate::dialect;
use crate::gateway::call::{AccessRequest, Arrival, Call, Found};
use crate::gateway::stop::Stop;
use crate::gateway::{Gateway, Known, Outcome};
use crate::policy::CallFacts;
use crate::request::{Connection, Moment, RequestHead};
use crate::upstream::HeaderPatch;

impl Gateway {
    /// Starts a call from its headers.
    pub fn open_call(&self, head: RequestHead, connection: Connection, moment: Moment) -> Call {
        let dialect = match self.rooms.upstreams.select(connection.cluster.as_deref()) {
            Ok(upstream) => upstream.dialect(),
            Err(_) => dialect::guess(&head),
        };
        Call::new(Arrival::new(head, connection, moment, (dialect, self.published.challenges.clone())))
    }

    /// Walks the call through the rooms, as far as what is known allows.
    ///
    /// A decided call is not walked again: nothing is spent twice, a refusal stays one, and of a request
    /// that was let go there is nothing left to edit.
    pub fn decide(&self, call: &mut Call, known: &Known<'_>) -> Outcome {
        if call.is_decided() {
            return match (call.denial(), call.is_answered()) {
                (Some(_), _) => Outcome::Refuse,
                (None, true) => Outcome::Answer,
                (None, false) => Outcome::Forward(HeaderPatch::default()),
            };
        }
        if let Some(document) = self.published.documents.find(&call.arrival.head) {
            call.answered(document, None);
            return Outcome::Answer;
        }
        let given = match (self.sealing_of(call), self.minting_of(call)) {
            (Some(asked), _) => Some(self.seal(asked, call, known)),
            (None, Some(asked)) => Some(self.mint(asked, call, known)),
            (None, None) => None,
        };
        let decided = match given {
            Some(given) => given.map(|(answer, given)| {
                call.answered(answer, Some(given));
                Outcome::Answer
            }),
            None => self.pass_on(call, known),
        };
        match decided {
            Ok(outcome) => outcome,
            Err(Stop::Need(need)) => Outcome::Need(need),
            Err(Stop::Denied(denial)) => {
                call.refused(denial);
                Outcome::Refuse
            }
        }
    }

    /// A call to a provider, or to a probe behind the gateway.
    fn pass_on(&self, call: &mut Call, known: &Known<'_>) -> Result<Outcome, Stop> {
        if self.is_open(&call.arrival, known) {
            return Ok(Outcome::Forward(call.leave_open()));
        }
        let passed = self.walk(call, known)?;
        call.forwarded(passed.forwarded);
        Ok(Outcome::Forward(passed.patch))
    }

    /// What expressions see of a call; `None` where its caller or its operation is not known.
    pub fn facts_of<'a>(&'a self, call: &'a Call, moment: Moment) -> Option<CallFacts<'a>> {
        let Found { who, what } = call.found.as_ref()?;
        let upstream = self.rooms.upstreams.select(call.cluster()).ok()?;
        let request = AccessRequest { arrival: &call.arrival, who, what: what.as_ref()?, upstream };
        Some(request.facts(moment))
    }

    /// Refuses a call for a reason that the host found: a body too large, a hold too long, a changed route.
    /// A call that was refused before keeps its first reason.
    pub fn refuse(&self, call: &mut Call, denial: impl Into<Denial>) {
        if call.denial().is_none() {
            call.refused(denial.into());
        }
    }
}
