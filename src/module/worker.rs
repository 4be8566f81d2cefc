//! One configuration on one thread of Envoy's.
//!
//! Its streams' hooks come on that thread, what happens between them on the main thread; its lock lets one of them in at a time.
//!
//! - `signatures`: signatures, verified natively.
//! - `locked`: what one thread at a time may touch.
//! - `house`: what a worker's lifecycle asks of this host.

mod signatures;
mod locked;
mod house;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use hashbrown::HashMap;

use super::exchange::Current;
use super::process::{EnvoyConfiguration, FetchedAnswer, Job, Recipient, process};
use crate::config::Config;
use crate::gateway::Gateway;
use crate::lifecycle::{
    self, AT_CLUSTER, AtCluster, Attempt, ClusterHalf, Delivery, Event, Exchange, House, HouseEvent, Level,
    Next,
};
use crate::secret::Secret;
use house::WorkerHouse;
use locked::Locked;

/// What a worker decides by, compiled.
#[derive(Clone)]
pub(super) enum Half {
    /// In the listener's chain.
    Chain(Arc<Gateway>),
    Cluster(Arc<ClusterHalf>),
}

/// One configuration on one thread.
pub(super) struct Worker {
    number: u64,
    inside: Locked<Inside>,
}

struct Inside {
    house: Rc<WorkerHouse>,
    working: Working,
    streams: HashMap<u32, Stream>,
    ids: u32,
}

enum Working {
    Chain(Rc<lifecycle::Worker>),
    Cluster(Rc<AtCluster>),
}

enum Stream {
    Chain(lifecycle::Stream),
    Cluster(Attempt),
}

impl Half {
    /// The half of this name.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn compile(
        name: &[u8],
        config: &Config,
        configuration: &Arc<EnvoyConfiguration>,
    ) -> Result<Self, String> {
        let environment = |name: &str| std::env::var(name).ok().map(Secret::new);
        if name == AT_CLUSTER.as_bytes() {
            let half = ClusterHalf::compile(config, &environment).map_err(|error| error.to_string())?;
            return Ok(Self::Cluster(Arc::new(half)));
        }
        // There is no worker yet.
        let house = house(Weak::<Worker>::new(), configuration);
        Ok(Self::Chain(lifecycle::Worker::compile(config, &environment, &*house)?))
    }
}

