//! A host that does what a test says, and writes down what it is asked to do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::played::Played;
use crate::identity::{EngineAnswer, Question};
use crate::ledger::{Conflict, MemoryStore, Store};
use crate::lifecycle::{Errand, Family, Fetch, GrpcCall, House, Level};
use crate::policy::fixture::NOW_MS;

/// What all workers of one host share.
#[derive(Default)]
pub(super) struct SharedData {
    pages: MemoryStore,
    documents: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
}

/// One worker.
pub(super) struct ScriptedHouse {
    shared: Rc<SharedData>,
    now_ms: Cell<u64>,
    /// The exchanges that are there.
    exchanges: RefCell<BTreeMap<u32, Rc<Played>>>,
    tokens: Cell<u32>,
    fetches: RefCell<Vec<Fetched>>,
    calls: RefCell<Vec<(u32, Vec<u8>)>>,
    /// The answer to a fetch that is being delivered.
    delivered: RefCell<Vec<(String, Vec<u8>)>>,
    manners: Manners,
    wakes: Cell<usize>,
    period: Cell<Option<Duration>>,
    families: RefCell<Vec<Family>>,
    metrics: RefCell<Vec<(String, i64)>>,
    log: RefCell<Vec<String>>,
}

/// What hosts do differently.
#[derive(Default)]
struct Manners {
    refuses_dispatch: Cell<bool>,
    cannot_wake: Cell<bool>,
    /// The errands that wait, where they are not run at once.
    errands: RefCell<Option<Vec<(u32, Errand)>>>,
}

/// A fetch that was sent.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    pub(super) token: u32,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

impl ScriptedHouse {
    pub(super) fn beside(shared: &Rc<SharedData>) -> Rc<Self> {
        Rc::new(Self {
            shared: Rc::clone(shared),
            now_ms: Cell::new(NOW_MS),
            exchanges: RefCell::default(),
            tokens: Cell::new(0),
            fetches: RefCell::default(),
            calls: RefCell::default(),
            delivered: RefCell::default(),
            manners: Manners::default(),
            wakes: Cell::new(0),
            period: Cell::new(None),
            families: RefCell::default(),
            metrics: RefCell::default(),
            log: RefCell::default(),
        })
    }

    pub(super) fn pass(&self, milliseconds: u64) {
        self.now_ms.set(self.now_ms.get().saturating_add(milliseconds));
    }

    pub(super) fn add(&self, id: u32, exchange: &Rc<Played>) {
        self.exchanges.borrow_mut().insert(id, Rc::clone(exchange));
    }

    pub(super) fn remove(&self, id: u32) {
        self.exchanges.borrow_mut().remove(&id);
    }

    /// From now on no request of the gateway's own is taken.
    pub(super) fn refuse_dispatch(&self) {
        self.manners.refuses_dispatch.set(true);
    }

    pub(super) fn refuse_waking(&self) {
        self.manners.cannot_wake.set(true);
    }

    /// From now on errands wait for [`Self::run_errands`].
    pub(super) fn visit_later(&self) {
        self.manners.errands.replace(Some(Vec::new()));
    }

    /// Runs the errands that wait, where their exchanges are still there; how many did.
    pub(super) fn run_errands(&self) -> usize {
        let errands = self.manners.errands.borrow_mut().as_mut().map(std::mem::take).unwrap_or_default();
        let run = |(id, errand): (u32, Errand)| {
            let exchange = self.exchanges.borrow().get(&id).cloned();
            exchange.map(|exchange| errand(&*exchange))
        };
        errands.into_iter().filter_map(run).count()
    }

    /// The fetches that were sent since the last call.
    pub(super) fn take_fetches(&self) -> Vec<Fetched> {
        self.fetches.take()
    }

    /// The calls by gRPC that were sent since the last call, with their messages.
    pub(super) fn take_calls(&self) -> Vec<(u32, Vec<u8>)> {
        self.calls.take()
    }

    /// How often it was asked to wake the house since the last call.
    pub(super) fn take_wakes(&self) -> usize {
        self.wakes.take()
    }

    pub(super) fn deliver(&self, headers: &[(&str, &str)], body: &[u8]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        let body = std::iter::once((String::new(), body.to_vec()));
        *self.delivered.borrow_mut() = headers.chain(body).collect();
    }

    pub(super) fn period(&self) -> Option<Duration> {
        self.period.get()
    }

    /// What a counter or gauge comes to, 0 where it is not defined.
    pub(super) fn counted(&self, name: &str) -> i64 {
        let metrics = self.metrics.borrow();
        metrics.iter().find(|(other, _)| other == name).map_or(0, |(_, value)| *value)
    }

