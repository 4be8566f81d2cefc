//! One issuer whose tokens are accepted, and what it demands of them (RFC 7519 section 4.1, RFC 8725).

mod audience;
mod claim_values;
mod name;
pub(super) mod spiffe;

use serde_json::{Map, Value};

use super::expiry::Expiry;
use super::key_set::KeySet;
use crate::config::{self, Algorithm, ConfigError, Jwks, RemoteJwks, Span, require_reachable, require_text};
use crate::denial::{Denial, Reason};
use crate::identity::claim::{all_named, invalid, missing, numeric_date};
use crate::identity::jose::Header;
use crate::request::Moment;
use audience::Audiences;
use claim_values::{ClaimValues, mismatch};

pub(super) use name::IssuerName;

const MAX_LEEWAY: Span = Span::from_seconds(300);

/// A compiled entry of `issuers`.
#[derive(Debug)]
pub(super) struct TrustedIssuer {
    /// As `issuers` has it.
    pub(super) name: String,
    pub(super) keys: KeySource,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) leeway: Span,
    audiences: Audiences,
    /// In lower case, without `application/`.
    types: Vec<String>,
    max_lifetime: Option<Span>,
    required_claims: Vec<String>,
    claim_values: ClaimValues,
    subject: SubjectSource,
    is_trust_domain: bool,
    /// Of what the issuer says of a token when it is asked.
    audience_optional: bool,
}

#[derive(Debug)]
pub(super) enum KeySource {
    Inline(KeySet),
    Remote,
    /// None: the issuer is asked about its tokens, JWTs included.
    Introspection,
}

#[derive(Debug, PartialEq, Eq)]
enum SubjectSource {
    /// The claim `sub`, which is then required.
    Sub,
    /// An expression of the configuration.
    Mapped,
}

