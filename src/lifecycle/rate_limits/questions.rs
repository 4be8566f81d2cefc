//! The questions of streams that wait, sent together.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use hashbrown::HashMap;

use super::notices::Notices;
use super::send::send;
use crate::lifecycle::context::Context;
use crate::lifecycle::host::House;
use crate::lifecycle::host::MOST_AT_ONCE;
use crate::lifecycle::state::State;
use crate::quota::{Answer, Ask, Batch};

/// The questions of one worker.
#[derive(Default)]
pub(super) struct Questions {
    /// What is sent as soon as the house has been woken.
    due: RefCell<Vec<Question>>,
    /// The questions under way, by the token of their call.
    asked: RefCell<HashMap<u32, Asked>>,
}

/// What a stream waits to be told.
pub(in crate::lifecycle) struct Question {
    pub(in crate::lifecycle) id: u32,
    pub(in crate::lifecycle) state: Rc<RefCell<State>>,
    pub(in crate::lifecycle) ask: Ask,
}

/// One call and the streams that wait for its answer.
struct Asked {
    batch: Batch,
    questions: Vec<Question>,
    at_ms: u64,
}

/// What came of one call.
pub(super) struct Answered {
    questions: Vec<Question>,
    answers: Result<Vec<Answer>, String>,
}

impl Questions {
    /// # Errors
    /// It will never be sent.
    pub(super) fn ask(&self, house: &dyn House, notices: &Notices, question: Question) -> Result<(), String> {
        let mut due = self.due.borrow_mut();
        // Once for each batch.
        if due.len().is_multiple_of(MOST_AT_ONCE) && !house.wake() {
            let why = "this host has no shared queues, by which questions are sent";
            notices.metrics(house).count_questions(house, "undispatched", 1);
            notices.warn(house, why);
            return Err(why.to_owned());
        }
        due.push(question);
        Ok(())
    }

    pub(super) fn forget(&self, id: u32) {
        self.due.borrow_mut().retain(|question| question.id != id);
    }

    /// Returns what could not be sent.
    pub(super) fn send(&self, context: Context<'_>, notices: &Notices) -> Option<Answered> {
        let Context { gateway, house, .. } = context;
        let service = gateway.rate_limit_service()?;
        let questions: Vec<Question> = {
            let mut due = self.due.borrow_mut();
            let first = due.len().min(MOST_AT_ONCE);
            due.drain(..first).collect()
        };
        if questions.is_empty() {
            return None;
        }
        let batch = Batch::of(service, questions.iter().map(|question| &question.ask));
        match send(house, service, batch.message(), Duration::from_millis(service.timeout_ms())) {
            Ok(token) => {
                let asked = Asked { batch, questions, at_ms: house.now_ms() };
                self.asked.borrow_mut().insert(token, asked);
                None
            }
            Err(why) => {
                Some(Answered { questions, answers: Err(why) }.noticed(house, notices, "undispatched"))
            }
        }
    }

    /// Takes an answer, if it is to one of these.
    pub(super) fn receive(
        &self,
        house: &dyn House,
        notices: &Notices,
        token: u32,
        message: Result<Vec<u8>, String>,
    ) -> Option<Answered> {
        let Asked { batch, questions, at_ms } = self.asked.borrow_mut().remove(&token)?;
        let answers = message.and_then(|message| batch.read(&message, at_ms));
        Some(Answered { questions, answers }.noticed(house, notices, "failed"))
    }
}

impl Answered {
    fn noticed(self, house: &dyn House, notices: &Notices, failure: &str) -> Self {
        let outcome = if self.answers.is_ok() { "ok" } else { failure };
        notices.metrics(house).count_questions(house, outcome, self.questions.len());
        if let Err(why) = &self.answers {
            notices.warn(house, why);
        }
        self
    }

    /// Each question with its answer.
    pub(super) fn each(self) -> Vec<(Question, Result<Answer, String>)> {
        let mut answers = self.answers.map(Vec::into_iter);
        let mut next = || match &mut answers {
            Ok(answers) => answers.next().ok_or_else(|| "the answer is too short".to_owned()),
            Err(why) => Err(why.clone()),
        };
        self.questions.into_iter().map(|question| (question, next())).collect()
    }
}
