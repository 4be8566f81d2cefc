//! The root context: one configuration, its streams that wait, and the tick that wakes them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use log::{error, info};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::clock::Dice;
use super::cluster::Attempt;
use super::configuration::PluginConfiguration;
use super::fetch::Delivery;
use super::flow::{Flow, Phase};
use super::held::Held;
use super::introspect::Introspection;
use super::key_fetch::KeyFetch;
use super::limits::Limits;
use super::metrics::Metrics;
use super::open::OpenStreams;
use super::polling::{Pace, Polling};
use super::pulse::{BUSY_TICK, IDLE_TICK, POLLING_TICK, Pulse, SENDING_TICK, WAITING_TICK};
use super::shared_data::SharedData;
use super::stream::Stream;
use super::{clock, cluster, properties};
use crate::config::Config;
use crate::gateway::{Gateway, Memory};
use crate::secret::Secret;
use crate::upstream::Upstreams;

/// One configuration and everything that hangs on it. Nothing outlives it: no statics.
pub(super) struct Shared {
    pub(super) gateway: Gateway,
    pub(super) keys: KeyFetch,
    pub(super) polling: Polling,
    pub(super) introspection: Introspection,
    pub(super) limits: Limits,
    pub(super) open: OpenStreams,
    pub(super) metrics: Metrics,
    pub(super) memory: Memory,
    pub(super) dice: Dice,
    pulse: Pulse,
    held: Held,
}

/// Envoy's handle on one configuration in one worker.
pub(super) struct Root {
    id: u32,
    half: Option<Half>,
    tenure: Tenure,
}

/// Whether this configuration decides about new streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tenure {
    InCharge,
    /// Another one has taken over; what this one began is not finished.
    Finishing,
    Over,
}

/// Which half of the filter this root's streams are.
enum Half {
    Chain(Rc<Shared>),
    Cluster(Rc<Upstreams>),
}

impl Root {
    pub(super) fn new(id: u32) -> Self {
        Self { id, half: None, tenure: Tenure::InCharge }
    }

    fn configure(&mut self, size: usize) -> Result<(), String> {
        if size == 0 {
            return Err(
                "the plugin has no configuration; give it the output of `claimgate bundle`".to_owned()
            );
        }
        let config = Config::from_reader(PluginConfiguration::open()).map_err(|error| error.to_string())?;
        let environment = |name: &str| std::env::var(name).ok().map(Secret::new);
        if properties::root_id() == cluster::ROOT_ID {
            let upstreams =
                Upstreams::compile(&config.upstreams, &environment).map_err(|error| error.to_string())?;
            self.half = Some(Half::Cluster(Rc::new(upstreams)));
            return Ok(());
        }
        let mut gateway = Gateway::compile(&config, &environment).map_err(|error| error.to_string())?;
        gateway.prepare(&SharedData, clock::random_key, clock::now_ms())?;
        let (keys, polling) = (KeyFetch::new(&gateway), Polling::new(&gateway));
        let dice = Dice::default();
        let memory = gateway.memory(&dice.roll());
        let (metrics, open, held) = (Metrics::default(), OpenStreams::default(), Held::default());
        let (introspection, limits, pulse) = (Introspection::default(), Limits::default(), Pulse::default());
        // The first tick fetches what is missing at once.
        pulse.set(BUSY_TICK);
        let shared = Shared {
            gateway,
            keys,
            polling,
            introspection,
            limits,
            open,
            metrics,
            memory,
            dice,
            pulse,
            held,
        };
        self.half = Some(Half::Chain(Rc::new(shared)));
        Ok(())
    }
}

impl Root {
    /// In the tick: says when the next one comes.
    fn pace(&self, shared: &Shared) {
        let _ = hostcalls::set_effective_context(self.id);
        shared.pulse.set(shared.tick_period());
    }

    /// After an answer: what is to be done now is done no later than it needs.
    fn quicken(&self, shared: &Shared) {
        let _ = hostcalls::set_effective_context(self.id);
        shared.pulse.quicken(shared.tick_period());
    }

    /// True where nothing is owed any more.
    fn is_quits(&self) -> bool {
        let Some(Half::Chain(shared)) = &self.half else { return true };
        shared.limits.close(&shared.gateway, &shared.memory, clock::now_ms())
    }

    /// Ends, once nothing that was begun is awaited.
    fn finish(&mut self) {
        let is_idle =
            matches!(&self.half, Some(Half::Chain(shared)) if !shared.is_fetching() && !shared.is_behind());
        if self.tenure == Tenure::Finishing && is_idle && self.is_quits() {
            self.tenure = Tenure::Over;
            let _ = hostcalls::set_effective_context(self.id);
            self.done();
        }
    }
}

impl Shared {
    /// Holds a stream until its body, its keys or its deadline comes.
    pub(super) fn hold(&self, id: u32, flow: &Rc<RefCell<Flow>>) {
        self.held.add(id, flow);
        match flow.borrow().phase {
            Phase::AwaitingKeys { issuer, .. } => {
                self.keys.want(issuer);
                self.pulse.quicken(BUSY_TICK);
            }
            Phase::AwaitingIntrospection { .. } if self.introspection.is_due() => {
                self.pulse.quicken(SENDING_TICK);
            }
            _ => {}
        }
    }