impl TrustedIssuer {
    pub(super) fn compile(issuer: &config::Issuer, at: &str) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{at}.{name}");
        all_named(&issuer.types, &field("types"))?;
        for (index, claim) in issuer.required_claims.iter().enumerate() {
            require_text(claim, &format!("{at}.required_claims[{index}]"))?;
        }
        match (&issuer.jwks, issuer.algorithms.is_empty()) {
            (Some(_), true) => {
                let why = "an empty list; write at least one, such as `ES256`";
                return Err(ConfigError::new(field("algorithms"), why));
            }
            (None, false) => {
                let why = "there are no `jwks` to verify with; add them, or leave this out";
                return Err(ConfigError::new(field("algorithms"), why));
            }
            (Some(_), false) | (None, true) => {}
        }
        if issuer.leeway > MAX_LEEWAY {
            let why = format!(
                "`{}` is longer than a clock may differ; write at most `{MAX_LEEWAY}`",
                issuer.leeway
            );
            return Err(ConfigError::new(field("leeway"), why));
        }
        Ok(Self {
            name: issuer.issuer.clone(),
            keys: KeySource::compile(issuer, &field("jwks"))?,
            algorithms: issuer.algorithms.clone(),
            leeway: issuer.leeway,
            audiences: Audiences::compile(issuer, at)?,
            types: issuer.types.iter().map(|typ| media_type(typ)).collect(),
            max_lifetime: issuer.max_lifetime,
            required_claims: issuer.required_claims.clone(),
            claim_values: ClaimValues::compile(issuer, at)?,
            is_trust_domain: issuer.is_trust_domain(),
            subject: match issuer.principal.subject {
                Some(_) => SubjectSource::Mapped,
                None => SubjectSource::Sub,
            },
            audience_optional: issuer.introspection.as_ref().is_some_and(|asked| asked.audience_optional),
        })
    }

    /// The algorithm and the type, which the issuer's configuration pins.
    pub(super) fn admit_header(&self, header: &Header) -> Result<(), Denial> {
        if !self.algorithms.contains(&header.algorithm) {
            return Err(Reason::TokenAlgorithmNotAllowed.into());
        }
        let typ = media_type(header.typ.as_deref().unwrap_or("JWT"));
        // JWT-SVID section 2.4: either says the same.
        let typ = if self.is_trust_domain && typ == "jose" { "jwt".to_owned() } else { typ };
        match self.types.contains(&typ) {
            true => Ok(()),
            false => Err(Reason::TokenTypeNotAllowed.into()),
        }
    }

    pub(super) fn admit_claims(
        &self,
        claims: &Map<String, Value>,
        name: &IssuerName,
        moment: &Moment,
    ) -> Result<Expiry, Denial> {
        self.audiences.admit(claims)?;
        let expiry = self.admit_times(claims, moment)?.ok_or_else(|| missing("exp"))?;
        self.admit_texts(claims, name)?;
        Ok(expiry)
    }

    /// Judges what the issuer said of a token. What it does not say has no bound but the answer's own.
    pub(super) fn admit_answer(
        &self,
        claims: &Map<String, Value>,
        name: &IssuerName,
        moment: &Moment,
    ) -> Result<Option<Expiry>, Denial> {
        match self.audience_optional {
            true => self.audiences.admit_if_present(claims)?,
            false => self.audiences.admit(claims)?,
        }
        let expiry = self.admit_times(claims, moment)?;
        self.admit_texts(claims, name)?;
        Ok(expiry)
    }

    fn admit_texts(&self, claims: &Map<String, Value>, name: &IssuerName) -> Result<(), Denial> {
        if self.subject == SubjectSource::Sub && claims.get("sub").is_none_or(Value::is_null) {
            return Err(missing("sub"));
        }
        for name in ["sub", "jti"] {
            if claims.get(name).is_some_and(|value| !value.is_string()) {
                return Err(invalid(name, "is not a text"));
            }
        }
        if claims.get("sub").is_some_and(|subject| subject == "") {
            return Err(invalid("sub", "is empty"));
        }
        if let Some(name) =
            self.required_claims.iter().find(|name| claims.get(*name).is_none_or(Value::is_null))
        {
            return Err(missing(name));
        }
        self.admit_origin(claims, name)?;
        self.claim_values.admit(claims)
    }

    /// Within the issuer: the tenant whose `iss` it is, the trust domain whose workload it is.
    fn admit_origin(&self, claims: &Map<String, Value>, name: &IssuerName) -> Result<(), Denial> {
        if let Some(tenant) = &name.tenant {
            match claims.get("tid") {
                None | Some(Value::Null) => return Err(missing("tid")),
                Some(named) if named == tenant.as_str() => {}
                Some(_) => return Err(mismatch("tid")),
            }
        }
        let is_workload = || {
            claims.get("sub").and_then(Value::as_str).is_some_and(|id| spiffe::is_workload_of(&self.name, id))
        };
        match self.is_trust_domain && !is_workload() {
            true => Err(mismatch("sub")),
            false => Ok(()),
        }
    }

    fn admit_times(&self, claims: &Map<String, Value>, moment: &Moment) -> Result<Option<Expiry>, Denial> {
        let expiry = numeric_date(claims, "exp")?.map(|at_ms| Expiry { at_ms, leeway: self.leeway });
        let not_before = numeric_date(claims, "nbf")?;
        let issued_at = numeric_date(claims, "iat")?;
        let latest = moment.unix_ms.saturating_add(self.leeway.milliseconds());
        if expiry.is_some_and(|expiry| moment.unix_ms >= expiry.refused_from_ms()) {
            return Err(Reason::TokenExpired.into());
        }
        if not_before.is_some_and(|time| time > latest) || issued_at.is_some_and(|time| time > latest) {
            return Err(Reason::TokenNotYetValid.into());
        }
        if let Some(max_lifetime) = self.max_lifetime {
            let expiry = expiry.ok_or_else(|| missing("exp"))?;
            let issued_at = issued_at.ok_or_else(|| missing("iat"))?;
            if expiry.at_ms.saturating_sub(issued_at) > max_lifetime.milliseconds() {
                return Err(Reason::TokenLifetimeExceeded.into());
            }
        }
        Ok(expiry)
    }
}

impl KeySource {
    fn compile(issuer: &config::Issuer, at: &str) -> Result<Self, ConfigError> {
        match (&issuer.jwks, &issuer.introspection) {
            (Some(Jwks::Inline(document)), _) => {
                KeySet::parse(document.to_string().as_bytes(), &issuer.algorithms)
                    .map(Self::Inline)
                    .map_err(|why| ConfigError::new(format!("{at}.inline"), why))
            }
            (Some(Jwks::Remote(RemoteJwks { cluster, host, path, .. })), _) => {
                require_reachable(cluster, host, path, &format!("{at}.remote"))?;
                Ok(Self::Remote)
            }
            (None, Some(_)) => Ok(Self::Introspection),
            (None, None) => {
                let why = "neither this nor `introspection` is there, so no token could be proven; add one";
                Err(ConfigError::new(at, why))
            }
        }
    }
}

/// RFC 7515 section 4.1.9: without case, and `application/` may be left out.
fn media_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
}
