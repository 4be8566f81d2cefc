//! An OAuth client that the gateway is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::values::{SecretSource, Span};

/// An OAuth client (RFC 6749). What it gets goes to the provider as `Authorization: Bearer`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OauthClient {
    pub endpoint: TokenEndpoint,
    /// The name by which the authorization server knows this gateway.
    pub client_id: String,
    pub client_authentication: ClientProof,
    /// What the token is for, as the provider names it: `https://cognitiveservices.azure.com/.default`. May be absent only
    /// where `parameters` say it by `audience` or `resource`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Further fields of the form, such as `audience`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// A token endpoint (RFC 6749 section 3.2), asked through an Envoy cluster, which should speak TLS.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenEndpoint {
    /// The Envoy cluster that leads to the authorization server.
    pub cluster: String,
    /// The `:authority` of the question.
    pub host: String,
    /// The path of the endpoint.
    pub path: String,
    /// How long one question may take, and how long a request waits for a token where there is none.
    #[serde(default = "super::default_timeout")]
    pub timeout: Span,
}

/// How the gateway proves that it is the client, by the names of RFC 8414.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClientProof {
    /// By its secret, in the header `Authorization`.
    ClientSecretBasic(SecretSource),
    /// By its secret, in the form.
    ClientSecretPost(SecretSource),
    /// By a JWT of another issuer that the server trusts for it (RFC 7523 section 2.2): a workload's identity.
    ClientAssertion(AssertionSource),
    /// By a JWT that the gateway signs itself (RFC 7523 section 2.2).
    PrivateKeyJwt(PrivateKeyJwt),
}

/// A private key whose public half the server knows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PrivateKeyJwt {
    /// The key, in PEM.
    pub key: SecretSource,
    /// The certificate that the server has of it, in PEM; its SHA-256 goes into the header as `x5t#S256`, as Entra wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<SecretSource>,
    #[serde(default)]
    pub algorithm: AssertionAlgorithm,
    /// `kid` in the header, where the server goes by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// `aud`. Absent: the URL of the token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// By which algorithm the gateway signs what it says of itself.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub enum AssertionAlgorithm {
    RS256,
    #[default]
    PS256,
    ES256,
}

impl AssertionAlgorithm {
    /// The value of `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
        }
    }
}

/// Where somebody else's assertion comes from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AssertionSource {
    /// The entry of this id in `files`. It is read for each question, so that a newer assertion is used at once.
    pub file: String,
}