    /// What of all counters begins so, added up.
    pub(super) fn counted_under(&self, prefix: &str) -> i64 {
        let metrics = self.metrics.borrow();
        metrics.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, value)| value).sum()
    }

    pub(super) fn logged(&self) -> String {
        self.log.borrow().join("\n")
    }

    pub(super) fn forget_log(&self) {
        self.log.take();
    }

    fn token(&self) -> u32 {
        self.tokens.set(self.tokens.get().saturating_add(1));
        self.tokens.get()
    }
}

impl House for ScriptedHouse {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn fill(&self, bytes: &mut [u8]) -> bool {
        // Never the same twice, which is all that ids need.
        bytes.chunks_mut(4).for_each(|part| part.copy_from_slice(&self.token().to_le_bytes()[..part.len()]));
        true
    }

    fn verify(&self, _question: &Question<'_>) -> EngineAnswer {
        EngineAnswer::Unavailable
    }

    fn document(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.shared.documents.borrow().get(key).cloned()
    }

    fn create_document(&self, key: &str, content: &[u8]) {
        let mut documents = self.shared.documents.borrow_mut();
        documents.entry(key.to_owned()).or_insert_with(|| (content.to_vec(), 1));
    }

    fn replace_document(&self, key: &str, content: &[u8]) {
        let mut documents = self.shared.documents.borrow_mut();
        let version = documents.get(key).map_or(1, |(_, version)| version.saturating_add(1));
        documents.insert(key.to_owned(), (content.to_vec(), version));
    }

    fn fetch(&self, fetch: &Fetch<'_>) -> Result<u32, String> {
        if self.manners.refuses_dispatch.get() {
            return Err("BadArgument".to_owned());
        }
        let token = self.token();
        let path = fetch.headers.iter().find(|(name, _)| *name == ":path").unwrap().1.to_owned();
        let body = fetch.body.unwrap_or_default().to_vec();
        self.fetches.borrow_mut().push(Fetched { token, path, body });
        Ok(token)
    }

    fn fetched_header(&self, name: &str) -> Option<Vec<u8>> {
        let delivered = self.delivered.borrow();
        assert!(!delivered.is_empty(), "asked for a header of no answer");
        delivered.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }

    fn fetched_body(&self, length: usize) -> Option<Vec<u8>> {
        let body = self.fetched_header("")?;
        (body.len() == length).then_some(body)
    }

    fn call(&self, call: &GrpcCall<'_>) -> Option<u32> {
        if self.manners.refuses_dispatch.get() {
            return None;
        }
        let token = self.token();
        self.calls.borrow_mut().push((token, call.message.to_vec()));
        Some(token)
    }

    fn tick_every(&self, period: Duration) {
        self.period.set(Some(period));
    }

    fn wake(&self) -> bool {
        self.wakes.set(self.wakes.get().saturating_add(1));
        !self.manners.cannot_wake.get()
    }

    fn visit(&self, id: u32, errand: Errand) {
        let exchange = self.exchanges.borrow().get(&id).cloned();
        if let Some(exchange) = exchange {
            assert!(exchange.expects_visits(), "nobody said that {id} may be visited");
            if let Some(errands) = &mut *self.manners.errands.borrow_mut() {
                return errands.push((id, errand));
            }
            errand(&*exchange);
        }
    }

    fn define(&self, families: &[Family]) {
        self.families.borrow_mut().extend_from_slice(families);
    }

    fn metric(&self, family: &Family, values: &[&str]) -> Option<u32> {
        assert!(self.families.borrow().contains(family), "nobody has defined {family:?}");
        assert_eq!(family.labels.len(), values.len(), "{family:?}");
        let (mut metrics, name) = (self.metrics.borrow_mut(), family.flat(values));
        let place = metrics.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
            metrics.push((name, 0));
            metrics.len().saturating_sub(1)
        });
        u32::try_from(place).ok()
    }

    fn add(&self, metric: u32, amount: i64) {
        let value = &mut self.metrics.borrow_mut()[usize::try_from(metric).unwrap()].1;
        *value = value.saturating_add(amount);
    }

    fn set(&self, metric: u32, value: u64) {
        self.metrics.borrow_mut()[usize::try_from(metric).unwrap()].1 = i64::try_from(value).unwrap();
    }

    fn total(&self, metric: u32) -> u64 {
        u64::try_from(self.metrics.borrow()[usize::try_from(metric).unwrap()].1).unwrap()
    }

    fn log(&self, _level: Level, text: &str) {
        self.log.borrow_mut().push(text.to_owned());
    }
}

impl Store for ScriptedHouse {
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)> {
        self.shared.pages.read(page)
    }

    fn write(&self, page: u32, bytes: &[u8], version: u32) -> Result<(), Conflict> {
        self.shared.pages.write(page, bytes, version)
    }

    fn create(&self, page: u32, bytes: &[u8]) {
        self.shared.pages.create(page, bytes);
    }
}
