//! The root context: one configuration in one worker of Envoy.

use std::rc::Rc;
use std::sync::Arc;

use log::{error, info};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};

use super::attributes;
use super::configuration::PluginConfiguration;
use super::stream::{Attempt, Stream, Unconfigured};
use super::worker::Envoy;
use crate::config::Config;
use crate::lifecycle::{self, AT_CLUSTER, AtCluster, ClusterHalf, Delivery, HouseEvent, Worker};
use crate::secret::Secret;

const GRPC_OK: u32 = 0;

/// Envoy's handle on one configuration in one worker.
pub(super) struct Root {
    id: u32,
    half: Option<Half>,
    /// Envoy waits to be told that it is done.
    is_awaited: bool,
}

/// Which half of the filter this root's streams are.
enum Half {
    Chain(Rc<Worker>),
    Cluster(Rc<Envoy>, Rc<AtCluster>),
}

impl Root {
    pub(super) fn new(id: u32) -> Self {
        Self { id, half: None, is_awaited: false }
    }

    fn configure(&self, size: usize) -> Result<Half, String> {
        if size == 0 {
            return Err(
                "the plugin has no configuration; give it the output of `claimgate bundle`".to_owned()
            );
        }
        let config = Config::from_reader(PluginConfiguration::open()).map_err(|error| error.to_string())?;
        let environment = |name: &str| std::env::var(name).ok().map(Secret::new);
        let envoy = Rc::new(Envoy::of(self.id));
        if attributes::root_id() == AT_CLUSTER.as_bytes() {
            let half = ClusterHalf::compile(&config, &environment).map_err(|error| error.to_string())?;
            let at_cluster = AtCluster::open(Arc::new(half), &*envoy);
            return Ok(Half::Cluster(envoy, Rc::new(at_cluster)));
        }
        let gateway = Worker::compile(&config, &environment, &*envoy)?;
        Ok(Half::Chain(Worker::open(gateway, envoy)))
    }

    fn on(&mut self, event: HouseEvent) {
        let Some(Half::Chain(worker)) = &self.half else { return };
        worker.on(event);
        if self.is_awaited && worker.is_over() {
            self.is_awaited = false;
            let _ = hostcalls::set_effective_context(self.id);
            self.done();
        }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _trailers: usize) {
        self.on(HouseEvent::Fetched { token, delivery: Delivery { headers, body_size } });
    }

    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        let message = match status {
            GRPC_OK => {
                let message = hostcalls::get_buffer(BufferType::GrpcReceiveBuffer, 0, size).ok().flatten();
                Ok(message.unwrap_or_default())
            }
            status => Err(format!("gRPC status {status}")),
        };
        self.on(HouseEvent::Called { token, message });
    }

    fn on_done(&mut self) -> bool {
        let Some(Half::Chain(worker)) = &self.half else { return true };
        worker.on(HouseEvent::Closing);
        self.is_awaited = !worker.is_over();
        !self.is_awaited
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match self.configure(size) {
            Ok(half) => {
                self.half = Some(half);
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
        self.on(HouseEvent::Tick);
    }

    fn on_queue_ready(&mut self, queue: u32) {
        let _ = hostcalls::dequeue_shared_queue(queue);
        self.on(HouseEvent::Woken);
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match &self.half {
            Some(Half::Chain(worker)) => Box::new(Stream::new(lifecycle::Stream::new(id, worker))),
            Some(Half::Cluster(envoy, at_cluster)) => {
                Box::new(Attempt::new(Rc::clone(envoy), Rc::clone(at_cluster)))
            }
            None => Box::new(Unconfigured),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
