//! Who calls, once it is proven: what rules, quotas, upstreams and the record see of the caller.

mod actors;
mod binding;
mod limits;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::expression::scope_covers;
use crate::ledger::Owner;
use crate::secret::Secret;

pub use actors::MAX_ACTORS;
pub(super) use actors::actors;
pub(super) use binding::CONFIRMATION;
pub use binding::{Binding, Holder};
pub use limits::Limits;

/// What kind of credential proved the caller; of a minted token, the kind of the one it was got with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    ApiKey,
    Jwt,
    /// A token about which its issuer was asked.
    OpaqueToken,
}

impl Kind {
    /// The value of `principal.kind` in CEL, in the record and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Jwt => "jwt",
            Self::OpaqueToken => "opaque_token",
        }
    }
}

/// The authenticated caller. Texts come from the issuer or the configuration and may hold any character
/// that JSON can, so whoever puts one into a header must encode it.
#[derive(Clone, Debug, PartialEq)]
// It has more than a dozen fields: rules see each of them by its name.
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
    /// The id of the key, or the claim `jti`; empty where the token has none. Of a minted token, its own.
    pub credential_id: String,
    /// The outermost of `actors`: who acts now on the subject's behalf (RFC 8693 section 4.1).
    pub actor: Option<String>,
    /// The delegation chain, the current actor first.
    pub actors: Vec<String>,
    /// Unix seconds from which on the credential is refused; `None` where it does not expire.
    pub expires_at: Option<u64>,
    /// Unix seconds; `None` where the credential does not say when it was issued.
    pub issued_at: Option<u64>,
    /// What whoever sends the credential must hold, too.
    pub binding: Binding,
    /// Present where a token that this gateway gave stands for the credential.
    pub minted: Option<Minted>,
}

/// What a minted token is, beside what the credential is that it was got with. All else of the principal is that
/// credential's, so that rules and quotas see the same caller; what is less is stated here and in the scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minted {
    /// The subject's credential, then the actor's where there is one. The token is good only as long as they are.
    pub parents: Vec<Parent>,
    pub limits: Limits,
    /// The subject's own key for a provider, sealed, which goes on with the token's requests.
    pub provider_key: Option<Secret>,
}

/// A credential that a token was got with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    pub kind: Kind,
    /// As in [`Principal::credential_id`].
    pub id: String,
    /// As in [`Principal::issuer`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// As in [`Principal::issued_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<u64>,
}

/// True where whoever holds these scopes may hand `scope` on: by its name, or as one below.
pub fn holds_scope(held: &[String], scope: &str) -> bool {
    // `a//*` would be below `a/`, and cover what `a` does.
    let is_odd = scope.strip_suffix('*').is_some_and(|stem| {
        let separators = [':', '.', '/'];
        stem.strip_suffix(separators).is_some_and(|stem| stem.ends_with(separators))
    });
    held.iter().any(|granted| granted == scope || (!is_odd && scope_covers(granted, scope)))
}

impl Principal {
    /// Whose the entries are that this caller's requests make on the ledger. All its credentials are one caller's.
    pub fn owner(&self) -> Owner {
        let Self { kind, issuer, tenant, project, subject, .. } = self;
        let [issuer, of, project] = [issuer, tenant, project].map(|text| text.as_deref().unwrap_or_default());
        Owner::of(&[kind.name(), issuer, of, project, subject].map(str::as_bytes), tenant.as_deref())
    }

    /// This caller's credential, as the parent of a token.
    pub fn as_parent(&self) -> Parent {
        Parent {
            kind: self.kind,
            id: self.credential_id.clone(),
            issuer: self.issuer.clone(),
            issued_at: self.issued_at,
        }
    }
}

impl Parent {
    /// The id of the API key that this is; `None` for another credential.
    pub(in crate::identity) fn key_id(&self) -> Option<&str> {
        (self.kind == Kind::ApiKey).then_some(self.id.as_str())
    }
}

/// What rules may know of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    pub id: String,
    pub labels: BTreeMap<String, String>,
    /// Unix seconds.
    pub created_at: Option<i64>,
}
