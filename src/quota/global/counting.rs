//! How one quota is counted by the rate limit service: what is taken locally, what is asked, and what comes of the answer.

use std::rc::Rc;

use super::answer::Silence;
use super::descriptor_query::Due;
use super::global_quota::Global;
use super::response::Word;
use crate::config::{OnFailure, Unit};
use crate::denial::{Denial, Reason};
use crate::ledger::{Basis, Count, RemoteStatus, SOON_MS, Take, TakeOutcome};
use crate::quota::compiled_quota::{Charge, Quota};
use crate::quota::local_check::Standing;
use crate::quota::taken::Portion;
use crate::quota::{Size, Till};

/// What one quota makes of what it heard.
pub(super) struct Heard {
    pub(super) portion: Portion,
    pub(super) count: Option<Count>,
    pub(super) is_alone: bool,
}

impl Quota {
    /// True where the service counts a request when it is asked.
    pub(super) fn is_counted_at_once(&self, global: &Global) -> bool {
        self.measure.unit() == Unit::Requests && global.fresh_ms() == 0
    }

    /// Takes the call's part of what was heard a moment ago, or says what is to be asked.
    pub(in crate::quota) fn stand(
        &self,
        global: &Global,
        charge: &Charge,
        size: &Size<'_>,
        till: Till<'_>,
    ) -> Result<Standing, Denial> {
        self.require_countable(size)?;
        let now_ms = till.now_ms;
        let limit = charge.limits.at(now_ms).min(global.highest_limit());
        let descriptor = global.descriptor(charge.quota, &charge.per, limit, now_ms);
        let due = Due {
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
            0 => return Ok(Standing::Due(due)),
            fresh_ms => now_ms.saturating_sub(fresh_ms).max(1),
        };
        let window = global.window().unit_number(now_ms);
        match self.take_shared(global, &due, Basis::Cached { window, since_ms }, till)? {
            Some((portion, count)) => Ok(Standing::Taken(portion, count)),
            None => Ok(Standing::Due(due)),
        }
    }

    pub(super) fn hear(
        &self,
        global: &Global,
        due: &Due,
        word: Result<Word, Silence<'_>>,
        till: Till<'_>,
    ) -> Result<Heard, Denial> {
        let is_counted = self.is_counted_at_once(global);
        match word {
            Ok(Word::Unlimited) => Ok(Heard { portion: Portion::Unlimited, count: None, is_alone: false }),
            Ok(Word::Unconfigured(why)) => {
                Err(Denial::new(Reason::QuotaUnconfigured).by_rule(&*self.id).with_note(why))
            }
            Ok(Word::Over(told)) if is_counted => {
                Err(self.refusal(&count(global, &said(&told, false), till.now_ms), till.now_ms))
            }
            Ok(Word::Within(told)) if is_counted => {
                let count = count(global, &said(&told, true), till.now_ms);
                Ok(Heard { portion: Portion::Counted, count: Some(count), is_alone: false })
            }
            Ok(Word::Within(told) | Word::Over(told)) => {
                let (portion, count) = self.take_known(global, due, Basis::Fresh(told), till)?;
                Ok(Heard { portion, count: Some(count), is_alone: false })
            }
            Err(Silence::Failure(why)) if global.on_failure() == OnFailure::Deny => {
                let note = format!("the rate limit service: {why}");
                Err(self.unavailable().with_note(note))
            }
            Err(Silence::Failure(_) | Silence::Absence) => {
                let window = global.window().unit_number(till.now_ms);
                let basis = Basis::Local { window, limit: due.limit };
                let taken = self.take_known(global, due, basis, till);
                let (portion, count) = taken.map_err(|denial| match denial.note() {
                    Some(_) => denial,
                    None => denial.with_note("no rate limit service answered, so this Envoy counts alone"),
                })?;
                Ok(Heard { portion, count: Some(count), is_alone: true })
            }
        }
    }

    /// As [`Self::take_shared`], by a word that is enough.
    fn take_known(
        &self,
        global: &Global,
        due: &Due,
        basis: Basis,
        till: Till<'_>,
    ) -> Result<(Portion, Count), Denial> {
        self.take_shared(global, due, basis, till)?.ok_or_else(|| self.unavailable())
    }

    /// `None` where what was heard is not enough.
    fn take_shared(
        &self,
        global: &Global,
        due: &Due,
        basis: Basis,
        till: Till<'_>,
    ) -> Result<Option<(Portion, Count)>, Denial> {
        let take = match self.measure.unit() {
            Unit::Requests => Take::Spend(due.amount),
            _ => Take::Hold(due.amount),
        };
        let taken = due.counter.take((till.ledger, till.store), basis, take, till.now_ms);
        let taken = taken.map_err(|error| self.without_room(error))?;
        let Some(share) = taken else { return Ok(None) };
        let count = count(global, &share, till.now_ms);
        if !share.admitted {
            return Err(self.refusal(&count, till.now_ms));
        }
        let descriptor = Rc::clone(&due.descriptor);
        let portion = match share.reservation {
            Some(held) => Portion::SharedHeld(descriptor, held),
            None => Portion::SharedSpent(descriptor, due.counter, due.amount),
        };
        Ok(Some((portion, count)))
    }
}

/// What the service itself has decided.
fn said(told: &RemoteStatus, admitted: bool) -> TakeOutcome {
    TakeOutcome { admitted, limit: told.limit, left: told.left, is_used_up: true, reservation: None }
}

fn count(global: &Global, share: &TakeOutcome, now_ms: u64) -> Count {
    let reset_ms = global.window().left_ms(now_ms);
    Count {
        used: share.limit.saturating_sub(share.left),
        limit: share.limit,
        reset_ms,
        retry_ms: match (share.admitted, share.is_used_up) {
            (true, _) => 0,
            (false, _) if share.limit == 0 => Count::NEVER,
            (false, true) => reset_ms,
            (false, false) => SOON_MS,
        },
        admitted: share.admitted,
    }
}
