//! The gateway as a client of an authorization server (RFC 6749): where it asks, what for, and as whom.

mod proof;

use std::collections::BTreeMap;

use super::request::{Step, TokenRequest};
use crate::config::{self, ConfigError, ServedFile, Span, TokenEndpoint, require_reachable, require_text};
use crate::oauth_client::{FORM_TYPE, Form};
use crate::request::Moment;
use crate::secret::Environment;
use proof::Proof;

/// What says which token it shall be; without a scope one of these must.
const TARGETS: [&str; 2] = ["audience", "resource"];
/// What the gateway writes itself.
const RESERVED: [&str; 12] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "assertion",
    "requested_token_use",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
];

/// One client, compiled.
#[derive(Debug)]
pub(super) struct Client {
    endpoint: TokenEndpoint,
    client_id: String,
    proof: Proof,
    scope: Option<String>,
    parameters: BTreeMap<String, String>,
}

impl Client {
    pub(super) fn compile(
        client: &config::OauthClient,
        at: &str,
        from: (&[ServedFile], Environment<'_>),
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
        Ok(Self {
            endpoint: client.endpoint.clone(),
            client_id: client.client_id.clone(),
            proof: Proof::compile(&client.client_authentication, at, from)?,
            scope: client.scope.clone(),
            parameters: client.parameters.clone(),
        })
    }

    /// What tells this client's tokens from others: all but the proof.
    pub(super) fn account(&self) -> Vec<&str> {
        let TokenEndpoint { cluster, host, path, .. } = &self.endpoint;
        let parameters = self.parameters.iter().flat_map(|(name, value)| [name, value]);
        let texts = [cluster, host, path, &self.client_id].into_iter().chain(&self.scope).chain(parameters);
        texts.map(String::as_str).collect()
    }

    pub(super) fn material(&self) -> Option<Vec<u8>> {
        self.proof.material()
    }

    /// That of a file comes on top.
    pub(super) fn timeout(&self) -> Span {
        let file_ms = self.proof.file().map_or(0, |file| file.timeout.milliseconds());
        Span::from_milliseconds(self.endpoint.timeout.milliseconds().saturating_add(file_ms))
    }

    /// What is to be done first, to ask for what `form` says.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn begin(&self, form: Form, moment: &Moment) -> Result<Step<'_>, String> {
        match self.proof.file() {
            Some(file) => Ok(Step::Read(TokenRequest::of_file(file))),
            None => self.request(form, None, moment).map(Step::Ask),
        }
    }

    /// The question of `form`, with what it is for and who asks.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn request(
        &self,
        mut form: Form,
        file: Option<&[u8]>,
        moment: &Moment,
    ) -> Result<TokenRequest<'_>, String> {
        if let Some(scope) = &self.scope {
            form = form.with("scope", scope);
        }
        form = self.parameters.iter().fold(form, |form, (name, value)| form.with(name, value));
        let TokenEndpoint { cluster, host, path, timeout } = &self.endpoint;
        let url = format!("https://{host}{path}");
        let (form, authorization) = self.proof.put(form, (&self.client_id, &url), file, moment)?;
        let (name, value) = FORM_TYPE;
        let mut headers = vec![("accept", "application/json".to_owned()), (name, value.to_owned())];
        headers.extend(authorization.map(|value| ("authorization", value)));
        Ok(TokenRequest { cluster, host, path, timeout: *timeout, headers, form: Some(form.into_text()) })
    }
}
