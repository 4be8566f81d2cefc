//! Exchanges callers' tokens for those of the provider, each once at a time.
//!
//! Streams ask, and the house sends the questions on its next tick: what a stream sends ends with it, while others may wait for the
//! same answer. What comes lies in the memory of the worker, where the next walk finds it.

use std::cell::RefCell;
use std::collections::VecDeque;

use hashbrown::HashMap;

use super::fetch::{self, Delivery, Response};
use super::tokens::{proving_file, send};
use crate::credentials::{
    Exchange, ExchangeIndex, ExchangeName, ExchangeQuestion, MAX_TOKEN_ANSWER_BYTES, Setback, Settled,
    Standing, Step, TokenAnswer,
};
use crate::gateway::Gateway;
use crate::lifecycle::context::Context;
use crate::lifecycle::host::{Level, MOST_AT_ONCE};
use crate::lifecycle::metrics::count_user_token;
use crate::request::Moment;

/// How many questions of one worker are under way at once.
const MOST: usize = 256;

/// How many wait to be sent.
const MOST_WAITING: usize = 1000;

/// The exchanges of one configuration in one worker.
#[derive(Default)]
pub(in crate::lifecycle) struct UserTokens {
    waiting: RefCell<VecDeque<Asked>>,
    /// By token of the fetch.
    under_way: RefCell<HashMap<u32, UnderWay>>,
    standings: RefCell<HashMap<ExchangeIndex, Standing>>,
}

struct Asked {
    question: ExchangeQuestion,
    /// A connection may end just as a question goes out on it; that one is sent once more.
    is_again: bool,
}

/// One question on its way.
struct UnderWay {
    asked: Asked,
    asked_ms: u64,
    stage: Stage,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What proves the gateway.
    File,
    Token,
}

impl UserTokens {
    /// Asks, unless that is being done.
    pub(in crate::lifecycle) fn want(&self, question: ExchangeQuestion) {
        let is_it = |asked: &Asked| asked.question.name == question.name;
        let is_asked = self.waiting.borrow().iter().any(is_it)
            || self.under_way.borrow().values().any(|other| is_it(&other.asked));
        // Whoever left while it waited was never sent; more than those who wait there never are for long.
        if !is_asked && self.waiting.borrow().len() < MOST_WAITING {
            self.waiting.borrow_mut().push_back(Asked { question, is_again: false });
        }
    }

    pub(in crate::lifecycle) fn is_asking(&self) -> bool {
        !self.waiting.borrow().is_empty() || !self.under_way.borrow().is_empty()
    }

    /// True where a question could be sent now.
    pub(in crate::lifecycle) fn is_due(&self) -> bool {
        !self.waiting.borrow().is_empty() && self.under_way.borrow().len() < MOST
    }

    /// How long an exchange may wait.
    pub(in crate::lifecycle) fn patience_ms(gateway: &Gateway, index: ExchangeIndex) -> u64 {
        gateway.credentials().exchange(index).map_or(0, |exchange| exchange.timeout().milliseconds())
    }

    /// True where nobody is asked now, which the memory is told for this caller.
    pub(in crate::lifecycle) fn rests(
        &self,
        context: Context<'_>,
        question: &ExchangeQuestion,
        now_ms: u64,
    ) -> bool {
        let standings = self.standings.borrow();
        let failed = standings.get(&question.exchange).and_then(|standing| standing.rests(now_ms));
        let rests = failed.is_some();
        if let Some(failed) = failed {
            context.memory.keep_exchanged(question.name, failed);
        }
        rests
    }

    /// Sends what was asked, in turn, where somebody still waits for it.
    pub(in crate::lifecycle) fn tick(
        &self,
        context: Context<'_>,
        is_awaited: impl Fn(ExchangeName) -> bool,
        moment: impl Fn() -> Moment,
    ) {
        for _ in 0..MOST_AT_ONCE {
            if self.under_way.borrow().len() >= MOST {
                return;
            }
            let Some(asked) = self.waiting.borrow_mut().pop_front() else { return };
            if is_awaited(asked.question.name) {
                self.ask(context, asked, &moment());
            }
        }
    }

