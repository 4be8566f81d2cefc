//! The section `rate_limit_service`: where quotas that all Envoys share are counted.

use serde::{Deserialize, Serialize};

use super::values::Span;

/// A service of Envoy's rate limit protocol (`envoy.service.ratelimit.v3.RateLimitService`), such as envoyproxy/ratelimit
/// with Redis.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RateLimitService {
    /// The Envoy cluster that leads to it, by HTTP/2; of at most 100 letters.
    pub cluster: String,
    /// The domain under which the service knows these quotas.
    #[serde(default = "default_domain")]
    pub domain: String,
    /// How long one question may take, from `1ms` to `10s` and less than `hold_timeout`.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// How often what requests have cost is reported, added up per descriptor, from `10ms` to `60s`. So much later other
    /// Envoys learn of it.
    #[serde(default = "default_charge_every")]
    pub charge_every: Span,
}

fn default_domain() -> String {
    "claimgate".to_owned()
}

fn default_timeout() -> Span {
    Span::from_milliseconds(100)
}

fn default_charge_every() -> Span {
    Span::from_milliseconds(250)
}
