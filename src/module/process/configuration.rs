//! One configuration as Envoy has it, and what was asked for through it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::grpc::{self, Reply};
use super::job::{FetchedAnswer, Job, Recipient};
use super::metrics::{Families, Metric};
use crate::lifecycle::{Family, Fetch, GrpcCall, MetricKind};
use crate::module::abi::{HeaderPair, LivingConfiguration, OwnRequest};
use crate::request::milliseconds;

/// A configuration of Envoy's.
pub(in crate::module) struct EnvoyConfiguration {
    living: LivingConfiguration,
    families: OnceLock<Families>,
    calls: Mutex<HashMap<u64, Call>>,
}

/// Who asks for something, and by which number the answer is known.
pub(in crate::module) type Asker<'a> = (&'a Arc<dyn Recipient>, u32);

/// Something that was asked for, and by whom.
struct Call {
    recipient: Arc<dyn Recipient>,
    token: u32,
    /// What has come of it so far, where it is by gRPC.
    reply: Option<Reply>,
}

impl EnvoyConfiguration {
    pub(in crate::module) fn of(living: LivingConfiguration) -> Self {
        Self { living, families: OnceLock::new(), calls: Mutex::default() }
    }

    /// Envoy ends it. What was asked for through it comes no more, which whoever asked is told by these jobs.
    pub(in crate::module) fn end(&self) -> Vec<(Arc<dyn Recipient>, Job)> {
        self.living.end();
        std::mem::take(&mut *self.calls.lock()).into_values().map(Call::broken).collect()
    }

    pub(in crate::module) fn call_main_thread(&self) {
        self.living.call_main_thread();
    }

    /// Defines families, while the configuration is made.
    pub(in crate::module) fn define(&self, families: &[Family]) {
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

    pub(in crate::module) fn families(&self) -> &Families {
        static NONE: OnceLock<Families> = OnceLock::new();
        self.families.get().unwrap_or_else(|| NONE.get_or_init(Families::default))
    }

    /// Tells Envoy of metrics between streams. Gives back those of families that it does not have; all, where Envoy counts in
    /// streams alone.
    pub(in crate::module) fn tell(&self, mut metrics: Vec<Arc<Metric>>) -> Vec<Arc<Metric>> {
        self.living.with(|configuration| {
            if configuration.counts() {
                metrics.retain(|metric| !metric.tell(self.families(), configuration));
            }
        });
        metrics
    }

    /// False where Envoy counts in streams alone.
    pub(in crate::module) fn counts(&self) -> bool {
        self.living.with(|configuration| configuration.counts()).unwrap_or_default()
    }

    /// Sends a request on the main thread; `None` where it has ended.
    pub(in crate::module) fn fetch(
        &self,
        fetch: &Fetch<'_>,
        asker: Asker<'_>,
    ) -> Option<Result<(), &'static str>> {
        let headers = pairs(fetch.headers);
        let request = OwnRequest {
            cluster: fetch.cluster,
            headers: &headers,
            body: fetch.body.unwrap_or_default(),
            timeout_ms: timeout_ms(fetch.timeout),
        };
        let sent = self.living.with(|configuration| configuration.fetch(&request))?;
        Some(sent.map(|id| self.await_answer(id, asker, None)))
    }

    /// Calls a method on the main thread; `None` where it has ended.
    pub(in crate::module) fn call(
        &self,
        call: &GrpcCall<'_>,
        asker: Asker<'_>,
    ) -> Option<Result<(), &'static str>> {
        let path = format!("/{}/{}", call.service, call.method);
        let timeout_ms = timeout_ms(call.timeout);
        let grpc_timeout = format!("{timeout_ms}m");
        let headers = pairs(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", &path),
            (":authority", call.cluster),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", &grpc_timeout),
        ]);
        let message = grpc::frame(call.message);
        let request = OwnRequest { cluster: call.cluster, headers: &headers, body: &message, timeout_ms };
        let sent = self.living.with(|configuration| configuration.stream(&request))?;
        Some(sent.map(|id| self.await_answer(id, asker, Some(Reply::default()))))
    }

    /// The answer to a fetch has come; with nothing where it broke off.
    pub(in crate::module) fn fetched(
        &self,
        id: u64,
        answer: Option<FetchedAnswer>,
    ) -> Option<(Arc<dyn Recipient>, Job)> {
        let Call { recipient, token, .. } = self.calls.lock().remove(&id)?;
        Some((recipient, Job::Fetched { token, answer }))
    }

    /// A part of the answer to a call has come.
    pub(in crate::module) fn reply(&self, id: u64, take: impl FnOnce(&mut Reply)) {
        if let Some(reply) = self.calls.lock().get_mut(&id).and_then(|call| call.reply.as_mut()) {
            take(reply);
        }
    }

    /// The answer to a call is complete, or has broken off.
    pub(in crate::module) fn called(&self, id: u64, is_whole: bool) -> Option<(Arc<dyn Recipient>, Job)> {
        let call = self.calls.lock().remove(&id)?;
        match is_whole {
            true => {
                let message = call.reply.unwrap_or_default().end();
                Some((call.recipient, Job::Called { token: call.token, message }))
            }
            false => Some(call.broken()),
        }
    }

    fn await_answer(&self, id: u64, (recipient, token): Asker<'_>, reply: Option<Reply>) {
        self.calls.lock().insert(id, Call { recipient: Arc::clone(recipient), token, reply });
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

/// Envoy takes 0 for none.
fn timeout_ms(timeout: Duration) -> u64 {
    milliseconds(timeout).max(1)
}

fn pairs<'a>(headers: &[(&'a str, &'a str)]) -> Vec<HeaderPair<'a>> {
    headers.iter().map(|(name, value)| HeaderPair::of(name, value.as_bytes())).collect()
}
