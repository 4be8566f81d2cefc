//! A client that gets a token for itself (RFC 6749 section 4.4).

use std::collections::BTreeMap;

use crate::config::{self, ClientAuthentication, ClientProof, ConfigError, Span, TokenEndpoint};
use crate::config::{SecretSource, require_reachable, require_text};
use crate::oauth_client::{FORM_TYPE, Form, prove_by_secret};
use crate::secret::{Environment, Secret};

/// What says which token it shall be; without a scope one of these must.
const TARGETS: [&str; 2] = ["audience", "resource"];
/// What this file writes itself.
const RESERVED: [&str; 6] =
    ["grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope"];

/// A question to be sent. It may hold secrets, so it has no `Debug`.
pub struct TokenRequest<'a> {
    pub cluster: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    pub timeout: Span,
    pub headers: Vec<(&'static str, String)>,
    /// Sent by `POST` where there is one.
    pub form: Option<String>,
}

/// One client, compiled.
#[derive(Debug)]
pub(super) struct Client {
    endpoint: TokenEndpoint,
    client_id: String,
    authentication: ClientAuthentication,
    /// `None` where the environment has none.
    secret: Option<Secret>,
    scope: Option<String>,
    parameters: BTreeMap<String, String>,
}

impl Client {
    pub(super) fn compile(
        client: &config::OauthClient,
        at: &str,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let TokenEndpoint { cluster, host, path, .. } = &client.endpoint;
        require_reachable(cluster, host, path, &format!("{at}.endpoint"))?;
        require_text(&client.client_id, &format!("{at}.client_id"))?;
        match &client.scope {
            Some(scope) => require_text(scope, &format!("{at}.scope"))?,
            None if TARGETS.iter().any(|target| client.parameters.contains_key(*target)) => {}
            None => {
                let why = "nothing says what the token is for; write the provider's scope, such as `https://cognitiveservices.azure.com/.default`";
                return Err(ConfigError::new(format!("{at}.scope"), why));
            }
        }
        if let Some(name) = client.parameters.keys().find(|name| RESERVED.contains(&name.as_str())) {
            let why = format!("`{name}` is written by the gateway itself; leave it out");
            return Err(ConfigError::new(format!("{at}.parameters.{name}"), why));
        }
        let (authentication, source) = secret_of(&client.client_authentication);
        Ok(Self {
            endpoint: client.endpoint.clone(),
            client_id: client.client_id.clone(),
            authentication,
            secret: source.read(&format!("{at}.client_authentication"), environment)?,
            scope: client.scope.clone(),
            parameters: client.parameters.clone(),
        })
    }

    /// What tells this client's tokens from others: all but the secret.
    pub(super) fn account(&self) -> Vec<Vec<u8>> {
        let TokenEndpoint { cluster, host, path, .. } = &self.endpoint;
        let parameters = self.parameters.iter().flat_map(|(name, value)| [name, value]);
        let texts = [cluster, host, path, &self.client_id].into_iter().chain(&self.scope).chain(parameters);
        texts.map(|text| text.as_bytes().to_vec()).collect()
    }

    pub(super) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    pub(super) fn timeout(&self) -> Span {
        self.endpoint.timeout
    }

    /// `None` where there is no secret.
    pub(super) fn request(&self) -> Option<TokenRequest<'_>> {
        let mut form = Form::of_grant("client_credentials");
        if let Some(scope) = &self.scope {
            form = form.with("scope", scope);
        }
        form = self.parameters.iter().fold(form, |form, (name, value)| form.with(name, value));
        let client = (self.client_id.as_str(), self.secret.as_ref()?);
        let (form, authorization) = prove_by_secret(form, self.authentication, client);
        let TokenEndpoint { cluster, host, path, timeout } = &self.endpoint;
        let (name, value) = FORM_TYPE;
        let mut headers = vec![("accept", "application/json".to_owned()), (name, value.to_owned())];
        headers.extend(authorization.map(|value| ("authorization", value)));
        Some(TokenRequest { cluster, host, path, timeout: *timeout, headers, form: Some(form.into_text()) })
    }
}

fn secret_of(proof: &ClientProof) -> (ClientAuthentication, &SecretSource) {
    match proof {
        ClientProof::ClientSecretBasic(source) => (ClientAuthentication::ClientSecretBasic, source),
        ClientProof::ClientSecretPost(source) => (ClientAuthentication::ClientSecretPost, source),
    }
}
