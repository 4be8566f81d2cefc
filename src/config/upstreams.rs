//! The sections `upstreams` and `open`: where requests go, and with which credential.

mod credential_source;
mod extra_operation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::metering::StreamUsage;
use super::values::Factor;
use crate::request::Dialect;

pub use credential_source::CredentialSource;
pub use extra_operation::{ExtraBody, ExtraMetering, ExtraModel, ExtraOperation, ExtraStream, UsageForm};

/// One Envoy cluster that leads to a provider.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
// It has more than a dozen fields: one for each field that an operator writes.
pub struct Upstream {
    /// The name of the Envoy cluster; unique.
    pub cluster: String,
    /// The wire format the provider speaks.
    pub dialect: Dialect,
    /// What Envoy's route takes off the path (`prefix_rewrite`) before the provider sees it, such as `/openai`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
    /// The projects of Google Cloud that callers may write into the path, by id or number as they write it. Needed for
    /// `vertex`, where a request for another is refused `tenant_mismatch`; no other dialect has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<String>>,
    /// The locations that callers may write into the path, such as `us-central1` or `global`. As `projects`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<Vec<String>>,
    /// Sets `x-goog-user-project`: the project of Google Cloud whose quota requests count against. For `vertex` and `gemini`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_project: Option<String>,
    pub credential: ProviderCredential,
    /// The one tenant this upstream belongs to, as `upstream.tenant`; other tenants are refused
    /// `tenant_mismatch`. Absent: shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Free text for rules, as `upstream.metadata`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Sets `OpenAI-Organization` upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Asserted>,
    /// Sets `OpenAI-Project` upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Asserted>,
    /// How many times the prices of `prices` are charged here, such as `1.1` for a region that costs a tenth more.
    #[serde(default = "Factor::one", skip_serializing_if = "Factor::is_one")]
    pub price_multiplier: Factor,
    /// Whether streams of this upstream are asked for their usage, in place of `metering.stream_usage`: a server that does not know
    /// `stream_options` refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_usage: Option<StreamUsage>,
    /// Operations allowed beside those the dialect knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<ExtraOperation>,
    /// OpenAI keeps each response under the account unless it is told not to. Where this is written, requests of callers
    /// who share the account are told so: `store: false`, and `include: ["reasoning.encrypted_content"]` for models
    /// that reason. A caller's own `store: true` stays refused. Absent: requests go on as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stateless_responses: Option<StatelessResponses>,
}

/// Which models are asked for their reasoning, sealed, so that the next request can bring it itself. `{}` takes the
/// defaults.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StatelessResponses {
    /// Models that reason, or on Azure their deployments; `*` stands for any text. Others refuse to be asked. A request that has `reasoning` is for one
    /// that does.
    #[serde(default = "reasoning_models")]
    pub reasoning_models: Vec<String>,
    /// Models of these patterns that do not reason.
    #[serde(default = "other_models")]
    pub other_models: Vec<String>,
}

fn reasoning_models() -> Vec<String> {
    ["o1*", "o3*", "o4*", "gpt-5*", "codex-*", "computer-use-*"].map(str::to_owned).into()
}

fn other_models() -> Vec<String> {
    vec!["gpt-5-chat*".to_owned()]
}

/// Where the provider's credential comes from. The configuration holds names, never values.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProviderCredential {
    /// One credential for every tenant, from this environment variable.
    Env(String),
    /// Each tenant has its own.
    PerTenant(TenantCredentials),
    /// One credential for every tenant: the entry of this id in `credentials`.
    From(String),
    /// Each caller's own, which it brings along, sealed by this gateway, or which `own_keys.feed` has for it or its tenant; needs the
    /// section `own_keys`.
    Own(OwnCredential),
    /// Envoy adds it after this filter (`credential_injector`); the filter only strips the caller's.
    Envoy,
}

/// The callers' own keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OwnCredential {
    /// The gateway's credential for callers without a key: the name of an environment variable, or `{from: ID}`. Absent:
    /// such callers are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<CredentialSource>,
}

/// One credential per tenant: the name of an environment variable, or `{from: ID}` for an entry of `credentials`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TenantCredentials {
    pub tenants: BTreeMap<String, CredentialSource>,
    /// The one for tenants without an entry. Absent: such tenants are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<CredentialSource>,
}

/// Where the value of an identity header sent upstream comes from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Asserted {
    /// This text for everybody.
    Value(String),
    /// The principal's tenant (`organization`) or project (`project`); a principal without one is refused.
    Principal,
}

/// A request that needs no credential.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Open {
    pub method: String,
    /// The exact path, without a query.
    pub path: String,
}
