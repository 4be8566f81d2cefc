//! Asks the rate limit service for streams that wait, and reports to it what requests have cost.
//!
//! The streams that come together ask together: the root is called once all of them have been looked at, sends their questions as
//! one request, and wakes them by its answer. What they have cost is reported on the tick: many requests in one report, which
//! is sent again until it is answered. A report whose answer is lost may count twice, which errs on the strict side.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use hashbrown::HashMap;
use log::warn;
use proxy_wasm::hostcalls;
use proxy_wasm::types::BufferType;

use super::bell::Bell;
use super::clock;
use super::flow::{Flow, Phase};
use super::metrics::LimitMetrics;
use super::root::Shared;
use super::shared_data::SharedData;
use super::steps::{self, MOST_AT_ONCE};
use crate::gateway::{Gateway, Memory, Patience};
use crate::quota::{Answer, Ask, Batch, Report, Service};

/// Nobody waits for the answer to a report, and one that is given up too soon may count twice.
const REPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait after a report that failed, in milliseconds.
const PAUSE_MS: u64 = 1000;
/// The most reports under way.
const MOST_REPORTS: usize = 4;
/// How long a configuration that is over tries to report what is owed, in milliseconds.
const FAREWELL_MS: u64 = 60_000;
/// The time between two warnings, in milliseconds.
const WARNING_MS: u64 = 1000;
const GRPC_OK: u32 = 0;

/// The questions and reports of one worker under one configuration.
#[derive(Default)]
pub(super) struct Limits {
    bell: Bell,
    /// What is sent as soon as the bell has called the root.
    due: RefCell<Vec<Question>>,
    /// The questions under way, by the token of their request.
    asked: RefCell<HashMap<u32, Asked>>,
    reports: RefCell<HashMap<u32, (Report, u64)>>,
    /// From when on the next report is sent.
    next_ms: Cell<u64>,
    /// When the configuration ended.
    over_since_ms: Cell<Option<u64>>,
    warned_ms: Cell<u64>,
    metrics: OnceCell<LimitMetrics>,
}

/// What a stream waits to be told.
struct Question {
    id: u32,
    flow: Rc<RefCell<Flow>>,
    ask: Ask,
}

/// One request and the streams that wait for its answer.
struct Asked {
    batch: Batch,
    questions: Vec<Question>,
    at_ms: u64,
}

impl Limits {
    /// Takes a stream's question.
    ///
    /// # Errors
    /// It will never be sent.
    pub(super) fn ask(
        &self,
        shared: &Shared,
        ask: Ask,
        (id, flow): (u32, &Rc<RefCell<Flow>>),
    ) -> Result<(), String> {
        let mut due = self.due.borrow_mut();
        // Once for each batch.
        if due.len().is_multiple_of(MOST_AT_ONCE) && !self.bell.ring(&shared.dice) {
            let why = "this host has no shared queues, by which questions are sent";
            self.metrics().count_questions("undispatched", 1);
            self.warn(clock::now_ms(), why);
            return Err(why.to_owned());
        }
        due.push(Question { id, flow: Rc::clone(flow), ask });
        Ok(())
    }

    /// The stream that asked is gone.
    pub(super) fn forget(&self, id: u32) {
        self.due.borrow_mut().retain(|question| question.id != id);
    }

    /// Sends a batch of the questions that are due; in a callback of the root, which the answer is then for.
    pub(super) fn send(&self, shared: &Rc<Shared>) {
        let Some(service) = shared.gateway.rate_limit_service() else { return };
        let questions: Vec<Question> = {
            let mut due = self.due.borrow_mut();
            let first = due.len().min(MOST_AT_ONCE);
            due.drain(..first).collect()
        };
        if questions.is_empty() {
            return;
        }
        let batch = Batch::of(service, questions.iter().map(|question| &question.ask));
        match send(service, batch.message(), Duration::from_millis(service.timeout_ms())) {
            Ok(token) => {
                let asked = Asked { batch, questions, at_ms: clock::now_ms() };
                self.asked.borrow_mut().insert(token, asked);
            }
            Err(why) => self.answer(shared, questions, Err(why), "undispatched"),
        }
    }

    /// Takes an answer, if it is one of these.
    pub(super) fn receive(&self, shared: &Rc<Shared>, token: u32, status: u32, size: usize) {
        let asked = self.asked.borrow_mut().remove(&token);
        if let Some(Asked { batch, questions, at_ms }) = asked {
            let answers = read(status, size).and_then(|answer| batch.read(&answer, at_ms));
            return self.answer(shared, questions, answers, "failed");
        }
        let report = self.reports.borrow_mut().remove(&token);
        if let Some(report) = report {
            self.reported(&shared.gateway, &shared.memory, report, read(status, size));
        }
    }

