//! The dialects that providers speak, and in whose words each is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The interface of one provider, as a caller's SDK speaks it: its paths, its credentials, and its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    Openai,
    Azure,
    Anthropic,
    Gemini,
    Bedrock,
    Vertex,
}

/// In whose words bodies, answers and refusals are. Some providers speak another's at some of their paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Openai,
    /// OpenAI's, but for how rates are told.
    Azure,
    Anthropic,
    Gemini,
    Bedrock,
}

/// Who runs the machines behind a dialect, and gives out the identities that these services take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    Azure,
    Google,
    Aws,
}

impl Dialect {
    pub const ALL: [Self; 6] =
        [Self::Openai, Self::Azure, Self::Anthropic, Self::Gemini, Self::Bedrock, Self::Vertex];

    /// The name in the configuration, in CEL as `llm.dialect` and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Azure => "azure",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Vertex => "vertex",
            Self::Bedrock => "bedrock",
        }
    }

    /// OpenTelemetry's well-known value for `gen_ai.provider.name`.
    pub fn provider(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Azure => "azure.ai.openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gcp.gemini",
            Self::Vertex => "gcp.vertex_ai",
            Self::Bedrock => "aws.bedrock",
        }
    }

    /// Its words where a path has no other.
    pub fn wire(self) -> Wire {
        match self {
            Self::Openai => Wire::Openai,
            Self::Azure => Wire::Azure,
            Self::Anthropic => Wire::Anthropic,
            Self::Gemini | Self::Vertex => Wire::Gemini,
            Self::Bedrock => Wire::Bedrock,
        }
    }

    /// `None` where a provider runs its own service, or anybody may.
    pub fn cloud(self) -> Option<Cloud> {
        match self {
            Self::Openai | Self::Anthropic => None,
            Self::Azure => Some(Cloud::Azure),
            Self::Gemini | Self::Vertex => Some(Cloud::Google),
            Self::Bedrock => Some(Cloud::Aws),
        }
    }

    /// True behind Google's front ends, which have paths, parameters and headers of one kind.
    pub fn is_googles(self) -> bool {
        self.cloud() == Some(Cloud::Google)
    }
}

impl Wire {
    pub const ALL: [Self; 5] = [Self::Openai, Self::Azure, Self::Anthropic, Self::Gemini, Self::Bedrock];

    /// True where bodies and answers have OpenAI's keys.
    pub fn is_openais(self) -> bool {
        matches!(self, Self::Openai | Self::Azure)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
