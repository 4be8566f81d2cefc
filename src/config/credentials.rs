//! The section `credentials`: what the gateway gets for a provider, in place of a secret that lies in the environment.

mod oauth;

use serde::{Deserialize, Serialize};

pub use oauth::{ClientProof, OauthClient, TokenEndpoint};

/// A credential at a provider that is got and renewed. It has one kind, which is the name of its other field.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Its name, for `from` in `upstreams`, in records and in metrics; unique.
    pub id: String,
    /// A token for the gateway itself, by the client credentials grant (RFC 6749 section 4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OauthClient>,
}
