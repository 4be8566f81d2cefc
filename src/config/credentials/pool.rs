//! Several keys for one provider.

use serde::{Deserialize, Serialize};

use crate::config::values::Span;

/// Several keys, one of which goes on with each request, as a key from `env` would. A key that the provider answers 429 rests for
/// the model that was asked for; one that it refuses is left out of that operation. No request is sent twice for it: Envoy's own
/// `retry_policy` does that, and takes another key where the credential goes on `at_cluster`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Two or more.
    pub members: Vec<PoolMember>,
    /// Which of the keys that serve goes on: each caller has its own (`hash`), by chance, or in turn.
    #[serde(default)]
    pub choose: MemberChoice,
    /// How long a key rests after a 429 that does not say it by `Retry-After`, from `1s` to `1h`.
    #[serde(default = "thirty_seconds")]
    pub rest: Span,
    /// How long a key is left out once the provider has refused it, from `1s` to `1h`.
    #[serde(default = "five_minutes")]
    pub out: Span,
    /// The statuses that leave a key out beside 401: 402, 403 or both. A 403 is mostly about what a caller asks for; two callers who
    /// provoke one have the key left out for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_on: Vec<u32>,
    /// True where all keys are of one account at the provider: what is stored by one is there for the others, and the tenant whom
    /// the account belongs to may store. Keys of one account share its rates, so they help rotation and not throughput.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_account: bool,
}

/// One of several keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PoolMember {
    /// The environment variable that holds it. By this name it stands in records and metrics.
    pub env: String,
    /// Its part beside the others, from 1 to 100: of the callers under `hash`, else of the requests.
    #[serde(default = "one")]
    pub weight: u32,
}

/// Which of the keys that serve goes on.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberChoice {
    /// A caller, by tenant and subject, keeps its key, and with it what the provider caches of its prompts.
    #[default]
    Hash,
    /// By chance.
    Weighted,
    /// Each in turn, in each worker.
    RoundRobin,
}

fn thirty_seconds() -> Span {
    Span::from_seconds(30)
}

fn five_minutes() -> Span {
    Span::from_seconds(300)
}

fn one() -> u32 {
    1
}
