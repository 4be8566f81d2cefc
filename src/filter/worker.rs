//! One worker of Envoy, as one configuration has it.

use std::cell::{OnceCell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hashbrown::HashMap;
use log::{error, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, MetricType};

use super::exchange::Current;
use super::{host, protobuf, shared_data, signatures};
use crate::identity::{EngineAnswer, Question};
use crate::ledger::{Conflict, FORMAT, Store};
use crate::lifecycle::{Errand, Family, Fetch, GrpcCall, House, Level, MetricKind};
use crate::request::milliseconds;

/// The worker in which the root context `root` runs.
pub(super) struct Envoy {
    root: u32,
    /// By which the root is called from Envoy's loop; `None` within where the host has none.
    queue: OnceCell<Option<u32>>,
    /// By name. Each definition takes memory of Envoy's that is not given back, also of a name that is defined already.
    metrics: RefCell<HashMap<String, u32>>,
}

impl Envoy {
    pub(super) fn of(root: u32) -> Self {
        Self { root, queue: OnceCell::new(), metrics: RefCell::default() }
    }
}

impl House for Envoy {
    fn now_ms(&self) -> u64 {
        let now = hostcalls::get_current_time().unwrap_or_else(|_| SystemTime::now());
        milliseconds(now.duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn fill(&self, bytes: &mut [u8]) -> bool {
        getrandom::fill(bytes).is_ok()
    }

    fn verify(&self, question: &Question<'_>) -> EngineAnswer {
        signatures::verify(question)
    }

    fn document(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        shared_data::read(key)
    }

    fn create_document(&self, key: &str, content: &[u8]) {
        shared_data::create(key, content);
    }

    fn replace_document(&self, key: &str, content: &[u8]) {
        shared_data::replace(key, content);
    }

    fn fetch(&self, fetch: &Fetch<'_>) -> Result<u32, String> {
        let Fetch { cluster, headers, body, timeout } = *fetch;
        hostcalls::dispatch_http_call(cluster, headers.to_vec(), body, Vec::new(), timeout)
            .map_err(|status| format!("{status:?}"))
    }

    /// Of an answer that broke off the host has no headers, and the SDK's getter traps.
    fn fetched_header(&self, name: &str) -> Option<Vec<u8>> {
        hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, name).ok().flatten()
    }

    fn fetched_body(&self, length: usize) -> Option<Vec<u8>> {
        hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, length).ok().flatten()
    }

    /// The place is a `GrpcService`, not the cluster's bare name: a name that happens to parse as one ends Envoy 1.40, and of one
    /// that is no cluster's, the host says what the SDK takes for a reason to panic.
    fn call(&self, call: &GrpcCall<'_>) -> Option<u32> {
        let GrpcCall { cluster, service, method, message, timeout } = *call;
        let place = protobuf::grpc_service(cluster)?;
        hostcalls::dispatch_grpc_call(&place, service, method, Vec::new(), Some(message), timeout).ok()
    }

    fn tick_every(&self, period: Duration) {
        let _ = hostcalls::set_tick_period(period);
    }

    /// A tick comes a millisecond later at best. A queue of the host calls at once, but from Envoy's loop: it has no other use
    /// here, and what stands in it is nothing.
    fn wake(&self) -> bool {
        let register = || {
            // All workers and configurations share the names of queues.
            let mut name = [0; 16];
            getrandom::fill(&mut name).ok()?;
            host::register_queue(&format!("claimgate.{:032x}", u128::from_le_bytes(name)))
        };
        self.queue.get_or_init(register).is_some_and(host::put_nothing)
    }

    fn visit(&self, id: u32, errand: Errand) {
        if hostcalls::set_effective_context(id).is_ok() {
            errand(&Current);
            // What follows is the root's: of a stream that has just ended, nothing would come back.
            let _ = hostcalls::set_effective_context(self.root);
        }
    }

    /// Each is defined when it is met: their labels stand in their names.
    fn define(&self, _families: &[Family]) {}

    fn metric(&self, family: &Family, values: &[&str]) -> Option<u32> {
        let name = family.flat(values);
        if let Some(id) = self.metrics.borrow().get(&name) {
            return Some(*id);
        }
        let kind = match family.kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
        };
        let id = hostcalls::define_metric(kind, &name).ok()?;
        self.metrics.borrow_mut().insert(name, id);
        Some(id)
    }

    fn add(&self, metric: u32, amount: i64) {
        let _ = hostcalls::increment_metric(metric, amount);
    }

    fn set(&self, metric: u32, value: u64) {
        let _ = hostcalls::record_metric(metric, value);
    }

    fn total(&self, metric: u32) -> u64 {
        hostcalls::get_metric(metric).unwrap_or_default()
    }

    fn log(&self, level: Level, text: &str) {
        match level {
            Level::Warning => warn!("claimgate: {text}"),
            Level::Error => error!("claimgate: {text}"),
        }
    }
}

/// The ledger's pages in shared data.
impl Store for Envoy {
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)> {
        shared_data::read(&page_key(page))
    }

    fn write(&self, page: u32, bytes: &[u8], version: u32) -> Result<(), Conflict> {
        hostcalls::set_shared_data(&page_key(page), Some(bytes), Some(version)).map_err(|_| Conflict)
    }

    fn create(&self, page: u32, bytes: &[u8]) {
        shared_data::create(&page_key(page), bytes);
    }
}

fn page_key(page: u32) -> String {
    format!("{FORMAT}.{page}")
}
