//! One configuration in one worker of the host, and everything that hangs on it. Nothing outlives it: no statics.

mod events;
mod streams;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::fetching::{Documents, Introspection, KeySets, Pace, Tokens, UserTokens};
use super::host::{
    BUSY_TICK, Entropy, House, IDLE_TICK, POLLING_TICK, SENDING_TICK, Ticker, WAITING_TICK, random_key,
};
use super::metrics::{CacheMetrics, CallMetrics, LedgerGauge, families};
use super::phase::Phase;
use super::pools::Pools;
use super::rate_limits::RateLimits;
use super::state::State;
use crate::config::Config;
use crate::gateway::{Gateway, Memory};
use crate::request::Moment;
use crate::secret::Environment;

pub use events::HouseEvent;
use streams::{OpenStreams, Waiting};

/// One configuration in one worker.
pub struct Worker {
    pub(super) house: Rc<dyn House>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) memory: Memory,
    pub(super) fetching: Fetching,
    pub(super) pools: Pools,
    pub(super) rate_limits: RateLimits,
    pub(super) streams: Streams,
    pub(super) metrics: Metrics,
    pub(super) tenure: Cell<Tenure>,
    entropy: Entropy,
    pub(super) ticker: Ticker,
}

/// What is asked for between exchanges.
pub(super) struct Fetching {
    pub(super) keys: KeySets,
    pub(super) documents: Documents,
    pub(super) introspection: Introspection,
    pub(super) tokens: Tokens,
    pub(super) user_tokens: UserTokens,
}

/// The exchanges that events of the house act on.
#[derive(Default)]
pub(super) struct Streams {
    pub(super) waiting: Waiting,
    pub(super) open: OpenStreams,
}

#[derive(Default)]
pub(super) struct Metrics {
    pub(super) calls: CallMetrics,
    pub(super) cache: CacheMetrics,
    pub(super) ledger: OnceCell<LedgerGauge>,
}

/// Whether this configuration decides about new exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tenure {
    InCharge,
    /// Another one has taken over; what this one began is not finished.
    Finishing,
    Over,
}

impl Worker {
    /// Compiles a configuration, and gets ready what all workers share of it.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn compile(
        config: &Config,
        environment: Environment<'_>,
        house: &dyn House,
    ) -> Result<Arc<Gateway>, String> {
        let mut gateway = Gateway::compile(config, environment).map_err(|error| error.to_string())?;
        gateway.prepare(house, || random_key(house), house.now_ms())?;
        house.define(&families(&gateway));
        Ok(Arc::new(gateway))
    }

    /// One worker under a configuration.
    pub fn open(gateway: Arc<Gateway>, house: Rc<dyn House>) -> Rc<Self> {
        let fetching = Fetching {
            keys: KeySets::new(&gateway, &*house),
            documents: Documents::new(&gateway, &*house),
            introspection: Introspection::default(),
            tokens: Tokens::new(&gateway, &*house),
            user_tokens: UserTokens::default(),
        };
        let pools = Pools::open(&*house, gateway.credentials());
        let entropy = Entropy::default();
        let worker = Self {
            memory: gateway.memory(&entropy.draw(&*house)),
            house,
            gateway,
            fetching,
            pools,
            rate_limits: RateLimits::default(),
            streams: Streams::default(),
            metrics: Metrics::default(),
            tenure: Cell::new(Tenure::InCharge),
            entropy,
            ticker: Ticker::default(),
        };
        // The first tick fetches what is missing at once.
        worker.ticker.set(&*worker.house, BUSY_TICK);
        Rc::new(worker)
    }

    /// True once the configuration has ended and nothing that was begun is awaited.
    pub fn is_over(&self) -> bool {
        self.tenure.get() == Tenure::Over
    }

    pub(super) fn context(&self) -> Context<'_> {
        Context { gateway: &self.gateway, house: &*self.house, memory: &self.memory }
    }

    pub(super) fn moment(&self) -> Moment {
        self.entropy.moment(&*self.house)
    }

    /// Holds an exchange until its body, what it waits for, or its deadline comes.
    pub(super) fn hold(&self, id: u32, state: &Rc<RefCell<State>>) {
        self.streams.waiting.add(id, state);
        match state.borrow().phase {
            Phase::AwaitingKeys { issuer, .. } => {
                self.fetching.keys.want(issuer);
                self.ticker.quicken(&*self.house, BUSY_TICK);
            }
            Phase::AwaitingToken { credential, .. } => {
                self.fetching.tokens.want(credential);
                self.ticker.quicken(&*self.house, BUSY_TICK);
            }
            Phase::AwaitingUserToken { .. } if self.fetching.user_tokens.is_due() => {
                self.ticker.quicken(&*self.house, SENDING_TICK);
            }
            Phase::AwaitingIntrospection { .. } if self.fetching.introspection.is_due() => {
                self.ticker.quicken(&*self.house, SENDING_TICK);
            }
            _ => {}
        }
    }

    /// The exchange waits no longer.
    pub(super) fn release(&self, id: u32) {
        self.streams.waiting.remove(id);
    }

    pub(super) fn is_fetching(&self) -> bool {
        let Fetching { keys, documents, introspection, tokens, user_tokens } = &self.fetching;
        let is_fetching = keys.is_fetching() || documents.is_polling() || tokens.is_fetching();
        is_fetching || introspection.is_asking() || user_tokens.is_asking()
    }

    /// True where more is to be done than one event may do.
    pub(super) fn is_behind(&self) -> bool {
        self.streams.waiting.is_behind() || self.streams.open.is_behind()
    }

    /// True where something that an exchange asks could be sent now.
    fn has_questions(&self) -> bool {
        self.fetching.introspection.is_due() || self.fetching.user_tokens.is_due()
    }

    /// How soon the next tick comes.
    pub(super) fn tick_period(&self) -> Duration {
        let reports = self.gateway.rate_limit_service();
        let reports = reports.map(|service| Duration::from_millis(service.charge_every_ms()));
        reports.map_or(self.own_tick_period(), |period| period.min(self.own_tick_period()))
    }

    fn own_tick_period(&self) -> Duration {
        match self.fetching.documents.pace() {
            _ if self.has_questions() || self.is_behind() => SENDING_TICK,
            _ if self.streams.waiting.wait_for_others() => BUSY_TICK,
            Pace::Waiting => WAITING_TICK,
            Pace::Polling => POLLING_TICK,
            Pace::Idle => IDLE_TICK,
        }
    }
}
