//! The section `revocations`: credentials that must stop working before they expire.

use serde::{Deserialize, Serialize};

use super::polled::{PolledDocument, WhenStale};
use crate::config::values::Timestamp;

/// One list of what is revoked: in the configuration, or a document that is polled through an Envoy cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Revocations {
    /// Names the list in stats, logs and records; unique. Letters, digits, `-` and `_`.
    pub id: String,
    /// What is revoked by the configuration itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Revoked>,
    /// Where the document is, which `claimgate revoke` edits; its fields are those of `key_feeds.remote`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<PolledDocument>,
    /// What happens while the document is older than `max_age`, or has never come: under `deny`, every request is refused
    /// 503 `revocations_unavailable`.
    #[serde(default)]
    pub when_stale: WhenStale,
}

/// One entry of a list. All of its fields must fit; at least one besides `until` and `note` must be there.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// The id of an API key, and so every token got with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The `jti` of a token, and so every token got with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Whoever acts on a subject's behalf, at any place of the chain: the switch that stops an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The switch that stops a tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// A pattern of models: the switch that stops them, refused 403 `model_not_allowed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Only credentials issued before this time; one that does not say when it was issued counts as issued before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_before: Option<Timestamp>,
    /// The entry is void from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
