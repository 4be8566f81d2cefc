//! The service: where it is, what it is asked, and what it answers.

use prost::Message;

use super::Global;
use super::descriptor::{Descriptor, PER_KEY, QUOTA_KEY, WINDOW_KEY};
use super::message::{
    DescriptorStatus, Entry, EnvoyGrpc, GrpcService, OK, OVER_LIMIT, RateLimit, RateLimitDescriptor,
    RateLimitRequest, RateLimitResponse, UInt64Value,
};
use crate::config::{ConfigError, RateLimitService, Span};
use crate::ledger::RemoteStatus;

/// The rate limit service of one configuration.
#[derive(Clone, Debug)]
pub struct Service {
    cluster: String,
    /// As Envoy takes it: a `GrpcService`.
    place: String,
    domain: String,
    timeout_ms: u64,
    charge_every_ms: u64,
}

/// What the service says of one descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Within(RemoteStatus),
    Over(RemoteStatus),
    /// It has no limit.
    Unlimited,
    /// The service does not know it, or not as the configuration has it; why.
    Unconfigured(String),
}

impl Service {
    /// The service's gRPC name and its one method.
    pub const NAME: &'static str = "envoy.service.ratelimit.v3.RateLimitService";
    pub const METHOD: &'static str = "ShouldRateLimit";

    /// # Errors
    /// The first field that is wrong.
    pub fn compile(service: &RateLimitService, hold_timeout: Span) -> Result<Self, ConfigError> {
        // A `GrpcService` with so short a name is ASCII, and its bytes are a text, as the host's interface has it.
        const LONGEST_CLUSTER: usize = 100;
        let refused =
            |field: &str, why: String| Err(ConfigError::new(format!("rate_limit_service.{field}"), why));
        let RateLimitService { cluster, domain, timeout, charge_every } = service;
        if cluster.is_empty() || cluster.len() > LONGEST_CLUSTER || !cluster.is_ascii() {
            let why = format!("`{cluster}` must have 1 to {LONGEST_CLUSTER} letters of ASCII");
            return refused("cluster", why);
        }
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
        if domain.is_empty() || !domain.chars().all(is_plain) {
            return refused("domain", format!("`{domain}` must have letters, digits, `.` and `-` alone"));
        }
        let longest = Span::from_seconds(10);
        if *timeout > longest || *timeout >= hold_timeout {
            let why = format!("`{timeout}` must be at most {longest}, and less than `hold_timeout`");
            return refused("timeout", why);
        }
        let (shortest, longest) = (Span::from_milliseconds(10), Span::from_seconds(60));
        if !(shortest..=longest).contains(charge_every) {
            let why = format!("`{charge_every}` is not between {shortest} and {longest}");
            return refused("charge_every", why);
        }
        let place = GrpcService { envoy_grpc: Some(EnvoyGrpc { cluster_name: cluster.clone() }) };
        Ok(Self {
            cluster: cluster.clone(),
            place: String::from_utf8_lossy(&place.encode_to_vec()).into_owned(),
            domain: domain.clone(),
            timeout_ms: timeout.milliseconds(),
            charge_every_ms: charge_every.milliseconds(),
        })
    }

    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Where it is, as Envoy takes it.
    pub fn place(&self) -> &str {
        &self.place
    }

    pub fn timeout_ms(&self) -> u64 {
        self.timeout_ms
    }

    pub fn charge_every_ms(&self) -> u64 {
        self.charge_every_ms
    }

    /// These descriptors, each with what it adds, as a part of a request.
    pub(crate) fn descriptors<'a>(asked: impl Iterator<Item = (&'a Global, &'a Descriptor, u64)>) -> Vec<u8> {
        let descriptors = asked.map(|(global, descriptor, hits)| written(global, descriptor, hits)).collect();
        RateLimitRequest { domain: String::new(), descriptors }.encode_to_vec()
    }

    /// A request of these parts: in the encoding of protobuf, messages behind one another are one.
    pub(crate) fn request<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let head = RateLimitRequest { domain: self.domain.clone(), descriptors: Vec::new() };
        parts.fold(head.encode_to_vec(), |mut message, part| {
            message.extend_from_slice(part);
            message
        })
    }
}

fn written(global: &Global, descriptor: &Descriptor, hits: u64) -> RateLimitDescriptor {
    let entry = |key: &str, value: &str| Entry { key: key.to_owned(), value: value.to_owned() };
    let mut entries = vec![entry(QUOTA_KEY, &descriptor.id), entry(PER_KEY, &descriptor.per)];
    entries.extend(descriptor.window.iter().map(|window| entry(WINDOW_KEY, window)));
    let unit = global.window.unit().number;
    let limit = descriptor.limit.map(|requests_per_unit| RateLimit { requests_per_unit, unit });
    RateLimitDescriptor { entries, limit, hits_addend: Some(UInt64Value { value: hits }) }
}

/// What an answer says of each of `count` descriptors.
///
/// # Errors
/// One line for the operator, where it is none.
pub(crate) fn read(answer: &[u8], count: usize) -> Result<Vec<DescriptorStatus>, String> {
    let answer = RateLimitResponse::decode(answer).map_err(|_| "the answer is no message".to_owned())?;
    let statuses = answer.statuses;
    match statuses.iter().all(|status| matches!(status.code, OK | OVER_LIMIT)) {
        true if statuses.len() == count => Ok(statuses),
        true => Err(format!("the answer tells of {} counters, and {count} were asked for", statuses.len())),
        false => Err("the answer says neither yes nor no".to_owned()),
    }
}

/// What a status means for a quota.
pub(crate) fn interpret(status: &DescriptorStatus, global: &Global, asked_ms: u64) -> Word {
    let Some(limit) = status.current_limit else {
        return match status.limit_remaining {
            u32::MAX => Word::Unlimited,
            _ => Word::Unconfigured("the service has no limit for this quota".to_owned()),
        };
    };
    let unit = global.window.unit();
    if limit.unit != unit.number {
        let why = format!("the service does not count this quota by the {}", unit.name);
        return Word::Unconfigured(why);
    }
    let amount = |hits: u32| u64::from(hits).saturating_mul(global.per_hit);
    let seconds = status.duration_until_reset.and_then(|duration| u64::try_from(duration.seconds).ok());
    let told = RemoteStatus {
        window: match seconds {
            Some(seconds) => global.window.unit_told(asked_ms, seconds),
            None => global.window.unit_number(asked_ms),
        },
        limit: amount(limit.requests_per_unit),
        left: amount(status.limit_remaining),
        asked_ms,
    };
    match status.code {
        OVER_LIMIT => Word::Over(RemoteStatus { left: 0, ..told }),
        _ => Word::Within(told),
    }
}
