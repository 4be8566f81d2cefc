//! The service: where it is, and the head of each request to it.

use prost::Message;

use super::message::RateLimitRequest;
use crate::config::{ConfigError, RateLimitService, Span};

/// The rate limit service of one configuration.
#[derive(Clone, Debug)]
pub struct Service {
    cluster: String,
    domain: String,
    timeout_ms: u64,
    charge_every_ms: u64,
}

impl Service {
    /// The service's gRPC name and its one method.
    pub const NAME: &'static str = "envoy.service.ratelimit.v3.RateLimitService";
    pub const METHOD: &'static str = "ShouldRateLimit";

    /// # Errors
    /// The first field that is wrong.
    pub fn compile(service: &RateLimitService, hold_timeout: Span) -> Result<Self, ConfigError> {
        // A host takes the place of a service as a text of ASCII, in which a length is one byte.
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
        Ok(Self {
            cluster: cluster.clone(),
            domain: domain.clone(),
            timeout_ms: timeout.milliseconds(),
            charge_every_ms: charge_every.milliseconds(),
        })
    }

    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    pub fn timeout_ms(&self) -> u64 {
        self.timeout_ms
    }

    pub fn charge_every_ms(&self) -> u64 {
        self.charge_every_ms
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
