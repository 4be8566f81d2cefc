//! Whether an authorization server can be asked now, by how its questions have ended.

use std::rc::Rc;

use super::{Exchanged, Settled};
use crate::credentials::failure::{Failure, Setback};
use crate::request::Moment;

/// So many questions in a row that have no answer are an outage; fewer are only those callers' bad luck.
const MOST_UNANSWERED: u32 = 5;
/// So long a caller is not asked for again whose question had no answer, in milliseconds; an outage may last longer.
const UNANSWERED_MS: u64 = 1000;

/// How the server of one entry stands, in one worker.
#[derive(Debug, Default)]
pub struct Standing {
    outage: Option<Outage>,
    /// What the operator was told last of one caller's token.
    told: Option<String>,
    /// How many questions in a row had no answer.
    unanswered: u32,
}

/// Nobody's token is sent to it.
#[derive(Debug)]
struct Outage {
    failure: Rc<Failure>,
    /// In milliseconds since the Unix epoch.
    since_ms: u64,
}

impl Standing {
    /// What a caller gets while it is not asked; `None` where it is.
    pub fn rests(&self, now_ms: u64) -> Option<Exchanged> {
        let outage = self.outage.as_ref().filter(|outage| now_ms < outage.failure.retry_ms)?;
        Some(failed(&outage.failure, now_ms))
    }

    /// Notes how a question of `asked_ms` has ended: what that is for its caller, and what is new of it for the operator.
    pub fn note(&mut self, settled: Settled, asked_ms: u64, moment: &Moment) -> (Exchanged, Option<String>) {
        let exchanged = match settled {
            Settled::Exchanged(exchanged) => exchanged,
            Settled::Outage(setback) => return self.fails(setback, moment),
            Settled::Unanswered(setback) => return self.is_unanswered(setback, moment),
        };
        self.unanswered = 0;
        // Those that were on their way when it began say nothing of its end.
        let is_over = self.outage.take_if(|outage| asked_ms >= outage.since_ms).is_some();
        let of_one = match &exchanged {
            Exchanged::Token(_) => None,
            Exchanged::Refused { why, .. } => self.of_one(why.clone()),
            Exchanged::Failed { failure, .. } => self.of_one(failure.to_string()),
        };
        let told = if is_over { Some("tokens are exchanged again".to_owned()) } else { of_one };
        (exchanged, told)
    }

    fn is_unanswered(&mut self, setback: Setback, moment: &Moment) -> (Exchanged, Option<String>) {
        self.unanswered = self.unanswered.saturating_add(1);
        if self.unanswered >= MOST_UNANSWERED || self.outage.is_some() {
            return self.fails(setback, moment);
        }
        let retry_ms = moment.unix_ms.saturating_add(UNANSWERED_MS);
        let failure = Rc::new(Failure::once(setback, moment.unix_ms, retry_ms));
        let told = self.of_one(failure.to_string());
        (failed(&failure, moment.unix_ms), told)
    }

    fn of_one(&mut self, why: String) -> Option<String> {
        let is_known = self.told.as_ref() == Some(&why);
        let told = (!is_known).then(|| format!("a caller's token was not exchanged: {why}"));
        self.told = Some(why);
        told
    }

    fn fails(&mut self, setback: Setback, moment: &Moment) -> (Exchanged, Option<String>) {
        let (now_ms, chance) = (moment.unix_ms, moment.entropy.first().copied().unwrap_or_default());
        let before = self.outage.take();
        let (since_ms, old) = before.map_or((now_ms, None), |outage| (outage.since_ms, Some(outage.failure)));
        // Those that were on their way when it began are none of its tries.
        let failure = match old.as_ref().filter(|old| now_ms < old.retry_ms) {
            Some(old) => Rc::clone(old),
            None => Failure::after(old.as_deref(), setback, now_ms, chance).into(),
        };
        let is_known = old.is_some_and(|old| old.is_like(&failure));
        let told = (!is_known).then(|| format!("no token is exchanged: {failure}"));
        let exchanged = failed(&failure, now_ms);
        self.outage = Some(Outage { failure, since_ms });
        (exchanged, told)
    }
}

/// Nobody waits longer than the outage lasts, for which everybody looks here again.
fn failed(failure: &Rc<Failure>, now_ms: u64) -> Exchanged {
    let until_ms = failure.retry_ms.min(now_ms.saturating_add(UNANSWERED_MS));
    Exchanged::Failed { failure: Rc::clone(failure), until_ms }
}

