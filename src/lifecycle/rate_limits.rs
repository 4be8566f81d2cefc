//! The rate limit service: asked for streams that wait, and told what requests have cost.
//!
//! The streams that come together ask together: the house is called once all of them have been looked at, sends their
//! questions as one call, and wakes them by its answer. What they have cost is reported on the tick.

mod notices;
mod questions;
mod reports;
mod send;

use notices::Notices;
use questions::{Answered, Questions};
use reports::Reports;

pub(super) use questions::Question;

use super::context::Context;
use super::host::House;
use crate::quota::Answer;

/// The questions and reports of one worker under one configuration.
#[derive(Default)]
pub(super) struct RateLimits {
    questions: Questions,
    reports: Reports,
    notices: Notices,
}

impl RateLimits {
    /// Takes a stream's question.
    ///
    /// # Errors
    /// It will never be sent.
    pub(super) fn ask(&self, house: &dyn House, question: Question) -> Result<(), String> {
        self.questions.ask(house, &self.notices, question)
    }

    /// The stream that asked is gone.
    pub(super) fn forget(&self, id: u32) {
        self.questions.forget(id);
    }

    /// Sends a batch of the questions that are due, in an event of the house, which the answer is then for. Returns those
    /// that could not be sent, with why.
    pub(super) fn send(&self, context: Context<'_>) -> Vec<(Question, Result<Answer, String>)> {
        self.questions.send(context, &self.notices).map(Answered::each).unwrap_or_default()
    }

    /// Takes an answer, if it is one of these. Returns the questions that it answers.
    pub(super) fn receive(
        &self,
        context: Context<'_>,
        token: u32,
        message: Result<Vec<u8>, String>,
    ) -> Vec<(Question, Result<Answer, String>)> {
        if self.reports.is_under_way(token) {
            self.reports.receive(context, &self.notices, token, message);
            return Vec::new();
        }
        let answered = self.questions.receive(context.house, &self.notices, token, message);
        answered.map(Answered::each).unwrap_or_default()
    }

    /// Reports what is owed, in turn.
    pub(super) fn tick(&self, context: Context<'_>) {
        self.reports.tick(context, &self.notices);
    }

    /// What is owed is reported without further delay. True once nothing is, or it has been tried for long enough.
    pub(super) fn close(&self, context: Context<'_>) -> bool {
        self.reports.close(context, &self.notices)
    }
}