    /// Walks the streams on that have asked.
    fn answer(
        &self,
        shared: &Rc<Shared>,
        questions: Vec<Question>,
        answers: Result<Vec<Answer>, String>,
        failure: &str,
    ) {
        self.metrics().count_questions(if answers.is_ok() { "ok" } else { failure }, questions.len());
        if let Err(why) = &answers {
            self.warn(clock::now_ms(), why);
        }
        let mut answers = answers.map(Vec::into_iter);
        for Question { id, flow, .. } in questions {
            let answer = match &mut answers {
                Ok(answers) => answers.next().ok_or_else(|| "the answer is too short".to_owned()),
                Err(why) => Err(why.clone()),
            };
            match &mut *flow.borrow_mut() {
                Flow { phase: Phase::AwaitingLimits, call: Some(call), .. } => {
                    shared.gateway.hear_limits(call, answer);
                }
                // It was refused meanwhile, or is over.
                _ => continue,
            }
            shared.release(id);
            steps::resume_held(shared, id, &flow, Patience::Left);
        }
    }

    /// Reports what is owed, in turn.
    pub(super) fn tick(&self, gateway: &Gateway, memory: &Memory, now_ms: u64) {
        let Some(service) = gateway.rate_limit_service() else { return };
        self.metrics().tell_debts(memory.debts());
        if now_ms < self.next_ms.get() {
            return;
        }
        // A tick that comes a little early is not put off to the next.
        let every_ms = service.charge_every_ms();
        self.next_ms.set(now_ms.saturating_add(every_ms.saturating_sub(every_ms / 8)));
        while self.reports.borrow().len() < MOST_REPORTS {
            let Some(report) = gateway.report_charges(memory, now_ms) else { return };
            match send(service, report.message(), REPORT_TIMEOUT) {
                Ok(token) => {
                    self.reports.borrow_mut().insert(token, (report, now_ms));
                }
                Err(why) => return self.reported(gateway, memory, (report, now_ms), Err(why)),
            }
        }
    }

    /// What is owed is reported without further delay. True once nothing is, or it has been tried for long enough.
    pub(super) fn close(&self, gateway: &Gateway, memory: &Memory, now_ms: u64) -> bool {
        if self.over_since_ms.get().is_none() {
            self.over_since_ms.set(Some(now_ms));
            self.next_ms.set(0);
        }
        memory.debts().close();
        self.tick(gateway, memory, now_ms);
        let since_ms = self.over_since_ms.get().unwrap_or(now_ms);
        if now_ms.saturating_sub(since_ms) >= FAREWELL_MS {
            memory.debts().forgive();
            self.metrics().tell_debts(memory.debts());
            return true;
        }
        memory.debts().is_empty() && self.reports.borrow().is_empty()
    }

    fn reported(
        &self,
        gateway: &Gateway,
        memory: &Memory,
        report: (Report, u64),
        answer: Result<Vec<u8>, String>,
    ) {
        let now_ms = clock::now_ms();
        let (counters, failed) = (report.0.len(), answer.is_err());
        let answer = answer.as_deref().map_err(Clone::clone);
        match gateway.charges_reported(report, answer, (&SharedData, memory), now_ms) {
            Ok(()) => self.metrics().count_report("ok", counters),
            Err(why) => {
                self.metrics().count_report("failed", 0);
                self.warn(now_ms, &why);
                if failed {
                    self.next_ms.set(now_ms.saturating_add(PAUSE_MS));
                }
            }
        }
    }

    fn metrics(&self) -> &LimitMetrics {
        self.metrics.get_or_init(LimitMetrics::define)
    }

    fn warn(&self, now_ms: u64, why: &str) {
        if now_ms.saturating_sub(self.warned_ms.get()) >= WARNING_MS {
            self.warned_ms.set(now_ms);
            warn!("claimgate: the rate limit service: {why}");
        }
    }
}

/// # Errors
/// Envoy does not take it: there is no such cluster, or no connection to it.
fn send(service: &Service, message: &[u8], timeout: Duration) -> Result<u32, String> {
    // The place is a `GrpcService`: of a bare name that is no cluster's, the host says what the SDK takes for a reason to panic.
    hostcalls::dispatch_grpc_call(
        service.place(),
        Service::NAME,
        Service::METHOD,
        Vec::new(),
        Some(message),
        timeout,
    )
    .map_err(|_| {
        format!(
            "the cluster `{}` takes no requests; is there such a cluster, and is it up?",
            service.cluster()
        )
    })
}

/// The message of an answer that is there now.
fn read(status: u32, size: usize) -> Result<Vec<u8>, String> {
    if status != GRPC_OK {
        return Err(format!("gRPC status {status}"));
    }
    let message = hostcalls::get_buffer(BufferType::GrpcReceiveBuffer, 0, size).ok().flatten();
    Ok(message.unwrap_or_default())
}
