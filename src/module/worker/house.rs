//! What a worker's lifecycle asks of this host.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hashbrown::HashMap;

use super::signatures;
use crate::identity::{EngineAnswer, Question};
use crate::ledger::{Conflict, Store};
use crate::lifecycle::{Errand, Family, Fetch, GrpcCall, House, Level};
use crate::module::abi::{self, Scheduler};
use crate::module::failpoint::failpoint;
use crate::module::process::{Asker, EnvoyConfiguration, FetchedAnswer, Job, Metric, Recipient, process};
use crate::request::milliseconds;

/// So long after a metric has changed Envoy is told of it, and of all that have by then.
const TELL_IN: Duration = Duration::from_millis(50);

/// The house of one worker.
pub(super) struct WorkerHouse {
    /// Tells it from other workers.
    number: u64,
    worker: Weak<dyn Recipient>,
    configuration: Arc<EnvoyConfiguration>,
    metrics: RefCell<Vec<Arc<Metric>>>,
    numbers: RefCell<HashMap<String, u32>>,
    visitors: RefCell<HashMap<u32, Visitor>>,
    /// The answer that an event brings, while it lasts.
    fetched: RefCell<Option<FetchedAnswer>>,
    tokens: Cell<u32>,
}

/// A stream that may be visited, and what is to be done there.
struct Visitor {
    scheduler: Scheduler,
    errands: Vec<Errand>,
}

impl WorkerHouse {
    pub(super) fn new(
        number: u64,
        worker: Weak<dyn Recipient>,
        configuration: Arc<EnvoyConfiguration>,
    ) -> Self {
        Self {
            number,
            worker,
            configuration,
            metrics: RefCell::default(),
            numbers: RefCell::default(),
            visitors: RefCell::default(),
            fetched: RefCell::default(),
            tokens: Cell::default(),
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// A stream may be visited from now on.
    pub(super) fn expect(&self, id: u32, scheduler: Scheduler) {
        self.visitors.borrow_mut().insert(id, Visitor { scheduler, errands: Vec::new() });
    }

    /// A stream is over.
    pub(super) fn forget(&self, id: u32) {
        self.visitors.borrow_mut().remove(&id);
    }

    /// The streams that may be visited.
    pub(super) fn visited(&self) -> Vec<u32> {
        self.visitors.borrow().keys().copied().collect()
    }

    /// What is to be done at a stream.
    pub(super) fn take_errands(&self, id: u32) -> Vec<Errand> {
        let mut visitors = self.visitors.borrow_mut();
        visitors.get_mut(&id).map(|visitor| std::mem::take(&mut visitor.errands)).unwrap_or_default()
    }

    /// Runs an event that brings an answer.
    pub(super) fn bring(&self, answer: Option<FetchedAnswer>, event: impl FnOnce()) {
        self.fetched.replace(answer);
        event();
        self.fetched.take();
    }

    fn token(&self) -> u32 {
        self.tokens.set(self.tokens.get().wrapping_add(1));
        self.tokens.get()
    }

    fn change(&self, metric: u32, change: impl FnOnce(&Metric)) {
        let place = usize::try_from(metric).unwrap_or(usize::MAX);
        if let Some(metric) = self.metrics.borrow().get(place) {
            change(metric);
            let process = process();
            if process.metrics.note(metric) {
                process.clock.remind_in(&process.main_thread, TELL_IN);
            }
        }
    }

    /// Has the youngest configuration that lives send something.
    fn send(
        &self,
        send: impl Fn(&EnvoyConfiguration, Asker<'_>) -> Option<Result<(), &'static str>>,
    ) -> Result<u32, String> {
        const ENDED: &str = "the configuration has ended";
        let worker = self.worker.upgrade().ok_or(ENDED)?;
        let token = self.token();
        let sent = process().main_thread.by_envoy(|configuration| send(configuration, (&worker, token)));
        sent.ok_or(ENDED)?.map(|()| token).map_err(str::to_owned)
    }
}

impl House for WorkerHouse {
    fn now_ms(&self) -> u64 {
        milliseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn fill(&self, bytes: &mut [u8]) -> bool {
        getrandom::fill(bytes).is_ok()
    }

    fn verify(&self, question: &Question<'_>) -> EngineAnswer {
        signatures::verify(question)
    }

    fn document(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        process().memory.document(key)
    }

    fn create_document(&self, key: &str, content: &[u8]) {
        process().memory.create_document(key, content);
    }

    fn replace_document(&self, key: &str, content: &[u8]) {
        process().memory.replace_document(key, content);
    }

    fn fetch(&self, fetch: &Fetch<'_>) -> Result<u32, String> {
        self.send(|configuration, asker| configuration.fetch(fetch, asker))
    }

    fn fetched_header(&self, name: &str) -> Option<Vec<u8>> {
        let fetched = self.fetched.borrow();
        let headers = &fetched.as_ref()?.headers;
        failpoint("fetched", headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())));
        let mut headers = headers.iter();
        headers.find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }

    fn fetched_body(&self, length: usize) -> Option<Vec<u8>> {
        let mut body = std::mem::take(&mut self.fetched.borrow_mut().as_mut()?.body);
        body.truncate(length);
        Some(body)
    }

    fn call(&self, call: &GrpcCall<'_>) -> Option<u32> {
        self.send(|configuration, asker| configuration.call(call, asker)).ok()
    }

    fn tick_every(&self, period: Duration) {
        let process = process();
        process.clock.set(&process.main_thread, (self.number, &self.worker), period);
    }

    fn wake(&self) -> bool {
        let worker = self.worker.upgrade();
        worker.map(|worker| process().main_thread.post(worker, Job::Woken)).is_some()
    }

    fn visit(&self, id: u32, errand: Errand) {
        if let Some(visitor) = self.visitors.borrow_mut().get_mut(&id) {
            visitor.errands.push(errand);
            visitor.scheduler.commit();
        }
    }

    fn define(&self, families: &[Family]) {
        self.configuration.define(families);
    }

    fn metric(&self, family: &Family, values: &[&str]) -> Option<u32> {
        let name = family.flat(values);
        if let Some(number) = self.numbers.borrow().get(&name) {
            return Some(*number);
        }
        let mut metrics = self.metrics.borrow_mut();
        let number = u32::try_from(metrics.len()).ok()?;
        metrics.push(process().metrics.find(family, values));
        self.numbers.borrow_mut().insert(name, number);
        Some(number)
    }

    fn add(&self, metric: u32, amount: i64) {
        self.change(metric, |metric| metric.add(amount));
    }

    fn set(&self, metric: u32, value: u64) {
        self.change(metric, |metric| metric.set(value));
    }

    fn total(&self, metric: u32) -> u64 {
        let place = usize::try_from(metric).unwrap_or(usize::MAX);
        self.metrics.borrow().get(place).map(|metric| metric.total()).unwrap_or_default()
    }

    fn log(&self, level: Level, text: &str) {
        let level = match level {
            Level::Warning => abi::Level::Warning,
            Level::Error => abi::Level::Error,
        };
        abi::say(level, text);
    }
}

/// The ledger's pages are the process's.
impl Store for WorkerHouse {
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)> {
        process().memory.read(page)
    }

    fn write(&self, page: u32, bytes: &[u8], version: u32) -> Result<(), Conflict> {
        process().memory.write(page, bytes, version)
    }

    fn create(&self, page: u32, bytes: &[u8]) {
        process().memory.create(page, bytes);
    }
}
