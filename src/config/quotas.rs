//! The section `quotas`: how much there is, and who shares it.

mod overrides;
mod window;

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::rules::Mode;
use super::values::Span;

pub use overrides::{DescriptorValue, Override};
pub use window::{Period, TimeZone, WindowLength};

/// One quota: a limit per window, shared by whoever has the same descriptor.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
// It has more than a dozen fields: one for each field that an operator writes.
pub struct Quota {
    /// Names the quota in answers and records; unique.
    pub id: String,
    #[serde(default)]
    pub unit: Unit,
    /// Who counts: this Envoy, or the rate limit service for all of them.
    #[serde(default, skip_serializing_if = "QuotaEngine::is_local")]
    pub engine: QuotaEngine,
    /// What becomes of requests while the rate limit service does not answer; `deny` where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// How long an answer of the rate limit service serves further requests without a question, at most `60s` and no longer
    /// than the window; left out, each request asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh_for: Option<Span>,
    /// A number, or CEL over the principal that gives one.
    pub limit: Limit,
    /// The length of the window, from `1s` to `31d`, or `day`, `week` (from Monday) or `month` of the calendar; none for
    /// `concurrency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowLength>,
    /// How a window of a length moves. Default: `sliding`. One of the calendar starts anew with its day, week or month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_kind: Option<WindowKind>,
    /// Whose calendar a window of `day`, `week` or `month` follows, by its IANA name. Default: `UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// CEL expressions whose values make the descriptor; who shares them shares the counter.
    pub per: Vec<String>,
    /// CEL; where it is `false` the quota does not apply. An error in it denies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The most that one request holds until its cost is known, where `unit` is of model tokens or money: a quarter of its
    /// bytes for the input, and for the output `max_tokens` where the body is read, else all of this. Default: 4096 model
    /// tokens, or 20000 microdollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<u64>,
    /// Other limits for some descriptors, each until a point in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// What a caller without room is told: `rate_limit`, after which a client waits and tries again, or `budget`, after which
    /// its SDK does not retry. Default: `budget` where the unit is `microdollars`, or the window is of the calendar or a day
    /// or longer; else `rate_limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_as: Option<RefusedAs>,
    #[serde(default)]
    pub mode: Mode,
    /// Must be written as `process` for windows longer than an hour that this Envoy counts: the counters live and die with
    /// one Envoy process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durability: Option<Durability>,
}

impl Quota {
    /// True where the window is so long that many a process ends within it.
    pub fn outlives_processes(&self) -> bool {
        const AN_HOUR: Span = Span::from_seconds(3600);
        self.window.is_some_and(|window| match window {
            WindowLength::Span(length) => length > AN_HOUR,
            WindowLength::Calendar(_) => true,
        })
    }
}

/// Who counts what is spent of a quota.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuotaEngine {
    /// Each Envoy for itself.
    #[default]
    Local,
    /// The rate limit service, for all Envoys together.
    Global,
}

impl QuotaEngine {
    fn is_local(&self) -> bool {
        *self == Self::Local
    }
}

/// What becomes of requests that the rate limit service says nothing about.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// They are refused 503 `quota_unavailable`.
    Deny,
    /// They are counted in this Envoy alone, under the same limit, and reported when the service is back.
    Local,
}

/// What a quota counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    #[default]
    Requests,
    /// Model tokens, of input and output together, as the provider counts them.
    Tokens,
    InputTokens,
    OutputTokens,
    /// Model tokens without what came from a cache.
    UncachedTokens,
    /// Input without what came from a cache, as Anthropic's own limits count.
    UncachedInputTokens,
    /// Millionths of a dollar, by `prices`.
    Microdollars,
    /// Requests in flight.
    Concurrency,
}

impl Unit {
    /// The value in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::UncachedTokens => "uncached_tokens",
            Self::UncachedInputTokens => "uncached_input_tokens",
            Self::Microdollars => "microdollars",
            Self::Concurrency => "concurrency",
        }
    }

    /// True where something is spent: requests in flight are only held.
    pub fn is_charged(self) -> bool {
        self != Self::Concurrency
    }

    /// True where what a request costs is known only from the provider's answer.
    pub fn is_metered(self) -> bool {
        !matches!(self, Self::Requests | Self::Concurrency)
    }
}

/// How a window moves.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// No interval of the window's length ever holds more than the limit.
    #[default]
    Sliding,
    /// Starts anew at each multiple of the window since the Unix epoch.
    Fixed,
}

/// What a caller is told whom a quota refuses.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusedAs {
    RateLimit,
    Budget,
}

/// How long a quota's counters live.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    Process,
}

/// A quota's limit: a number, or the CEL expression that gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    Number(u64),
    Expression(String),
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrExpression;

        impl Visitor<'_> for NumberOrExpression {
            type Value = Limit;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a whole number or a CEL expression")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Limit, E> {
                Ok(Limit::Number(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Limit, E> {
                u64::try_from(number)
                    .map(Limit::Number)
                    .map_err(|_| E::custom(format_args!("`{number}` is negative; a limit is 0 or more")))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Limit, E> {
                Ok(Limit::Expression(text.to_owned()))
            }
        }

        deserializer.deserialize_any(NumberOrExpression)
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Expression(text) => serializer.serialize_str(text),
        }
    }
}
