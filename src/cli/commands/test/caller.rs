//! Who calls in a script.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Whose credential is sent: `{key: id}` or `{issuer: https://…, claims: {sub: …}}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Caller {
    /// The `id` of an entry of `keys`; the runner makes a key for it.
    #[serde(default)]
    pub(super) key: Option<String>,
    /// The `issuer` of an entry of `issuers`, with one of its `tenants` where it has these; the runner signs a token for it.
    #[serde(default)]
    pub(super) issuer: Option<String>,
    /// Added to `iss`, `aud`, `iat` and `exp`, or put in their place; `null` leaves a claim out.
    #[serde(default)]
    pub(super) claims: Map<String, Value>,
    /// The header that carries the credential. Default: `authorization`, as a bearer.
    #[serde(default)]
    pub(super) header: Option<String>,
}
