//! Which issuer is asked about an opaque token, and how.

use super::inquiry::{Inquiry, IntrospectionRequest};
use crate::config::{self, ConfigError, Issuer, require_reachable, require_text};
use crate::identity::api_key::ApiKey;
use crate::identity::credential::MINTED_PREFIX;
use crate::oauth_client::{Form, prove_by_secret};
use crate::secret::{Environment, Secret};

/// Every issuer that is asked about tokens.
#[derive(Debug)]
pub(in crate::identity) struct Introspectors {
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

impl Introspectors {
    /// # Errors
    /// A field that is wrong, or two issuers between which a token would not tell.
    pub(in crate::identity) fn compile(
        issuers: &[Issuer],
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
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
    pub(in crate::identity) fn issuer_of(&self, token: &str) -> Option<usize> {
        let is_own = ApiKey::has_prefix(token);
        let found = self.all.iter().find(|one| token.starts_with(one.prefix()));
        found.filter(|_| !is_own).map(|one| one.issuer)
    }

    pub(in crate::identity) fn request<'a>(
        &'a self,
        inquiry: &'a Inquiry,
    ) -> Option<IntrospectionRequest<'a>> {
        self.by_issuer(inquiry.issuer)?.request(&inquiry.token)
    }

    pub(in crate::identity) fn source(&self, issuer: usize) -> Option<&config::Introspection> {
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
        let client = (self.source.client_id.as_str(), self.secret.as_ref()?);
        let token_text = std::str::from_utf8(token.expose()).ok()?;
        let form = Form::default().with("token", token_text).with("token_type_hint", "access_token");
        let (form, authorization) = prove_by_secret(form, self.source.client_authentication, client);
        let body = form.into_text();
        Some(IntrospectionRequest { source: &self.source, authorization, body, token })
    }
}
