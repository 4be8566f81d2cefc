//! The last step before a call goes: the quotas, of which some are counted by the rate limit service.
//!
//! While that is asked, the call keeps what it has taken of the others; so a walk that is repeated takes nothing twice.

use crate::gateway::call::{AccessRequest, Asking, Call, Judgement, Taken};
use crate::gateway::stop::Stop;
use crate::gateway::{Gateway, Known, Memory, Need, Patience};
use crate::ledger::Store;
use crate::quota::{Admission, Admitting, Answer, Report};

impl Gateway {
    pub(in crate::gateway) fn admit(
        &self,
        request: AccessRequest<'_>,
        taken: &mut Taken,
        judgement: &Judgement,
        known: &Known<'_>,
    ) -> Result<Admission, Stop> {
        if let Some(asking) = taken.take_asking() {
            return self.go_on(taken, asking, known);
        }
        let context = self.quota_context(known.store, known.memory, known.moment.unix_ms);
        let size = self.size_of(request, known);
        let admitting = match &judgement.charges {
            Some(charges) => self.rooms.quotas.admit(charges, &size, context)?,
            None => {
                let facts = request.facts(known.moment);
                self.rooms.quotas.admit(
                    &self.rooms.quotas.charges(&self.rooms.engine, &facts)?,
                    &size,
                    context,
                )?
            }
        };
        match admitting {
            Admitting::Done(admission) => Ok(admission),
            Admitting::Asks(pending) => self.go_on(taken, Asking { pending, answer: None }, known),
        }
    }

    fn go_on(&self, taken: &mut Taken, asking: Asking, known: &Known<'_>) -> Result<Admission, Stop> {
        let Asking { pending, answer } = asking;
        let answer = match (answer, known.patience) {
            (Some(answer), _) => answer,
            (None, Patience::Exhausted) => Answer::Failed("no answer came in time".to_owned()),
            (None, Patience::Left) => {
                let need = Need::RateLimit(pending.ask().clone());
                *taken = Taken::Asking(Asking { pending, answer: None });
                return Err(Stop::Need(need));
            }
        };
        let context = self.quota_context(known.store, known.memory, known.moment.unix_ms);
        Ok(self.rooms.quotas.resume(pending, &answer, context)?)
    }

    /// Takes what the rate limit service has answered to a call that waits for it, or why it has not: the call knows what
    /// to make of that.
    pub fn take_limits(&self, call: &mut Call, answer: Result<Answer, String>) {
        call.taken.take_answer(answer.unwrap_or_else(Answer::Failed));
    }

    /// What the rate limit service is to be told now; more may follow.
    pub fn report_charges(&self, memory: &Memory, now_ms: u64) -> Option<Report> {
        self.rooms.quotas.report(memory.unreported(), now_ms)
    }

    /// Takes the answer to a report; what was not counted is owed again.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn charges_reported(
        &self,
        (report, asked_ms): (Report, u64),
        answer: Result<&[u8], String>,
        (store, memory): (&dyn Store, &Memory),
        now_ms: u64,
    ) -> Result<(), String> {
        self.rooms.quotas.reported(report, answer, asked_ms, self.quota_context(store, memory, now_ms))
    }
}

impl Call {
    /// The rate limit service, which the call waits for, is not asked: this Envoy counts alone, whatever the quotas say of failures. For scripts.
    pub fn count_alone(&mut self) {
        self.taken.take_answer(Answer::CountAlone);
    }
}
