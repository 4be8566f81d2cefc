//! The section `dpop`, and what the credentials of issuers and keys are bound to.

use serde::{Deserialize, Serialize};

use super::algorithm::Algorithm;
use crate::config::values::{SecretSource, Span, Thumbprint, span_or_none};

/// How callers prove that they hold the key that their credential is bound to (RFC 9449). Needed as soon as an issuer or
/// a key asks for it; without it, a credential bound to such a key is refused.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dpop {
    /// The URLs by which callers know the gateway, such as `https://ai-gateway.example`, with the path that a proxy before
    /// Envoy takes off, if one does. A proof must be for one of them and the path of the request; the `Host` header is
    /// never believed.
    pub public_origins: Vec<String>,
    /// The algorithms that a proof may be signed with.
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// How old a proof may be, up to `10m`. Each is good once in that time.
    #[serde(default = "default_max_age")]
    pub max_age: Span,
    /// How far a caller's clock may be ahead, up to `1m`; `0s` for none.
    #[serde(default = "default_leeway", deserialize_with = "span_or_none")]
    pub leeway: Span,
    /// Whether a proof must hold a nonce that the gateway gave in `DPoP-Nonce`.
    #[serde(default)]
    pub nonce: Nonce,
    /// Makes the nonces, at least 32 bytes. Gateways that share it take each other's. Default: a random key of each Envoy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce_key: Option<SecretSource>,
    /// How many proofs one caller may use within `max_age`; more are refused with 429. It bounds what must be remembered
    /// of them.
    #[serde(default = "default_proofs_per_caller")]
    pub proofs_per_caller: u64,
    /// How many proofs all callers of one tenant may use together within `max_age`.
    #[serde(default = "default_proofs_per_tenant")]
    pub proofs_per_tenant: u64,
}

/// Whether the gateway gives nonces for proofs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Nonce {
    #[default]
    None,
    Required,
}

/// What every token of an issuer must be bound to.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BoundBy {
    /// A client certificate (RFC 8705).
    Certificate,
    /// A key of the caller's (RFC 9449).
    Dpop,
    Either,
}

/// Who may use an API key: the holder of one of these, of each list that is not empty.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BoundTo {
    /// SHA-256 of client certificates, as `x5t#S256` has it, or `sha256:` and hex digits.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub certificates: Box<[Thumbprint]>,
    /// Thumbprints of public keys (RFC 7638), as `jkt` has them. Needs `dpop`.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub dpop_keys: Box<[Thumbprint]>,
}

impl Dpop {
    /// The longest `max_age`.
    pub const LONGEST_AGE: Span = Span::from_seconds(600);
    /// The longest `leeway`.
    pub const LONGEST_LEEWAY: Span = Span::from_seconds(60);
}

/// Not those that cost this gateway most: whoever makes a proof chooses its key.
fn usual_algorithms() -> Vec<Algorithm> {
    let dear = [Algorithm::PS384, Algorithm::PS512, Algorithm::ES512];
    Algorithm::ALL.into_iter().filter(|algorithm| !dear.contains(algorithm)).collect()
}

fn default_max_age() -> Span {
    Span::from_seconds(60)
}

fn default_leeway() -> Span {
    Span::from_seconds(10)
}

fn default_proofs_per_caller() -> u64 {
    10_000
}

fn default_proofs_per_tenant() -> u64 {
    100_000
}
