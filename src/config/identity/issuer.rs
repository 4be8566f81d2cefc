//! The section `issuers`: whose tokens are accepted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::algorithm::Algorithm;
use super::introspection::Introspection;
use super::possession::BoundBy;
use crate::config::values::{Span, span_or_none};

/// One issuer of tokens: of JWTs (RFC 7519), which are verified by its keys, or of opaque ones, about which it is asked
/// (RFC 7662), or of both.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
// It has more than a dozen fields: one for each field that an operator writes.
pub struct Issuer {
    /// The exact `iss`. With `{tenantid}` in it, as in Entra's metadata, that of each of `tenants`. A SPIFFE trust domain, such
    /// as `spiffe://example.org`, stands for its JWT-SVIDs, which need no `iss`.
    pub issuer: String,
    /// The tenants that may stand for `{tenantid}` in `issuer`; the `tid` of a token must be the one in its `iss`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<String>,
    /// A token must carry one of these in `aud`.
    pub audiences: Vec<String>,
    /// The claim that is held to `audiences` where a token has no `aud`, such as `client_id`. Absent: a token without `aud` is
    /// refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_claim: Option<String>,
    /// The algorithms this issuer signs with; a token with another one is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<Algorithm>,
    /// The issuer's public keys, by which its JWTs are verified. Absent: its JWTs are asked about as its opaque tokens are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Jwks>,
    /// Where the issuer is asked about a token that is not a JWT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection: Option<Introspection>,
    /// The clock difference tolerated for `exp`, `nbf` and `iat`; `0s` for none.
    #[serde(default = "default_leeway", deserialize_with = "span_or_none")]
    pub leeway: Span,
    /// The longest `exp` − `iat` accepted; needs `iat` in the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<Span>,
    /// Claims that must be present, beside `iss`, `aud`, `exp` and `sub`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_claims: Vec<String>,
    /// Claims that must have one of these values, or, where the claim is a list, hold one: `token_use: [access]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claim_values: BTreeMap<String, Vec<Value>>,
    /// The `typ` values accepted, compared without case; a token without `typ` is accepted as `JWT`, and so is a JWT-SVID
    /// with `JOSE`.
    #[serde(default = "default_types")]
    pub types: Vec<String>,
    /// What every token of this issuer must be bound to. Absent: a token that is bound is held to it, and one that is not
    /// is good for whoever bears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_by: Option<BoundBy>,
    /// How claims become the principal.
    #[serde(default)]
    pub principal: PrincipalMapping,
}

impl Issuer {
    /// What stands for a tenant in `issuer`.
    pub const TENANT: &str = "{tenantid}";

    /// What its tokens have as `iss`: one for each tenant, where there are tenants.
    pub fn names(&self) -> Vec<String> {
        match self.issuer.contains(Self::TENANT) {
            true => self.tenants.iter().map(|tenant| self.issuer.replace(Self::TENANT, tenant)).collect(),
            false => vec![self.issuer.clone()],
        }
    }

    /// True where it is a SPIFFE trust domain.
    pub fn is_trust_domain(&self) -> bool {
        self.issuer.starts_with("spiffe://")
    }
}

/// Where an issuer's public keys come from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Jwks {
    /// A JWK Set (RFC 7517) written into the configuration.
    Inline(serde_json::Value),
    /// Fetched through an Envoy cluster.
    Remote(RemoteJwks),
}

/// A JWK Set fetched through an Envoy cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RemoteJwks {
    /// The Envoy cluster that leads to the issuer.
    pub cluster: String,
    /// The `:authority` of the fetch.
    pub host: String,
    /// The path of the JWK Set.
    pub path: String,
    /// How old a fetched set may become before it is fetched again, in the background.
    #[serde(default = "default_refresh")]
    pub refresh: Span,
    /// The least time between two fetches, also when unknown key ids ask for more; never less than `timeout`.
    #[serde(default = "default_refetch")]
    pub refetch: Span,
    /// How long one fetch, and a request that waits for it, may take.
    #[serde(default = "default_fetch_timeout")]
    pub timeout: Span,
    /// How old a set may become while the issuer is down before tokens are refused.
    #[serde(default = "default_stale")]
    pub max_stale: Span,
}

/// Small CEL expressions over `claims` that make the principal; the defaults follow RFC 9068.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PrincipalMapping {
    /// Default: the claim `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Default: none, so that a tenant is never taken from a claim nobody named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Default: `scope` (space-separated), else `scp` (text or list).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<String>,
    /// Default: `client_id`, else `azp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Default: the list `roles`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<String>,
}

fn default_leeway() -> Span {
    Span::from_seconds(30)
}

fn default_types() -> Vec<String> {
    vec!["JWT".to_owned(), "at+jwt".to_owned()]
}

fn default_refresh() -> Span {
    Span::from_seconds(600)
}

fn default_refetch() -> Span {
    Span::from_seconds(10)
}

fn default_fetch_timeout() -> Span {
    Span::from_seconds(2)
}

fn default_stale() -> Span {
    Span::from_seconds(86_400)
}
