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
    /// OpenAI's chat and completions tell the usage of a stream only where the request asks for it by
    /// `stream_options.include_usage`. `always` asks for it in place of callers who do not, and takes the event that comes for it
    /// out again; the bodies of these operations are then read, which needs `hold: headers_and_body`. `when_needed` does so where a quota counts model tokens or money, and bodies can be held.
    #[serde(default)]
    pub stream_usage: StreamUsage,
}

/// Whether streams are asked for their usage.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StreamUsage {
    #[default]
    WhenNeeded,
    Always,
    AsAsked,
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