    /// Takes an answer, if it is one of these.
    pub(in crate::lifecycle) fn receive(
        &self,
        context: Context<'_>,
        token: u32,
        delivery: Delivery,
        moment: &Moment,
    ) {
        let Some(UnderWay { asked, asked_ms, stage }) = self.under_way.borrow_mut().remove(&token) else {
            return;
        };
        let question = &asked.question;
        let Some(exchange) = context.gateway.credentials().exchange(question.exchange) else { return };
        let response = fetch::response(context.house, delivery, MAX_TOKEN_ANSWER_BYTES);
        let settled = match (stage, response) {
            (Stage::File, response) => {
                let content = proving_file(response);
                let content = content.as_deref().map_err(String::clone);
                let request = exchange.with_file(&question.subject, content, moment);
                match request.and_then(|request| send(context.house, exchange.id(), &request)) {
                    Ok(token) => return self.note(token, asked, (Stage::Token, moment.unix_ms)),
                    Err(setback) => Settled::Outage(setback),
                }
            }
            (Stage::Token, Ok(Response { status, retry_after, body })) => {
                let answer = TokenAnswer { status, retry_after: retry_after.as_deref(), body: &body };
                exchange.answered(answer, (asked_ms, question.ends_at), moment)
            }
            (Stage::Token, Err(why)) => Settled::Unanswered(Setback::unavailable(why)),
        };
        let is_early = moment.unix_ms.saturating_sub(asked_ms) < exchange.timeout().milliseconds() / 2;
        if matches!(settled, Settled::Unanswered(_)) && is_early && !asked.is_again {
            let again = Asked { question: asked.question, is_again: true };
            return self.waiting.borrow_mut().push_front(again);
        }
        self.settle(context, (exchange, question), (settled, asked_ms), moment);
    }

    fn ask(&self, context: Context<'_>, asked: Asked, moment: &Moment) {
        let question = &asked.question;
        let Some(exchange) = context.gateway.credentials().exchange(question.exchange) else { return };
        // Another caller's question may have failed meanwhile.
        if self.rests(context, question, moment.unix_ms) {
            return;
        }
        let begun = exchange.begin(&question.subject, moment).and_then(|step| match step {
            Step::Read(request) => Ok((send(context.house, exchange.id(), &request)?, Stage::File)),
            Step::Ask(request) => Ok((send(context.house, exchange.id(), &request)?, Stage::Token)),
            Step::Made(_) => Err(Setback::unavailable("nothing is asked")),
        });
        match begun {
            Ok((token, stage)) => self.note(token, asked, (stage, moment.unix_ms)),
            Err(setback) => {
                let settled = (Settled::Outage(setback), moment.unix_ms);
                self.settle(context, (exchange, question), settled, moment);
            }
        }
    }

    fn note(&self, token: u32, asked: Asked, (stage, asked_ms): (Stage, u64)) {
        self.under_way.borrow_mut().insert(token, UnderWay { asked, asked_ms, stage });
    }

    /// Remembers what has come of a question, and tells the operator what is new of it.
    fn settle(
        &self,
        context: Context<'_>,
        (exchange, question): (&Exchange, &ExchangeQuestion),
        (settled, asked_ms): (Settled, u64),
        moment: &Moment,
    ) {
        let mut standings = self.standings.borrow_mut();
        let (exchanged, told) =
            standings.entry(question.exchange).or_default().note(settled, asked_ms, moment);
        if let Some(told) = told {
            context.house.log(Level::Warning, &format!("credentials `{}`: {told}", exchange.id()));
        }
        count_user_token(context.house, exchange.id(), exchanged.outcome());
        context.memory.keep_exchanged(question.name, exchanged);
    }
}
