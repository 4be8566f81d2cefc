//! One issuer whose tokens are accepted, and what it demands of them (RFC 7519 section 4.1, RFC 8725).

use serde_json::{Map, Value};

use super::compact::Header;
use super::key_set::KeySet;
use crate::config::{self, Algorithm, ConfigError, Jwks, RemoteJwks, Span};
use crate::denial::{Denial, Reason};
use crate::request::Moment;

const MAX_LEEWAY: Span = Span::from_seconds(300);
/// The end of the year 9999; a later time is a mistake, such as milliseconds for seconds.
const MAX_NUMERIC_DATE: u64 = 253_402_300_799;

/// A compiled entry of `issuers`.
#[derive(Debug)]
pub(super) struct TrustedIssuer {
    pub(super) name: String,
    pub(super) keys: KeySource,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) leeway: Span,
    audiences: Vec<String>,
    /// In lower case, without `application/`.
    types: Vec<String>,
    max_lifetime: Option<Span>,
    required_claims: Vec<String>,
    subject: SubjectSource,
}

#[derive(Debug)]
pub(super) enum KeySource {
    Inline(KeySet),
    Remote,
}

#[derive(Debug, PartialEq, Eq)]
enum SubjectSource {
    /// The claim `sub`, which is then required.
    Sub,
    /// An expression of the configuration.
    Mapped,
}

/// The times of a token that passed, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) expires_at: u64,
}

impl TrustedIssuer {
    pub(super) fn compile(issuer: &config::Issuer, at: &str) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{at}.{name}");
        named(&issuer.issuer, &field("issuer"))?;
        all_named(&issuer.audiences, &field("audiences"))?;
        all_named(&issuer.types, &field("types"))?;
        for (index, claim) in issuer.required_claims.iter().enumerate() {
            named(claim, &format!("{at}.required_claims[{index}]"))?;
        }
        if issuer.algorithms.is_empty() {
            return Err(ConfigError::new(
                field("algorithms"),
                "an empty list; write at least one, such as `ES256`",
            ));
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
            audiences: issuer.audiences.clone(),
            types: issuer.types.iter().map(|typ| media_type(typ)).collect(),
            max_lifetime: issuer.max_lifetime,
            required_claims: issuer.required_claims.clone(),
            subject: match issuer.principal.subject {
                Some(_) => SubjectSource::Mapped,
                None => SubjectSource::Sub,
            },
        })
    }

    /// The algorithm and the type, which the issuer's configuration pins.
    pub(super) fn admit_header(&self, header: &Header) -> Result<(), Denial> {
        if !self.algorithms.contains(&header.algorithm) {
            return Err(Reason::TokenAlgorithmNotAllowed.into());
        }
        let typ = media_type(header.typ.as_deref().unwrap_or("JWT"));
        match self.types.contains(&typ) {
            true => Ok(()),
            false => Err(Reason::TokenTypeNotAllowed.into()),
        }
    }

    pub(super) fn admit_claims(&self, claims: &Map<String, Value>, moment: &Moment) -> Result<Times, Denial> {
        self.admit_audience(claims)?;
        let times = self.admit_times(claims, moment)?;
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
        match self.required_claims.iter().find(|name| claims.get(*name).is_none_or(Value::is_null)) {
            Some(name) => Err(missing(name)),
            None => Ok(times),
        }
    }

    fn admit_audience(&self, claims: &Map<String, Value>) -> Result<(), Denial> {
        let accepted = |audience: &str| self.audiences.iter().any(|own| own == audience);
        let matches = match claims.get("aud") {
            None | Some(Value::Null) => return Err(missing("aud")),
            Some(Value::String(audience)) => accepted(audience),
            Some(Value::Array(audiences)) if audiences.iter().all(Value::is_string) => {
                audiences.iter().filter_map(Value::as_str).any(accepted)
            }
            Some(_) => return Err(invalid("aud", "is neither a text nor a list of texts")),
        };
        match matches {
            true => Ok(()),
            false => Err(Reason::TokenAudienceMismatch.into()),
        }
    }

    fn admit_times(&self, claims: &Map<String, Value>, moment: &Moment) -> Result<Times, Denial> {
        let expires_at = numeric_date(claims, "exp")?.ok_or_else(|| missing("exp"))?;
        let not_before = numeric_date(claims, "nbf")?;
        let issued_at = numeric_date(claims, "iat")?;
        let latest = moment.unix_ms.saturating_add(self.leeway.milliseconds());
        if moment.unix_ms >= expires_at.saturating_add(self.leeway.milliseconds()) {
            return Err(Reason::TokenExpired.into());
        }
        if not_before.is_some_and(|time| time > latest) || issued_at.is_some_and(|time| time > latest) {
            return Err(Reason::TokenNotYetValid.into());
        }
        if let Some(max_lifetime) = self.max_lifetime {
            let issued_at = issued_at.ok_or_else(|| missing("iat"))?;
            if expires_at.saturating_sub(issued_at) > max_lifetime.milliseconds() {
                return Err(Reason::TokenLifetimeExceeded.into());
            }
        }
        Ok(Times { expires_at })
    }
}

impl KeySource {
    fn compile(issuer: &config::Issuer, at: &str) -> Result<Self, ConfigError> {
        match &issuer.jwks {
            Jwks::Inline(document) => KeySet::parse(document.to_string().as_bytes(), &issuer.algorithms)
                .map(Self::Inline)
                .map_err(|why| ConfigError::new(format!("{at}.inline"), why)),
            Jwks::Remote(RemoteJwks { cluster, host, path, .. }) => {
                named(cluster, &format!("{at}.remote.cluster"))?;
                named(host, &format!("{at}.remote.host"))?;
                match path.starts_with('/') {
                    true => Ok(Self::Remote),
                    false => Err(ConfigError::new(
                        format!("{at}.remote.path"),
                        format!("`{path}` is not a path; write one that begins with `/`"),
                    )),
                }
            }
        }
    }
}

pub(super) fn missing(claim: &str) -> Denial {
    Denial::new(Reason::TokenClaimMissing).with_detail(format!("`{claim}`"))
}

pub(super) fn invalid(claim: &str, why: &str) -> Denial {
    Denial::new(Reason::TokenClaimInvalid).with_detail(format!("`{claim}` {why}"))
}

/// A NumericDate (RFC 7519 section 2) in milliseconds; whole or fractional seconds.
fn numeric_date(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, Denial> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let milliseconds = match (value.as_u64(), value.as_f64()) {
        (Some(seconds), _) if seconds <= MAX_NUMERIC_DATE => Some(seconds.saturating_mul(1000)),
        // Below the bound the conversion is exact to a fraction of a millisecond.
        (None, Some(seconds)) if (0.0..=MAX_NUMERIC_DATE as f64).contains(&seconds) => {
            Some((seconds * 1000.0) as u64)
        }
        _ => None,
    };
    milliseconds.map(Some).ok_or_else(|| invalid(name, "is not a time in seconds since 1970"))
}

/// RFC 7515 section 4.1.9: without case, and `application/` may be left out.
fn media_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
}

fn named(text: &str, at: &str) -> Result<(), ConfigError> {
    match text.trim().is_empty() {
        true => Err(ConfigError::new(at, "an empty text; write the exact value")),
        false => Ok(()),
    }
}

fn all_named(texts: &[String], at: &str) -> Result<(), ConfigError> {
    if texts.is_empty() {
        return Err(ConfigError::new(
            at,
            "an empty list, which no token could satisfy; write at least one value",
        ));
    }
    texts.iter().enumerate().try_for_each(|(index, text)| named(text, &format!("{at}[{index}]")))
}
