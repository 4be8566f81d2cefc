//! The section `anomalies`: when a caller is not what it used to be.

use serde::{Deserialize, Serialize};

use super::values::Span;

/// What is told of callers against their own recent past. Rules read it as `principal.anomaly`; needs `client_address`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AnomalySettings {
    /// How long requests and model tokens are added up before they are compared, from `1s` to `1d`. Periods without a request
    /// do not count.
    #[serde(default = "a_minute")]
    pub period: Span,
    /// After how many periods there is a baseline, 1 or more. Until then nothing is an anomaly.
    #[serde(default = "ten")]
    pub warm_up: u16,
    /// How many periods a baseline is of: the latest one weighs one part in so many. At least `warm_up`.
    #[serde(default = "sixty")]
    pub memory: u16,
    /// How long a caller who sends nothing is remembered.
    #[serde(default = "a_week")]
    pub forget_after: Span,
    /// From how many times its baseline on a caller's requests are an anomaly.
    #[serde(default = "five_times")]
    pub request_rate: f64,
    /// The same of model tokens.
    #[serde(default = "five_times")]
    pub token_rate: f64,
    /// From which share of refusals on, of a caller's latest requests.
    #[serde(default = "half")]
    pub denial_share: f64,
    /// A baseline is never below so many requests in a period, so that small numbers are no anomalies.
    #[serde(default = "ten_requests")]
    pub least_requests: u32,
    /// The same of model tokens.
    #[serde(default = "ten_thousand")]
    pub least_tokens: u32,
}

fn a_minute() -> Span {
    Span::from_seconds(60)
}

fn a_week() -> Span {
    Span::from_seconds(7 * 24 * 60 * 60)
}

fn ten() -> u16 {
    10
}

fn sixty() -> u16 {
    60
}

fn five_times() -> f64 {
    5.0
}

fn half() -> f64 {
    0.5
}

fn ten_requests() -> u32 {
    10
}

fn ten_thousand() -> u32 {
    10_000
}
