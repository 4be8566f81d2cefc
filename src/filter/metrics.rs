//! Counters in Envoy's own stats, under `wasmcustom.`.

use std::cell::RefCell;

use hashbrown::HashMap;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::audit::Tally;
use crate::gateway::{Call, Gateway};

/// The ids of the counters this configuration has defined so far; bounded as tenants are.
#[derive(Default)]
pub(super) struct Metrics {
    counters: RefCell<HashMap<Tally, u32>>,
    tenants: RefCell<Vec<String>>,
}

impl Metrics {
    /// Counts a call by decision, reason, dialect and tenant.
    pub(super) fn count(&self, gateway: &Gateway, call: &Call) {
        let tally = gateway.tally(call, &mut self.tenants.borrow_mut());
        let mut counters = self.counters.borrow_mut();
        let id = match counters.get(&tally) {
            Some(id) => Some(*id),
            None => {
                let id = hostcalls::define_metric(MetricType::Counter, &tally.counter()).ok();
                id.inspect(|id| {
                    counters.insert(tally, *id);
                })
            }
        };
        if let Some(id) = id {
            let _ = hostcalls::increment_metric(id, 1);
        }
    }
}

/// Counts one fetch of a key set.
pub(super) fn count_key_fetch(outcome: &str) {
    if let Ok(id) =
        hostcalls::define_metric(MetricType::Counter, &format!("claimgate.key_fetches.outcome.{outcome}"))
    {
        let _ = hostcalls::increment_metric(id, 1);
    }
}
