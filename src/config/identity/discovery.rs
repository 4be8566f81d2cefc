//! The section `discovery`: how clients find the authorization server by themselves.

use serde::{Deserialize, Serialize};

/// The metadata of a protected resource (RFC 9728), which agents and MCP clients read to find where to log in. The gateway
/// answers it without a credential, and its challenges name it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// The URL by which callers know the gateway, with `https` and without query and fragment. The metadata is at
    /// `/.well-known/oauth-protected-resource`, followed by the path of this URL.
    pub resource: String,
    /// The issuers that give tokens for it. Default: all `issuers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_servers: Option<Vec<String>>,
    /// The scopes a client may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// A page for developers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_documentation: Option<String>,
}
