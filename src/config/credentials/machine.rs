//! The identity of the machine that the gateway runs on.

use serde::{Deserialize, Serialize};

use crate::config::values::{SecretSource, Span};

/// What a cloud's metadata server knows the machine as. It has one kind.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    /// A managed identity of a virtual machine or scale set in Azure, by its instance metadata service (IMDS).
    Azure(AzureMachine),
    /// A managed identity in Azure App Service, Functions or Container Apps.
    AppService(AppService),
    /// The service account of a machine, pod or service in Google Cloud.
    Google(GoogleMachine),
}

/// Azure's instance metadata service.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AzureMachine {
    /// The Envoy cluster that leads to 169.254.169.254, port 80.
    pub cluster: String,
    /// What the token is for: `https://cognitiveservices.azure.com`.
    pub resource: String,
    /// The client id of a user-assigned identity. Absent: the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// How long one question may take, and how long a request waits for a token where there is none.
    #[serde(default = "super::default_timeout")]
    pub timeout: Span,
}

/// The endpoint that App Service gives its applications.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AppService {
    /// The Envoy cluster that leads to the host and port of `IDENTITY_ENDPOINT`, which change with each start.
    pub cluster: String,
    /// The path of `IDENTITY_ENDPOINT`.
    #[serde(default = "AppService::default_path")]
    pub path: String,
    /// The variable that has what proves the application: `{env: IDENTITY_HEADER}`.
    pub header: SecretSource,
    /// What the token is for: `https://cognitiveservices.azure.com`.
    pub resource: String,
    /// The client id of a user-assigned identity. Absent: the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// How long one question may take, and how long a request waits for a token where there is none.
    #[serde(default = "super::default_timeout")]
    pub timeout: Span,
}

impl AppService {
    fn default_path() -> String {
        "/msi/token".to_owned()
    }
}

/// Google's metadata server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GoogleMachine {
    /// The Envoy cluster that leads to 169.254.169.254, port 80.
    pub cluster: String,
    /// The service account, where the machine has several.
    #[serde(default = "GoogleMachine::default_account")]
    pub account: String,
    /// What the token may do. Absent: what the machine was started with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// How long one question may take, and how long a request waits for a token where there is none.
    #[serde(default = "super::default_timeout")]
    pub timeout: Span,
}

impl GoogleMachine {
    fn default_account() -> String {
        "default".to_owned()
    }
}
