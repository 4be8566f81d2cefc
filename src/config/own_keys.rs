//! The section `own_keys`: users' own keys for providers, which the gateway seals and does not keep.

use serde::{Deserialize, Serialize};

use super::identity::{PolledDocument, WhenStale};
use super::values::{SecretSource, Span};

/// Users' own keys for providers. A user has a key sealed once, and its applications send the sealed one along; only the
/// gateway can open it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OwnKeys {
    /// The name that this gateway has as the `iss` of what it seals. Gateways that share it and the sealing keys take each
    /// other's sealed keys.
    pub issuer: String,
    /// Where keys are sealed, by `POST`; the gateway answers it whatever the route.
    #[serde(default = "default_path")]
    pub path: String,
    /// CEL over `principal` and `asked` (`upstreams`, `models`, `lifetime_seconds`): who may have a key sealed. Absent: every
    /// user whose token names a tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<String>,
    /// The longest life of a sealed key, from `1m` to `90d`.
    #[serde(default = "default_lifetime")]
    pub max_lifetime: Span,
    /// Seals keys and opens them. The value is a JWK (RFC 7517) of 256 bits, as `claimgate key sealing` makes it; never the one that
    /// signs `tokens`.
    pub sealing_key: SecretSource,
    /// Keys that only open, at most 4, while the sealing key is rotated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_sealing_keys: Vec<SecretSource>,
    /// Keys of tenants and users that others keep for them. Absent: a key is what its user brings along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<ProviderKeyFeed>,
}

/// A document of providers' keys, each sealed for the gateway and kept for one tenant or one user of it, polled through an Envoy
/// cluster. A key that the caller brings along goes before it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProviderKeyFeed {
    /// Where the document `{"credentials": […]}` is, to which `claimgate key seal` adds entries; its fields are those of
    /// `key_feeds.remote`.
    pub remote: PolledDocument,
    /// What happens while the document is older than `max_age`: under `deny`, who brings no key of its own is refused 503
    /// `credential_feed_unavailable`; under `continue` the last good one stays in force. Until one has come, all such are refused.
    #[serde(default)]
    pub when_stale: WhenStale,
    /// Opens what is sealed for the gateway. The value is the private half of a pair that `claimgate key sealing --feed` makes, as
    /// a JWK (RFC 8037); whoever writes the document has the public half.
    pub key: SecretSource,
    /// Keys that open too, at most 4, while the pair is rotated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_keys: Vec<SecretSource>,
}

impl OwnKeys {
    /// The shortest life of a sealed key.
    pub const MIN_LIFETIME: Span = Span::from_seconds(60);
    /// The longest that may be configured.
    pub const LONGEST: Span = Span::from_seconds(90 * 86_400);
}

fn default_path() -> String {
    "/claimgate/v1/provider-keys".to_owned()
}

fn default_lifetime() -> Span {
    OwnKeys::LONGEST
}
