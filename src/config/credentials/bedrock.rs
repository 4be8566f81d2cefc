//! Short-term keys of Amazon Bedrock.

use serde::{Deserialize, Serialize};

use crate::config::values::{SecretSource, Span};

/// A bearer key that is a signed request for one. Its AWS keys need the action `bedrock:CallWithBearerToken`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BedrockKey {
    /// The one region it is good in, such as `eu-central-1`.
    pub region: String,
    /// How long a key lives, `12h` at most, and never beyond the AWS keys that it is made by.
    #[serde(default = "BedrockKey::default_lifetime")]
    pub lifetime: Span,
    pub aws: AwsKeys,
}

impl BedrockKey {
    fn default_lifetime() -> Span {
        Span::from_seconds(3600)
    }
}

/// Where the AWS keys come from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AwsKeys {
    /// From the environment.
    Keys(StaticKeys),
    /// From the endpoint that ECS and EKS pod identity give their containers.
    Container(ContainerKeys),
}

/// Keys of an IAM user, or of a session.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StaticKeys {
    pub access_key_id: SecretSource,
    pub secret_access_key: SecretSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<SecretSource>,
}

/// The keys of the role that a container runs with.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ContainerKeys {
    /// The Envoy cluster that leads to 169.254.170.2 (ECS) or 169.254.170.23 (EKS), port 80.
    pub cluster: String,
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` on ECS; `/v1/credentials` on EKS.
    pub path: String,
    /// The entry of `files` whose content proves the pod on EKS (`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_file: Option<String>,
    /// How long one question may take, and how long a request waits for a key where there is none.
    #[serde(default = "super::default_timeout")]
    pub timeout: Span,
}
