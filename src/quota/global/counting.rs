//! How one quota is counted by the rate limit service: what is taken locally, what is asked, and what comes of the answer.

use std::rc::Rc;

use super::answer::Failure;
use super::descriptor_query::DescriptorQuery;
use super::global_quota::GlobalQuota;
use super::response::DescriptorResponse;
use crate::config::{OnFailure, Unit};
use crate::denial::{Denial, Reason};
use crate::ledger::{Basis, Count, RemoteStatus, SOON_MS, Take, TakeOutcome};
use crate::quota::compiled_quota::{Charge, CompiledQuota};
use crate::quota::local_check::LocalCheck;
use crate::quota::taken::Taken;
use crate::quota::{QuotaContext, Size};

/// What one quota makes of a response.
pub(super) struct ResponseOutcome {
    pub(super) taken: Taken,
    pub(super) count: Option<Count>,
    pub(super) counts_alone: bool,
}

impl CompiledQuota {
    /// True where the service counts a request when it is asked.
    pub(super) fn is_counted_at_once(&self, global: &GlobalQuota) -> bool {
        self.measure.unit() == Unit::Requests && global.fresh_ms() == 0
    }

    /// Takes the call's part by an answer that is fresh enough, or says what is to be asked.
    pub(in crate::quota) fn check_locally(
        &self,
        global: &GlobalQuota,
        charge: &Charge,
        size: &Size<'_>,
        context: QuotaContext<'_>,
    ) -> Result<LocalCheck, Denial> {
        self.require_countable(size)?;
        let now_ms = context.now_ms;
        let limit = charge.limits.at(now_ms).min(global.highest_limit());
        let descriptor = global.descriptor(charge.quota, &charge.per, limit, now_ms);
        let query = DescriptorQuery {
            place: charge.quota,
            limit,
            amount: self.measure.estimate(size),
            counter: global.remote_counter(&descriptor).made_by(charge.counter.owner()),
            descriptor: Rc::new(descriptor),
        };
        if limit == 0 {
            let count = count(global, &TakeOutcome { admitted: false, ..TakeOutcome::default() }, now_ms);
            return Err(self.refusal(&count, now_ms));
        }
        let since_ms = match global.fresh_ms() {
            0 => return Ok(LocalCheck::Ask(query)),
            fresh_ms => now_ms.saturating_sub(fresh_ms).max(1),
        };
        let window = global.window().unit_number(now_ms);
        match self.take_remote(global, &query, Basis::Cached { window, since_ms }, context)? {
            Some((taken, count)) => Ok(LocalCheck::Taken(taken, count)),
            None => Ok(LocalCheck::Ask(query)),
        }
    }

    /// Takes the call's part by what the service has answered.
    pub(super) fn take_response(
        &self,
        global: &GlobalQuota,
        query: &DescriptorQuery,
        response: Result<DescriptorResponse, Failure<'_>>,
        context: QuotaContext<'_>,
    ) -> Result<ResponseOutcome, Denial> {
        let is_counted = self.is_counted_at_once(global);
        match response {
            Ok(DescriptorResponse::Unlimited) => {
                Ok(ResponseOutcome { taken: Taken::Unlimited, count: None, counts_alone: false })
            }
            Ok(DescriptorResponse::Unconfigured(why)) => {
                Err(Denial::new(Reason::QuotaUnconfigured).by_rule(&*self.id).with_note(why))
            }
            Ok(DescriptorResponse::Over(status)) if is_counted => {
                Err(self.refusal(&count(global, &decided(&status, false), context.now_ms), context.now_ms))
            }
            Ok(DescriptorResponse::Within(status)) if is_counted => {
                let count = count(global, &decided(&status, true), context.now_ms);
                Ok(ResponseOutcome { taken: Taken::RemoteCounted, count: Some(count), counts_alone: false })
            }
            Ok(DescriptorResponse::Within(status) | DescriptorResponse::Over(status)) => {
                let (taken, count) = self.require_remote(global, query, Basis::Fresh(status), context)?;
                Ok(ResponseOutcome { taken, count: Some(count), counts_alone: false })
            }
            Err(Failure::Failed(why)) if global.on_failure() == OnFailure::Deny => {
                let note = format!("the rate limit service: {why}");
                Err(self.unavailable().with_note(note))
            }
            Err(Failure::Failed(_) | Failure::NoService) => {
                let window = global.window().unit_number(context.now_ms);
                let basis = Basis::Local { window, limit: query.limit };
                let taken = self.require_remote(global, query, basis, context);
                let (taken, count) = taken.map_err(|denial| match denial.note() {
                    Some(_) => denial,
                    None => denial.with_note("no rate limit service answered, so this Envoy counts alone"),
                })?;
                Ok(ResponseOutcome { taken, count: Some(count), counts_alone: true })
            }
        }
    }

    /// As [`Self::take_remote`], on a basis that is always enough.
    fn require_remote(
        &self,
        global: &GlobalQuota,
        query: &DescriptorQuery,
        basis: Basis,
        context: QuotaContext<'_>,
    ) -> Result<(Taken, Count), Denial> {
        self.take_remote(global, query, basis, context)?.ok_or_else(|| self.unavailable())
    }

    /// `None` where no answer is fresh enough.
    fn take_remote(
        &self,
        global: &GlobalQuota,
        query: &DescriptorQuery,
        basis: Basis,
        context: QuotaContext<'_>,
    ) -> Result<Option<(Taken, Count)>, Denial> {
        let take = match self.measure.unit() {
            Unit::Requests => Take::Spend(query.amount),
            _ => Take::Hold(query.amount),
        };
        let taken = query.counter.take((context.ledger, context.store), basis, take, context.now_ms);
        let taken = taken.map_err(|error| self.without_room(error))?;
        let Some(outcome) = taken else { return Ok(None) };
        let count = count(global, &outcome, context.now_ms);
        if !outcome.admitted {
            return Err(self.refusal(&count, context.now_ms));
        }
        let descriptor = Rc::clone(&query.descriptor);
        let taken = match outcome.reservation {
            Some(held) => Taken::RemoteHeld(descriptor, held),
            None => Taken::RemoteSpent(descriptor, query.counter, query.amount),
        };
        Ok(Some((taken, count)))
    }
}

/// What the service itself has decided.
fn decided(status: &RemoteStatus, admitted: bool) -> TakeOutcome {
    TakeOutcome { admitted, limit: status.limit, left: status.left, is_used_up: true, reservation: None }
}

fn count(global: &GlobalQuota, outcome: &TakeOutcome, now_ms: u64) -> Count {
    let reset_ms = global.window().left_ms(now_ms);
    Count {
        used: outcome.limit.saturating_sub(outcome.left),
        limit: outcome.limit,
        reset_ms,
        retry_ms: match (outcome.admitted, outcome.is_used_up) {
            (true, _) => 0,
            (false, _) if outcome.limit == 0 => Count::NEVER,
            (false, true) => reset_ms,
            (false, false) => SOON_MS,
        },
        admitted: outcome.admitted,
    }
}
