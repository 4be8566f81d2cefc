//! Where an issuer is asked about its tokens.

use serde::{Deserialize, Serialize};

use crate::config::values::{SecretSource, Span, span_or_none};

/// An introspection endpoint (RFC 7662), asked through an Envoy cluster. Who can ask there can use what callers send
/// here, so the cluster should speak TLS.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    /// The Envoy cluster that leads to the issuer.
    pub cluster: String,
    /// The `:authority` of the question.
    pub host: String,
    /// The path of the endpoint.
    pub path: String,
    /// The name by which the issuer knows this gateway.
    pub client_id: String,
    pub client_secret: SecretSource,
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
    /// What every opaque token of this issuer begins with; no other is sent to it. Absent: any that is no API key of this
    /// configuration and has no other issuer's prefix, strangers' guesses included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// How long an answer is relied on, never beyond the token's `exp`. So long a token may live on that the issuer
    /// revokes; `0s` asks for each request.
    #[serde(default = "default_max_age", deserialize_with = "span_or_none")]
    pub max_age: Span,
    /// How long a token is refused without asking again.
    #[serde(default = "default_negative_max_age", deserialize_with = "span_or_none")]
    pub negative_max_age: Span,
    /// How long one question may take.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// True where an answer without `aud` is accepted, because the issuer gives none and all its tokens are for this
    /// gateway.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub audience_optional: bool,
}

/// How the gateway proves itself to the issuer (RFC 6749 section 2.3.1), by the names of RFC 8414.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// In the header `Authorization`.
    #[default]
    ClientSecretBasic,
    /// In the form.
    ClientSecretPost,
}

fn default_max_age() -> Span {
    Span::from_seconds(60)
}

fn default_negative_max_age() -> Span {
    Span::from_seconds(5)
}

fn default_timeout() -> Span {
    Span::from_seconds(2)
}