#[cfg(test)]
mod tests {
    use super::{MOST_UNANSWERED, Standing};
    use crate::credentials::exchange::{Exchanged, Settled};
    use crate::credentials::failure::Setback;
    use crate::policy::fixture::{NOW_MS, moment};

    fn unanswered() -> Settled {
        Settled::Unanswered(Setback::unavailable("a timeout"))
    }

    fn token() -> Settled {
        Settled::Exchanged(Exchanged::assumed("token", NOW_MS))
    }

    fn retry_ms(standing: &Standing) -> Option<u64> {
        Some(standing.outage.as_ref()?.failure.retry_ms)
    }

    #[test]
    fn an_answer_older_than_the_outage_does_not_end_it() {
        let mut standing = Standing::default();
        let busy = Settled::Outage(Setback::unavailable("the endpoint answered 429"));
        standing.note(busy, NOW_MS, &moment(NOW_MS + 100));
        let (exchanged, told) = standing.note(token(), NOW_MS + 50, &moment(NOW_MS + 150));
        assert_eq!((exchanged.outcome(), told), ("ok", None));
        assert!(standing.rests(NOW_MS + 200).is_some(), "it wants to be left alone");
        let (_, told) = standing.note(token(), NOW_MS + 5000, &moment(NOW_MS + 5050));
        assert_eq!(told.as_deref(), Some("tokens are exchanged again"));
    }

    #[test]
    fn who_was_told_of_an_outage_looks_again_when_it_is_over() {
        let mut standing = Standing::default();
        standing.note(Settled::Outage(Setback::refused("401")), NOW_MS, &moment(NOW_MS));
        let told = standing.rests(NOW_MS + 10).unwrap();
        assert!(told.holds(NOW_MS + 1009) && !told.holds(NOW_MS + 1010), "not for as long as it lasts");
    }

    #[test]
    fn a_question_without_an_answer_is_bad_luck_and_five_are_an_outage() {
        let mut standing = Standing::default();
        let lose = |standing: &mut Standing, at_ms: u64| {
            let now_ms = NOW_MS + at_ms;
            let (exchanged, told) = standing.note(unanswered(), now_ms, &moment(now_ms));
            assert_eq!(exchanged.outcome(), "failed");
            told
        };
        assert_eq!(lose(&mut standing, 0).unwrap(), "a caller's token was not exchanged: a timeout");
        for number in 2..MOST_UNANSWERED {
            assert_eq!((lose(&mut standing, 0), number), (None, number), "it is told once");
        }
        assert!(standing.rests(NOW_MS).is_none(), "others are asked for");
        standing.note(token(), NOW_MS, &moment(NOW_MS));
        for _ in 1..MOST_UNANSWERED {
            lose(&mut standing, 0);
        }
        assert!(standing.rests(NOW_MS).is_none(), "an answer begins the row anew");
        assert_eq!(lose(&mut standing, 0).unwrap(), "no token is exchanged: a timeout");
        let retry_ms = retry_ms(&standing).unwrap();
        // Those that were under way make it no longer.
        assert_eq!(lose(&mut standing, 1), None);
        assert_eq!(self::retry_ms(&standing), Some(retry_ms));
        // The first try after it has failed, too.
        let later_ms = retry_ms - NOW_MS;
        assert_eq!(lose(&mut standing, later_ms), None);
        assert!(standing.rests(retry_ms + 1500).is_some(), "it waits longer");
        let (exchanged, told) = standing.note(token(), retry_ms, &moment(retry_ms + 2400));
        assert_eq!((exchanged.outcome(), told.unwrap().as_str()), ("ok", "tokens are exchanged again"));
        assert!(standing.rests(retry_ms).is_none());
    }

    #[test]
    fn what_every_caller_would_meet_is_an_outage_at_once() {
        let mut standing = Standing::default();
        let refused = || Settled::Outage(Setback::refused("the endpoint answered 401"));
        let (_, told) = standing.note(refused(), NOW_MS, &moment(NOW_MS));
        assert_eq!(told.unwrap(), "no token is exchanged: the endpoint answered 401");
        assert!(standing.rests(NOW_MS + 59_999).is_some());
        let (_, told) = standing.note(refused(), NOW_MS + 80_000, &moment(NOW_MS + 90_000));
        assert_eq!(told, None, "the same again is nothing new");
    }
}
