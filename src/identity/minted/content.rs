//! What a minted token says, as its claims.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::denial::{Denial, Reason};
use crate::identity::principal::{Binding, CONFIRMATION, Limits, Minted, Parent, Principal, actors};
use crate::secret::Secret;

/// What a token says. The names are those of RFC 7519, RFC 9068 and RFC 8693 where they have one.
// It has no `Debug`, because it may hold a sealed key.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
// It has more than a dozen fields: one for each claim.
pub(super) struct Content {
    pub(super) iss: String,
    pub(super) aud: String,
    jti: String,
    iat: u64,
    pub(super) exp: u64,
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service_account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// Space-separated.
    scope: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cnf: Option<Value>,
    parents: Vec<Parent>,
    limits: Limits,
    /// The subject's own key for a provider, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_key: Option<String>,
    /// The claims of the subject's JWT, for rules.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    claims: Map<String, Value>,
}

impl Content {
    /// `None` where the principal is not one for a token.
    pub(super) fn of(principal: &Principal, issuer: &str, issued_at: u64, expires_at: u64) -> Option<Self> {
        let minted = principal.minted.as_ref()?;
        let mut claims = principal.claims.clone();
        // The parent's, where its token had one; this one's follows from the binding.
        claims.remove(CONFIRMATION);
        Some(Self {
            iss: issuer.to_owned(),
            aud: issuer.to_owned(),
            jti: principal.credential_id.clone(),
            iat: issued_at,
            exp: expires_at,
            sub: principal.subject.clone(),
            tenant: principal.tenant.clone(),
            project: principal.project.clone(),
            service_account: principal.service_account.clone(),
            client_id: principal.client.clone(),
            scope: principal.scopes.join(" "),
            roles: principal.roles.clone(),
            act: claims.remove("act"),
            cnf: principal.binding.confirmation(),
            parents: minted.parents.clone(),
            limits: minted.limits.clone(),
            provider_key: minted
                .provider_key
                .as_ref()
                .map(|key| String::from_utf8_lossy(key.expose()).into_owned()),
            claims,
        })
    }

    pub(super) fn principal(self) -> Result<Principal, Denial> {
        let subject = self.parents.first().ok_or(Reason::TokenMalformed)?;
        let (kind, issuer) = (subject.kind, subject.issuer.clone());
        let mut claims = self.claims;
        if let Some(act) = self.act {
            claims.insert("act".to_owned(), act);
        }
        if let Some(confirmation) = self.cnf {
            claims.insert(CONFIRMATION.to_owned(), confirmation);
        }
        let (actors, binding) = (actors(&claims)?, Binding::of_claims(&claims)?);
        Ok(Principal {
            kind,
            subject: self.sub,
            tenant: self.tenant,
            project: self.project,
            service_account: self.service_account,
            client: self.client_id,
            scopes: self.scope.split_ascii_whitespace().map(str::to_owned).collect(),
            roles: self.roles,
            claims,
            binding,
            key: None,
            issuer,
            credential_id: self.jti,
            actor: actors.first().cloned(),
            actors,
            expires_at: Some(self.exp),
            issued_at: Some(self.iat),
            minted: Some(Minted {
                parents: self.parents,
                limits: self.limits,
                provider_key: self.provider_key.map(Secret::new),
            }),
        })
    }
}
