//! Who calls, once it is proven: what rules, quotas, upstreams and the record see of the caller.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What kind of credential proved the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    ApiKey,
    Jwt,
}

impl Kind {
    /// The value of `principal.kind` in CEL, in the record and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Jwt => "jwt",
        }
    }
}

/// The authenticated caller. Texts come from the issuer or the configuration and may hold any character
/// that JSON can, so whoever puts one into a header must encode it.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    pub kind: Kind,
    /// The claim `sub`, or the service account of an API key.
    pub subject: String,
    pub tenant: Option<String>,
    pub project: Option<String>,
    pub service_account: Option<String>,
    /// The OAuth client that obtained the token.
    pub client: Option<String>,
    pub scopes: Vec<String>,
    pub roles: Vec<String>,
    /// The token's claims; empty for an API key.
    pub claims: Map<String, Value>,
    /// Present where an API key proved the caller.
    pub key: Option<KeyFacts>,
    /// The claim `iss`.
    pub issuer: Option<String>,
    /// The id of the key, or the claim `jti`; empty where the token has none.
    pub credential_id: String,
    /// The outermost of `actors`: who acts now on the subject's behalf (RFC 8693 section 4.1).
    pub actor: Option<String>,
    /// The delegation chain, the current actor first.
    pub actors: Vec<String>,
    /// Unix seconds from which on the credential is refused; `None` where it does not expire.
    pub expires_at: Option<u64>,
}

/// What rules may know of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    pub id: String,
    pub labels: BTreeMap<String, String>,
    /// Unix seconds.
    pub created_at: Option<i64>,
}