impl Worker {
    pub(super) fn open(half: &Half, configuration: &Arc<EnvoyConfiguration>) -> Arc<Self> {
        Arc::new_cyclic(|worker: &Weak<Self>| {
            let house = house(Weak::<Self>::clone(worker), configuration);
            let working = match half {
                Half::Chain(gateway) => {
                    let house = Rc::clone(&house);
                    Working::Chain(lifecycle::Worker::open(Arc::clone(gateway), house))
                }
                Half::Cluster(half) => Working::Cluster(Rc::new(AtCluster::open(Arc::clone(half), &*house))),
            };
            let number = house.number();
            let inside = Inside { house, working, streams: HashMap::new(), ids: 0 };
            #[expect(
                unsafe_code,
                reason = "all that refers to it without locks, its streams and errands included, is in it; a compiled half is `Sync`"
            )]
            let inside = unsafe { Locked::new(inside) };
            Self { number, inside }
        })
    }

    /// A stream begins. Returns the name by which it is told of.
    pub(super) fn begin(&self) -> u32 {
        self.inside.with(|inside| {
            inside.ids = inside.ids.wrapping_add(1);
            let id = inside.ids;
            let stream = match &inside.working {
                Working::Chain(worker) => Stream::Chain(lifecycle::Stream::new(id, worker)),
                Working::Cluster(at_cluster) => Stream::Cluster(Attempt::new(Rc::clone(at_cluster))),
            };
            inside.streams.insert(id, stream);
            id
        })
    }

    /// Something happens to a stream.
    ///
    /// # Errors
    /// What a panic has said. The stream ends by [`Self::panicked`].
    pub(super) fn on(&self, id: u32, exchange: &Current<'_>, event: Event) -> Result<Next, String> {
        self.guarded(|inside| {
            let next = match inside.streams.get_mut(&id) {
                Some(Stream::Chain(stream)) => stream.on(exchange, event),
                Some(Stream::Cluster(attempt)) => attempt_on(attempt, &*inside.house, exchange, event),
                None => Next::Pause,
            };
            inside.settle(id, exchange, next)
        })
    }

    /// Runs the errands that wait at a stream.
    ///
    /// # Errors
    /// What a panic has said. The stream ends by [`Self::panicked`].
    pub(super) fn visit(&self, id: u32, exchange: &Current<'_>) -> Result<Next, String> {
        self.guarded(|inside| {
            inside.house.take_errands(id).into_iter().for_each(|errand| errand(exchange));
            inside.settle(id, exchange, Next::Pause)
        })
    }

    /// An event of a stream has panicked.
    ///
    /// # Errors
    /// It has done so again.
    pub(super) fn panicked(&self, id: u32, exchange: &Current<'_>, why: &str) -> Result<Next, String> {
        self.guarded(|inside| {
            match inside.streams.get(&id) {
                Some(Stream::Chain(stream)) => stream.panicked(exchange, why),
                // The half in the chain tells the caller.
                Some(Stream::Cluster(_)) | None => {
                    inside.house.log(Level::Error, &format!("panicked on a cluster: {why}"));
                    exchange.cut_off();
                }
            }
            inside.settle(id, exchange, Next::Pause)
        })
    }

    /// The record of a stream could not be written.
    ///
    /// # Errors
    /// It has panicked again.
    pub(super) fn lost_record(&self, why: &str) -> Result<Next, String> {
        self.house_event(|_, worker| worker.panicked(why)).map(|()| Next::Continue)
    }

    /// A stream is over, and gone.
    pub(super) fn end(&self, id: u32) {
        let _ = self.guarded(|inside| {
            inside.house.forget(id);
            inside.streams.remove(&id);
        });
    }

    fn guarded<T: Send>(&self, act: impl FnOnce(&mut Inside) -> T) -> Result<T, String> {
        // What it leaves behind is not relied on: borrows end, and what the panic was about is refused.
        self.inside
            .with(|inside| catch_unwind(AssertUnwindSafe(|| act(inside))).map_err(|panic| said(&*panic)))
    }

    fn house_event(&self, act: impl FnOnce(&Inside, &Rc<lifecycle::Worker>)) -> Result<(), String> {
        self.guarded(|inside| {
            if let Working::Chain(worker) = &inside.working {
                act(inside, worker);
            }
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        process().clock.forget(self.number);
    }
}

impl Recipient for Worker {
    fn take(&self, job: Job) {
        let outcome = self.house_event(|inside, worker| match job {
            Job::Tick => {
                process().clock.has_ticked(self.number);
                worker.on(HouseEvent::Tick);
            }
            Job::Woken => worker.on(HouseEvent::Woken),
            Job::Fetched { token, answer } => {
                let delivery = delivery(answer.as_ref());
                inside.house.bring(answer, || worker.on(HouseEvent::Fetched { token, delivery }));
            }
            Job::Called { token, message } => worker.on(HouseEvent::Called { token, message }),
            Job::Closing => worker.on(HouseEvent::Closing),
        });
        if let Err(why) = outcome {
            let _ = self.house_event(|inside, worker| {
                worker.panicked(&why);
                inside.end_held();
            });
        }
    }

    fn is_over(&self) -> bool {
        let is_over = |inside: &mut Inside| match &inside.working {
            Working::Chain(worker) => worker.is_over(),
            Working::Cluster(_) => true,
        };
        self.guarded(is_over).unwrap_or(true)
    }
}

impl Inside {
    /// A stream that may be visited from now on is noted.
    fn settle(&self, id: u32, exchange: &Current<'_>, next: Next) -> Next {
        if let Some(scheduler) = exchange.take_scheduler() {
            self.house.expect(id, scheduler);
        }
        next
    }

    /// What waited may wait for what has panicked.
    fn end_held(&self) {
        for id in self.house.visited() {
            if let Some(Stream::Chain(stream)) = self.streams.get(&id) {
                let stream = stream.clone();
                self.house.visit(id, Box::new(move |exchange: &dyn Exchange| stream.end_held(exchange)));
            }
        }
    }
}

fn house(worker: Weak<dyn Recipient>, configuration: &Arc<EnvoyConfiguration>) -> Rc<WorkerHouse> {
    static WORKERS: AtomicU64 = AtomicU64::new(0);
    let number = WORKERS.fetch_add(1, Ordering::Relaxed);
    Rc::new(WorkerHouse::new(number, worker, Arc::clone(configuration)))
}

fn attempt_on(attempt: &mut Attempt, house: &dyn House, exchange: &dyn Exchange, event: Event) -> Next {
    match event {
        Event::RequestHeaders { .. } => attempt.request_headers(house, exchange),
        Event::ResponseHeaders { .. } => attempt.response_headers(house, exchange),
        Event::RequestBody { .. }
        | Event::RequestTrailers
        | Event::ResponseBody { .. }
        | Event::ResponseTrailers
        | Event::Log => Next::Continue,
    }
}

fn delivery(answer: Option<&FetchedAnswer>) -> Delivery {
    answer.map_or(Delivery { headers: 0, body_size: 0 }, |answer| Delivery {
        headers: answer.headers.len(),
        body_size: answer.body.len(),
    })
}

/// What a panic has said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "something".to_owned())
}