    /// The stream waits no longer.
    pub(super) fn release(&self, id: u32) {
        self.held.remove(id);
    }

    /// Notes a stream that was let through, where it may have to end before it does by itself.
    pub(super) fn pass(&self, id: u32, flow: &Rc<RefCell<Flow>>) {
        if self.gateway.may_revoke() {
            self.open.add(id, flow);
        }
    }

    /// Ends what was revoked meanwhile.
    fn judge_open(&self, now_ms: u64) {
        self.polling.with(|polled| self.open.judge(&self.gateway, polled, now_ms));
    }

    fn is_fetching(&self) -> bool {
        self.keys.is_fetching() || self.polling.is_polling() || self.introspection.is_asking()
    }

    /// How soon the next tick comes.
    fn tick_period(&self) -> Duration {
        let reports = self.gateway.rate_limit_service();
        let reports = reports.map(|service| Duration::from_millis(service.charge_every_ms()));
        reports.map_or(self.own_tick_period(), |period| period.min(self.own_tick_period()))
    }

    fn own_tick_period(&self) -> Duration {
        match self.polling.pace() {
            _ if self.introspection.is_due() || self.is_behind() => SENDING_TICK,
            _ if self.held.wait_for_keys() => BUSY_TICK,
            Pace::Waiting => WAITING_TICK,
            Pace::Polling => POLLING_TICK,
            Pace::Idle => IDLE_TICK,
        }
    }

    fn wake(self: &Rc<Self>, now_ms: u64) {
        self.held.wake(self, now_ms);
    }

    /// True where more is to be done than one callback may do.
    fn is_behind(&self) -> bool {
        self.held.is_behind() || self.open.is_behind()
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _trailers: usize) {
        if let Some(Half::Chain(shared)) = &self.half {
            let now_ms = clock::now_ms();
            let delivery = Delivery { headers, body_size };
            shared.keys.receive(&shared.gateway, token, delivery, now_ms);
            shared.polling.receive(&shared.gateway, token, delivery, now_ms);
            let moment = shared.dice.moment();
            shared.introspection.receive(&shared.gateway, &shared.memory, token, delivery, &moment);
            shared.judge_open(now_ms);
            shared.wake(now_ms);
            self.quicken(shared);
            self.finish();
        }
    }

    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        if let Some(Half::Chain(shared)) = &self.half {
            shared.limits.receive(shared, token, status, size);
            self.quicken(shared);
            self.finish();
        }
    }

    /// Stays for the fetches it began: they would be lost with it, and their leases would keep the successor
    /// from making them again. It stays as well for what requests have cost and nobody has been told.
    fn on_done(&mut self) -> bool {
        let Some(Half::Chain(shared)) = &self.half else { return true };
        if self.tenure == Tenure::InCharge {
            shared.metrics.forget_cache();
            shared.metrics.tell_held(0);
        }
        let is_quits = shared.limits.close(&shared.gateway, &shared.memory, clock::now_ms());
        let is_idle = is_quits && !shared.is_fetching();
        self.tenure = if is_idle { Tenure::Over } else { Tenure::Finishing };
        self.tenure == Tenure::Over
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match self.configure(size) {
            Ok(()) => {
                info!("claimgate: configuration accepted");
                true
            }
            Err(why) => {
                error!("claimgate: configuration refused: {why}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let Some(Half::Chain(shared)) = &self.half else { return };
        let now_ms = clock::now_ms();
        if self.tenure != Tenure::InCharge {
            shared.introspection.tick(&shared.gateway, now_ms);
            shared.judge_open(now_ms);
            shared.wake(now_ms);
            self.pace(shared);
            self.finish();
            return;
        }
        shared.keys.tick(&shared.gateway, now_ms);
        shared.polling.tick(&shared.gateway, now_ms);
        shared.introspection.tick(&shared.gateway, now_ms);
        shared.metrics.tell_cache(&shared.memory);
        shared.metrics.tell_held(shared.memory.held_bytes());
        shared.metrics.tell_ledger(&shared.gateway, now_ms);
        shared.gateway.collect(&SharedData, &shared.memory, now_ms);
        shared.limits.tick(&shared.gateway, &shared.memory, now_ms);
        shared.memory.allotments().settle(shared.gateway.ledger(), &SharedData, now_ms);
        // Last, because whatever is sent after a stream was ended or walked on would end with that stream.
        shared.judge_open(now_ms);
        shared.wake(now_ms);
        self.pace(shared);
    }

    fn on_queue_ready(&mut self, queue: u32) {
        let _ = hostcalls::dequeue_shared_queue(queue);
        if let Some(Half::Chain(shared)) = &self.half {
            shared.limits.send(shared);
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match &self.half {
            Some(Half::Chain(shared)) => Box::new(Stream::new(id, Some(Rc::clone(shared)))),
            Some(Half::Cluster(upstreams)) => Box::new(Attempt::new(Rc::clone(upstreams))),
            // Envoy makes no streams for a configuration that was refused; if it did, they would be refused.
            None => Box::new(Stream::new(id, None)),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
