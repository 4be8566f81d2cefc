//! The entries of `upstreams.operations`: what the dialect does not know, and the operator does.

use serde::{Deserialize, Serialize};

/// An operation the dialect does not know, allowed by the operator. One that it knows stays what it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExtraOperation {
    pub method: String,
    /// Segments separated by `/`; `*` matches one segment, and so does `{model}`, which is the model.
    pub path: String,
    /// The name in `llm.operation` and in the record.
    pub operation: String,
    /// True where the operation reads or leaves something under the provider's account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stateful: bool,
    /// Where the name of the model stands: `body` (its key or field `model`), `path` (the segment `{model}`), `query` (the
    /// parameter `model`), or `none`. A rule that reads the model refuses what is `unseen`.
    #[serde(default)]
    pub model: ExtraModel,
    /// What the body is. `json` and `form` are read as those of known operations; `websocket` is an upgrade. Default: `json`
    /// where the model stands in the body, else `opaque`, which is passed on unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<ExtraBody>,
    /// Whether the answer is a stream; `as_asked` by the key `stream` of the body.
    #[serde(default)]
    pub stream: ExtraStream,
    /// Whether it spends model tokens or money: its answer tells how much (`by_answer`), or it does so after the answer or
    /// without a word of it (`later`, refused where a quota counts it), or it costs nothing (`free`).
    #[serde(default)]
    pub metered: ExtraMetering,
    /// Whose words the answer uses to tell its cost. Default: those of the upstream's dialect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageForm>,
}

/// Where the name of the model stands.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExtraModel {
    #[default]
    Unseen,
    Body,
    Path,
    Query,
    None,
}

/// What the body is.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExtraBody {
    Json,
    Form,
    None,
    Opaque,
    Websocket,
}

/// Whether the answer is a stream.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExtraStream {
    #[default]
    AsAsked,
    Always,
    Never,
}

/// Whether it spends model tokens or money.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExtraMetering {
    #[default]
    ByAnswer,
    Later,
    Free,
}

/// Whose words tell what an answer cost.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UsageForm {
    Openai,
    Anthropic,
    Gemini,
    Bedrock,
    Cohere,
    Ollama,
}
