//! One configuration as Envoy has it, and what was asked for through it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hashbrown::HashMap;

use super::abi::{HeaderPair, LivingConfiguration};
use super::grpc::{self, Reply};
use super::job::{FetchedAnswer, Job, Recipient};
use super::metrics::{Families, Metric};
use crate::lifecycle::{Family, Fetch, GrpcCall, MetricKind};

/// A configuration of Envoy's.
pub(super) struct EnvoyConfiguration {
    living: LivingConfiguration,
    families: OnceLock<Families>,
    calls: Mutex<HashMap<u64, Call>>,
}

/// Something that was asked for, and by whom.
struct Call {
    recipient: Arc<dyn Recipient>,
    token: u32,
    /// What has come of it so far, where it is by gRPC.
    reply: Option<Reply>,
}

impl EnvoyConfiguration {
    pub(super) fn of(living: LivingConfiguration) -> Self {
        Self { living, families: OnceLock::new(), calls: Mutex::default() }
    }

    /// Envoy ends it. What was asked for through it comes no more, which whoever asked is told by these jobs.
    pub(super) fn end(&self) -> Vec<(Arc<dyn Recipient>, Job)> {
        self.living.end();
        std::mem::take(&mut *self.calls()).into_values().map(Call::broken).collect()
    }

    pub(super) fn call_main_thread(&self) {
        self.living.call_main_thread();
    }

    /// Defines families, while the configuration is made.
    pub(super) fn define(&self, families: &[Family]) {
        let defined = self.living.with(|configuration| {
            let define = |family: &Family| {
                let defined = match family.kind {
                    MetricKind::Counter => configuration.define_counter(&family.name, family.labels),
                    MetricKind::Gauge => configuration.define_gauge(&family.name, family.labels),
                };
                Some((family.name.to_string(), defined?))
            };
            families.iter().filter_map(define).collect()
        });
        let _ = self.families.set(defined.unwrap_or_default());
    }

    pub(super) fn families(&self) -> &Families {
        static NONE: OnceLock<Families> = OnceLock::new();
        self.families.get().unwrap_or_else(|| NONE.get_or_init(Families::default))
    }

    /// Tells Envoy of metrics between streams. Gives back those of families that it does not have; all, where Envoy counts in
    /// streams alone.
    pub(super) fn tell(&self, mut metrics: Vec<Arc<Metric>>) -> Vec<Arc<Metric>> {
        self.living.with(|configuration| {
            if configuration.counts() {
                metrics.retain(|metric| !metric.tell(self.families(), configuration));
            }
        });
        metrics
    }

    /// False where Envoy counts in streams alone.
    pub(super) fn counts(&self) -> bool {
        self.living.with(|configuration| configuration.counts()).unwrap_or_default()
    }

    /// Sends a request on the main thread; `None` where it has ended.
    pub(super) fn fetch(
        &self,
        fetch: &Fetch<'_>,
        (recipient, token): (&Arc<dyn Recipient>, u32),
    ) -> Option<Result<(), &'static str>> {
        // Envoy takes `host` for the authority.
        let headers: Vec<_> =
            fetch.headers.iter().map(|(name, value)| HeaderPair::of(name, value.as_bytes())).collect();
        let body = fetch.body.unwrap_or_default();
        let sent = self.living.with(|configuration| {
            configuration.fetch(fetch.cluster, &headers, body, milliseconds(fetch.timeout))
        })?;
        Some(
            sent.map(|id| self.await_call(id, Call { recipient: Arc::clone(recipient), token, reply: None })),
        )
    }

    /// Calls a method on the main thread; `None` where it has ended.
    pub(super) fn call(
        &self,
        call: &GrpcCall<'_>,
        (recipient, token): (&Arc<dyn Recipient>, u32),
    ) -> Option<Result<(), &'static str>> {
        let path = format!("/{}/{}", call.service, call.method);
        let timeout_ms = milliseconds(call.timeout);
        let grpc_timeout = format!("{timeout_ms}m");
        let headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", &path),
            (":authority", call.cluster),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", &grpc_timeout),
        ]
        .map(|(name, value)| HeaderPair::of(name, value.as_bytes()));
        let message = grpc::frame(call.message);
        let sent = self
            .living
            .with(|configuration| configuration.stream(call.cluster, &headers, &message, timeout_ms))?;
        let reply = Some(Reply::default());
        Some(sent.map(|id| self.await_call(id, Call { recipient: Arc::clone(recipient), token, reply })))
    }

    /// The answer to a fetch has come; with nothing where it broke off.
    pub(super) fn fetched(
        &self,
        id: u64,
        answer: Option<FetchedAnswer>,
    ) -> Option<(Arc<dyn Recipient>, Job)> {
        let Call { recipient, token, .. } = self.calls().remove(&id)?;
        Some((recipient, Job::Fetched { token, answer }))
    }

    /// A part of the answer to a call has come.
    pub(super) fn reply(&self, id: u64, take: impl FnOnce(&mut Reply)) {
        if let Some(reply) = self.calls().get_mut(&id).and_then(|call| call.reply.as_mut()) {
            take(reply);
        }
    }

    /// The answer to a call is complete, or has broken off.
    pub(super) fn called(&self, id: u64, is_whole: bool) -> Option<(Arc<dyn Recipient>, Job)> {
        let call = self.calls().remove(&id)?;
        match is_whole {
            true => {
                let message = call.reply.unwrap_or_default().end();
                Some((call.recipient, Job::Called { token: call.token, message }))
            }
            false => Some(call.broken()),
        }
    }

    fn await_call(&self, id: u64, call: Call) {
        self.calls().insert(id, call);
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<u64, Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    fn broken(self) -> (Arc<dyn Recipient>, Job) {
        let job = match self.reply {
            Some(_) => Job::Called { token: self.token, message: Err(Reply::broken()) },
            None => Job::Fetched { token: self.token, answer: None },
        };
        (self.recipient, job)
    }
}

fn milliseconds(timeout: std::time::Duration) -> u64 {
    u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1)
}
