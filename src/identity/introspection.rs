//! Opaque tokens: which issuer is asked about one, how it is asked, and what its answer means (RFC 7662).
//!
//! It does not ask. The host sends the [`IntrospectionRequest`] of an [`Inquiry`] and hands the answer in. What is not an
//! answer proves nothing and refuses nothing: the caller cannot be told then.

use std::rc::Rc;

use ct_codecs::{Base64, Encoder};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;

use super::api_key::ApiKey;
use super::credential::{CredentialName, MINTED_PREFIX};
use super::jose::unique_json;
use super::principal::Principal;
use crate::config::{self, ClientAuthentication, ConfigError, Issuer, require_reachable, require_text};
use crate::denial::{Denial, Reason};
use crate::secret::{Environment, Secret};

/// The longest answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What `application/x-www-form-urlencoded` leaves as it is.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// Every issuer that is asked about tokens.
#[derive(Debug)]
pub(super) struct Introspectors {
    /// The longest prefix first.
    all: Vec<Introspector>,
}

/// One issuer that is asked about tokens.
#[derive(Debug)]
struct Introspector {
    issuer: usize,
    source: config::Introspection,
    /// `None` where the environment has none.
    secret: Option<Secret>,
}

/// Something that only an issuer can tell: what the token is that a caller sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The issuer's index in the configuration.
    pub issuer: usize,
    /// The token's name in this worker.
    pub name: CredentialName,
    token: Secret,
}

/// How an issuer is asked. It holds the token and the gateway's own secret, so it has no `Debug`.
pub struct IntrospectionRequest<'a> {
    pub source: &'a config::Introspection,
    pub authorization: Option<String>,
    /// A form.
    pub body: String,
    token: &'a Secret,
}

/// What an issuer said of a token.
#[derive(Clone, Debug)]
pub struct Introspected {
    pub(super) said: Result<Rc<Principal>, Denial>,
    /// SHA-256 of the whole answer, for the name of what is found out by it.
    pub(super) answer: [u8; 32],
    /// Unix milliseconds; before it, where a clock was set back, the token may not be valid yet.
    pub(super) asked_ms: u64,
    /// Unix milliseconds from which on the issuer must be asked again.
    pub(super) until_ms: u64,
}

impl Introspectors {
    /// # Errors
    /// A field that is wrong, or two issuers between which a token would not tell.
    pub(super) fn compile(issuers: &[Issuer], environment: Environment<'_>) -> Result<Self, ConfigError> {
        let mut all: Vec<Introspector> = Vec::new();
        for (issuer, source) in issuers.iter().enumerate() {
            let Some(source) = &source.introspection else { continue };
            let at = format!("issuers[{issuer}].introspection");
            if all.iter().any(|other| other.source.prefix == source.prefix) {
                let why = match &source.prefix {
                    Some(prefix) => format!("`{prefix}` is that of another issuer's tokens too"),
                    None => "another issuer has none either, so that a token would not tell whom to ask; write what the tokens of one begin with".to_owned(),
                };
                return Err(ConfigError::new(format!("{at}.prefix"), why));
            }
            all.push(Introspector::compile(issuer, source, &at, environment)?);
        }
        all.sort_by_key(|one| std::cmp::Reverse(one.prefix().len()));
        Ok(Self { all })
    }

    /// The issuer that may know a token which is nobody's API key here.
    pub(super) fn issuer_of(&self, token: &str) -> Option<usize> {
        let is_own = ApiKey::has_prefix(token);
        let found = self.all.iter().find(|one| token.starts_with(one.prefix()));
        found.filter(|_| !is_own).map(|one| one.issuer)
    }

    pub(super) fn request<'a>(&'a self, inquiry: &'a Inquiry) -> Option<IntrospectionRequest<'a>> {
        self.by_issuer(inquiry.issuer)?.request(&inquiry.token)
    }

    pub(super) fn source(&self, issuer: usize) -> Option<&config::Introspection> {
        self.by_issuer(issuer).map(|one| &one.source)
    }

    fn by_issuer(&self, issuer: usize) -> Option<&Introspector> {
        self.all.iter().find(|one| one.issuer == issuer)
    }
}

impl Introspector {
    fn compile(
        issuer: usize,
        source: &config::Introspection,
        at: &str,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        require_reachable(&source.cluster, &source.host, &source.path, at)?;
        require_text(&source.client_id, &format!("{at}.client_id"))?;
        if let Some(prefix) = &source.prefix {
            let at = format!("{at}.prefix");
            require_text(prefix, &at)?;
            if prefix.starts_with(MINTED_PREFIX) || ApiKey::has_prefix(prefix) {
                let why = format!("`{prefix}` is what this gateway's own credentials begin with");
                return Err(ConfigError::new(at, why));
            }
        }
        let secret = source.client_secret.read(&format!("{at}.client_secret"), environment)?;
        Ok(Self { issuer, source: source.clone(), secret })
    }

    fn prefix(&self) -> &str {
        self.source.prefix.as_deref().unwrap_or_default()
    }

    /// RFC 7662 section 2.1; `None` where there is no secret to ask with.
    fn request<'a>(&'a self, token: &'a Secret) -> Option<IntrospectionRequest<'a>> {
        let (id, secret) = (form(self.source.client_id.as_bytes()), form(self.secret.as_ref()?.expose()));
        let body = format!("token={}&token_type_hint=access_token", form(token.expose()));
        let (authorization, body) = match self.source.client_authentication {
            ClientAuthentication::ClientSecretBasic => {
                let credentials = Base64::encode_to_string(format!("{id}:{secret}")).ok()?;
                (Some(format!("Basic {credentials}")), body)
            }
            ClientAuthentication::ClientSecretPost => {
                (None, format!("{body}&client_id={id}&client_secret={secret}"))
            }
        };
        Some(IntrospectionRequest { source: &self.source, authorization, body, token })
    }
}

impl IntrospectionRequest<'_> {
    /// The token that is asked about.
    pub fn token(&self) -> &str {
        std::str::from_utf8(self.token.expose()).unwrap_or_default()
    }
}

impl Inquiry {
    pub(super) fn new(issuer: usize, name: CredentialName, token: &Secret) -> Self {
        Self { issuer, name, token: token.clone() }
    }
}

impl Introspected {
    /// True where nobody is proven by it.
    pub fn is_refusal(&self) -> bool {
        self.said.is_err()
    }

    /// True where it may be relied on.
    pub(super) fn holds(&self, now_ms: u64) -> bool {
        (self.asked_ms..self.until_ms).contains(&now_ms)
    }
}

/// The claims of a token that is active; the denial of one that is not.
///
/// # Errors
/// One line for the operator where this is no answer.
pub(super) fn read(answer: &[u8]) -> Result<Result<serde_json::Map<String, Value>, Denial>, String> {
    let answer = unique_json::object(answer).ok_or("the answer is not one JSON object")?;
    match answer.get("active") {
        Some(Value::Bool(true)) => Ok(Ok(answer)),
        Some(Value::Bool(false)) => Ok(Err(Reason::TokenInactive.into())),
        _ => Err("the answer does not say by `active` whether the token is".to_owned()),
    }
}

fn form(bytes: &[u8]) -> String {
    percent_encode(bytes, FORM).to_string()
}

#[cfg(test)]
mod tests;
