//! Tokens that this gateway makes itself: `cgt_` and a JWT that only it signs and only it reads.
//!
//! A token holds all that its principal is, so that it is verified without asking anybody. What was got with an API key
//! does not hold the key's labels: the key is looked up again, and the token dies with it.
//!
//! It does not judge what a token may hold; `mint` does.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::credential::{MAX_CREDENTIAL_BYTES, MINTED_PREFIX};
use super::jose::{base64url, unique_json};
use super::principal::{Binding, CONFIRMATION, Limits, Minted, Parent, Principal, actors};
use super::seal::{self, Seal};
use crate::config::{ConfigError, Issuer, SecretSource, Tokens};
use crate::denial::{Denial, Reason};
use crate::request::Moment;
use crate::secret::{Environment, Secret};

/// Makes and proves minted tokens.
#[derive(Debug)]
pub(super) struct Mint {
    issuer: String,
    /// Signs. `None` where the environment has no such key.
    own: Option<Seal>,
    /// Proves too, while the key is rotated.
    other: Option<Seal>,
}

/// What a token says. The names are those of RFC 7519, RFC 9068 and RFC 8693 where they have one.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    iss: String,
    aud: String,
    jti: String,
    iat: u64,
    exp: u64,
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
    /// The claims of the subject's JWT, for rules.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    claims: Map<String, Value>,
}

impl Mint {
    /// # Errors
    /// A name that an issuer has too, or a key that cannot be used.
    pub(super) fn compile(
        tokens: &Tokens,
        issuers: &[Issuer],
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        if tokens.issuer.trim() != tokens.issuer || tokens.issuer.is_empty() {
            let why =
                "the name is empty or has space around it; write one such as `https://ai-gateway.example/`";
            return Err(ConfigError::new("tokens.issuer", why));
        }
        for (index, issuer) in issuers.iter().enumerate() {
            if issuer.names().contains(&tokens.issuer) || issuer.audiences.contains(&tokens.issuer) {
                let why =
                    format!("`{}` is what the gateway's own tokens have as `iss` and `aud`", tokens.issuer);
                return Err(ConfigError::new(format!("issuers[{index}]"), why));
            }
            // RFC 7515 section 4.1.9 lets `application/` be left out.
            let bare = |typ: &str| typ.to_ascii_lowercase().trim_start_matches("application/") == seal::TYPE;
            if issuer.types.iter().any(|typ| bare(typ)) {
                let why = format!("`{}` is the `typ` of the gateway's own tokens", seal::TYPE);
                return Err(ConfigError::new(format!("issuers[{index}].types"), why));
            }
        }
        let own = read_key(&tokens.signing_key, "tokens.signing_key", environment)?;
        let other = match &tokens.other_key {
            Some(key) => read_key(key, "tokens.other_key", environment)?,
            None => None,
        };
        if let (Some(own), Some(other)) = (&own, &other)
            && own.kid() == other.kid()
        {
            let why = "has the `kid` of `tokens.signing_key`, so that a token could not tell which it has; give each its own";
            return Err(ConfigError::new("tokens.other_key", why));
        }
        Ok(Self { issuer: tokens.issuer.clone(), own, other })
    }

    /// The token of a principal, which is its bearer from now until `expires_at` (Unix seconds).
    ///
    /// # Errors
    /// No key, or more than a credential may hold.
    pub(super) fn seal(
        &self,
        principal: &Principal,
        moment: &Moment,
        expires_at: u64,
    ) -> Result<Secret, Denial> {
        let unavailable = |note: &str| Denial::new(Reason::TokensUnavailable).with_note(note);
        let own =
            self.own.as_ref().ok_or_else(|| unavailable("the environment of Envoy has no signing key"))?;
        let content = Content::of(principal, &self.issuer, moment.unix_seconds(), expires_at);
        let content = content.ok_or_else(|| unavailable("what is no minted principal was to be sealed"))?;
        let token = own.sign(&content).ok_or_else(|| unavailable("the token could not be signed"))?;
        let token = format!("{MINTED_PREFIX}{token}");
        match token.len() > MAX_CREDENTIAL_BYTES {
            true => Err(Denial::new(Reason::TokenRequestInvalid)
                .with_detail("the token would be larger than this gateway reads")),
            false => Ok(Secret::new(token)),
        }
    }

    /// The principal of a token, but for what its parents still are.
    ///
    /// # Errors
    /// Refuses a token that is not one of ours, or not at this time.
    pub(super) fn open(&self, token: &str, moment: &Moment) -> Result<Principal, Denial> {
        let malformed = || Denial::from(Reason::TokenMalformed);
        let token = token.strip_prefix(MINTED_PREFIX).ok_or_else(malformed)?;
        let mut segments = token.split('.');
        let mut object = || segments.next().and_then(base64url).and_then(|bytes| unique_json::object(&bytes));
        let (header, content) = (object().ok_or_else(malformed)?, object().ok_or_else(malformed)?);
        let content = Content::deserialize(Value::Object(content)).map_err(|_| malformed())?;
        if content.iss != self.issuer {
            return Err(Reason::TokenIssuerUnknown.into());
        }
        if content.aud != self.issuer {
            return Err(Reason::TokenAudienceMismatch.into());
        }
        if content.exp <= moment.unix_seconds() {
            return Err(Reason::TokenExpired.into());
        }
        if self.own.is_none() && self.other.is_none() {
            let note = "the environment of Envoy has no signing key";
            return Err(Denial::new(Reason::IdentityUnavailable).with_note(note));
        }
        let seal = [&self.own, &self.other].into_iter().flatten().find(|seal| seal.wrote(&header));
        if !seal.ok_or(Reason::TokenKeyUnknown)?.signed(token, moment) {
            return Err(Reason::TokenSignatureInvalid.into());
        }
        content.principal()
    }

    /// The public keys by which others can prove the tokens (RFC 7517); empty for HS256.
    pub(super) fn public_keys(&self) -> Vec<Value> {
        [&self.own, &self.other].into_iter().flatten().filter_map(Seal::public_jwk).collect()
    }
}

impl Content {
    /// `None` where the principal is not one for a token.
    fn of(principal: &Principal, issuer: &str, issued_at: u64, expires_at: u64) -> Option<Self> {
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
            claims,
        })
    }

    fn principal(self) -> Result<Principal, Denial> {
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
            minted: Some(Minted { parents: self.parents, limits: self.limits }),
        })
    }
}

fn read_key(key: &SecretSource, at: &str, environment: Environment<'_>) -> Result<Option<Seal>, ConfigError> {
    let SecretSource::Env(name) = key;
    let Some(jwk) = key.read(at, environment)? else { return Ok(None) };
    Seal::parse(&jwk).map(Some).map_err(|why| ConfigError::new(at, format!("the value of `{name}` {why}")))
}

#[cfg(test)]
mod tests;
