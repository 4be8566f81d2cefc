//! The section `metering`: what is read of the providers' answers.

use serde::{Deserialize, Serialize};

/// What is read of the providers' answers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Metering {
    /// Whether the record tells what an answer cost. Providers are then asked not to compress the answers of what costs
    /// something.
    #[serde(default)]
    pub usage: MeteredUsage,
}

/// Whether usage is read.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MeteredUsage {
    #[default]
    Record,
    Ignore,
}
