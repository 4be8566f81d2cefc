//! Whether an authorization server can be asked now, by how its questions have ended.

use std::rc::Rc;

use super::{Exchanged, Settled};
use crate::credentials::failure::{Failure, Setback};
use crate::request::Moment;

/// So many questions in a row that have no answer are an outage; fewer are only those callers' bad luck.
const MOST_UNANSWERED: u32 = 5;
/// So long a caller is not asked for again whose question had no answer, in milliseconds.
const UNANSWERED_MS: u64 = 1000;

/// How the server of one entry stands, in one worker.
#[derive(Debug, Default)]
pub struct Standing {
    /// Why nobody's token is sent to it; `None` where it is asked.
    outage: Option<Rc<Failure>>,
    /// What the operator was told last of a question that failed by itself.
    told: Option<Rc<Failure>>,
    /// How many questions in a row had no answer.
    unanswered: u32,
}

impl Standing {
    /// Why it is not asked now.
    pub fn rests(&self, now_ms: u64) -> Option<&Rc<Failure>> {
        self.outage.as_ref().filter(|failure| now_ms < failure.retry_ms)
    }

    /// Notes how a question has ended: what that is for its caller, and what is new of it for the operator.
    pub fn note(&mut self, settled: Settled, moment: &Moment) -> (Exchanged, Option<String>) {
        let exchanged = match settled {
            Settled::Exchanged(exchanged) => exchanged,
            Settled::Outage(setback) => return self.outage(setback, moment),
            Settled::Unanswered(setback) => return self.unanswered(setback, moment),
        };
        self.unanswered = 0;
        let is_over = self.outage.take().is_some();
        let told = match &exchanged {
            Exchanged::Failed(failure) => self.of_one(failure),
            _ if is_over => Some("tokens are exchanged again".to_owned()),
            _ => None,
        };
        (exchanged, told)
    }

    fn unanswered(&mut self, setback: Setback, moment: &Moment) -> (Exchanged, Option<String>) {
        self.unanswered = self.unanswered.saturating_add(1);
        if self.unanswered >= MOST_UNANSWERED || self.outage.is_some() {
            return self.outage(setback, moment);
        }
        let retry_ms = moment.unix_ms.saturating_add(UNANSWERED_MS);
        let failure = Rc::new(Failure::once(setback, moment.unix_ms, retry_ms));
        let told = self.of_one(&failure);
        (Exchanged::Failed(failure), told)
    }

    fn of_one(&mut self, failure: &Rc<Failure>) -> Option<String> {
        let told = self.told.replace(Rc::clone(failure));
        let is_known = told.is_some_and(|told| told.is_like(failure));
        (!is_known).then(|| format!("a caller's token was not exchanged: {failure}"))
    }

    fn outage(&mut self, setback: Setback, moment: &Moment) -> (Exchanged, Option<String>) {
        let chance = moment.entropy.first().copied().unwrap_or_default();
        let before = self.outage.take();
        // Those that were on their way when it began are none of its tries.
        let failure = match before.as_ref().filter(|before| moment.unix_ms < before.retry_ms) {
            Some(before) => Rc::clone(before),
            None => Failure::after(before.as_deref(), setback, moment.unix_ms, chance).into(),
        };
        let is_known = before.is_some_and(|before| before.is_like(&failure));
        let told = (!is_known).then(|| format!("no token is exchanged: {failure}"));
        self.outage = Some(Rc::clone(&failure));
        (Exchanged::Failed(failure), told)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_UNANSWERED, Standing};
    use crate::credentials::exchange::{Exchanged, Settled};
    use crate::credentials::failure::Setback;
    use crate::policy::fixture::{NOW_MS, moment};

    fn token() -> Settled {
        Settled::Exchanged(Exchanged::assumed("token", NOW_MS))
    }

    #[test]
    fn a_question_without_an_answer_is_bad_luck_and_five_are_an_outage() {
        let mut standing = Standing::default();
        let lose = |standing: &mut Standing, at_ms: u64| {
            let (exchanged, told) = standing
                .note(Settled::Unanswered(Setback::unavailable("a timeout")), &moment(NOW_MS + at_ms));
            assert_eq!(exchanged.outcome(), "failed");
            told
        };
        assert_eq!(lose(&mut standing, 0).unwrap(), "a caller's token was not exchanged: a timeout");
        for number in 2..MOST_UNANSWERED {
            assert_eq!((lose(&mut standing, 0), number), (None, number), "it is told once");
        }
        assert!(standing.rests(NOW_MS).is_none(), "others are asked for");
        standing.note(token(), &moment(NOW_MS));
        for _ in 1..MOST_UNANSWERED {
            lose(&mut standing, 0);
        }
        assert!(standing.rests(NOW_MS).is_none(), "an answer begins the row anew");
        assert_eq!(lose(&mut standing, 0).unwrap(), "no token is exchanged: a timeout");
        let retry_ms = standing.rests(NOW_MS).unwrap().retry_ms;
        // Those that were under way make it no longer.
        assert_eq!(lose(&mut standing, 1), None);
        assert_eq!(standing.rests(NOW_MS).unwrap().retry_ms, retry_ms);
        // The first try after it has failed, too.
        let later_ms = retry_ms - NOW_MS;
        assert_eq!(lose(&mut standing, later_ms), None);
        assert!(standing.rests(retry_ms + 1500).is_some(), "it waits longer");
        let (exchanged, told) = standing.note(token(), &moment(retry_ms + 2400));
        assert_eq!((exchanged.outcome(), told.unwrap().as_str()), ("ok", "tokens are exchanged again"));
        assert!(standing.rests(retry_ms).is_none());
    }

    #[test]
    fn what_every_caller_would_meet_is_an_outage_at_once() {
        let mut standing = Standing::default();
        let refused = || Settled::Outage(Setback::refused("the endpoint answered 401"));
        let (_, told) = standing.note(refused(), &moment(NOW_MS));
        assert_eq!(told.unwrap(), "no token is exchanged: the endpoint answered 401");
        assert!(standing.rests(NOW_MS + 59_999).is_some());
        let (_, told) = standing.note(refused(), &moment(NOW_MS + 90_000));
        assert_eq!(told, None, "the same again is nothing new");
    }
}
