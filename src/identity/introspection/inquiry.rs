//! One question about one token, and how it is put to the issuer.

use crate::config;
use crate::identity::credential::CredentialName;
use crate::secret::Secret;

/// Something that only an issuer can tell: what the token is that a caller sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The issuer's index in the configuration.
    pub issuer: usize,
    /// The token's name in this worker.
    pub name: CredentialName,
    pub(super) token: Secret,
}

/// How an issuer is asked. It holds the token and the gateway's own secret, so it has no `Debug`.
pub struct IntrospectionRequest<'a> {
    pub source: &'a config::Introspection,
    pub authorization: Option<String>,
    /// A form.
    pub body: String,
    pub(super) token: &'a Secret,
}

impl IntrospectionRequest<'_> {
    /// The token that is asked about.
    pub fn token(&self) -> &str {
        std::str::from_utf8(self.token.expose()).unwrap_or_default()
    }
}

impl Inquiry {
    pub(in crate::identity) fn new(issuer: usize, name: CredentialName, token: &Secret) -> Self {
        Self { issuer, name, token: token.clone() }
    }
}
