//! The identity of the machine, which its cloud's metadata server gives tokens of.
//!
//! Azure: <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token> and
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity>; Google:
//! <https://cloud.google.com/compute/docs/access/authenticate-workloads>.

use form_urlencoded::Serializer;

use crate::config::{
    self, AppService, AzureMachine, ConfigError, GoogleMachine, Span, require_reachable, require_text,
};
use crate::credentials::request::TokenRequest;
use crate::credentials::word::read_word;
use crate::request::Cloud;
use crate::secret::{Environment, Secret};

const LINK_LOCAL: &str = "169.254.169.254";
const GOOGLE: &str = "metadata.google.internal";

/// One machine, compiled: where it asks, and by which header it shows that it asks on purpose.
#[derive(Debug)]
pub(in crate::credentials) struct Machine {
    cluster: String,
    host: &'static str,
    /// With the query.
    path: String,
    header: &'static str,
    /// `None` where the environment has none.
    value: Option<Secret>,
    timeout: Span,
}

impl Machine {
    pub(super) fn compile(
        machine: &config::Machine,
        at: &str,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let compiled = match machine {
            config::Machine::Azure(AzureMachine { cluster, resource, client_id, timeout }) => {
                require_text(resource, &format!("{at}.azure.resource"))?;
                Self {
                    cluster: cluster.clone(),
                    host: LINK_LOCAL,
                    path: azure_path("/metadata/identity/oauth2/token", "2018-02-01", (resource, client_id)),
                    header: "metadata",
                    value: Some(Secret::new("true")),
                    timeout: *timeout,
                }
            }
            config::Machine::AppService(AppService {
                cluster,
                path,
                header,
                resource,
                client_id,
                timeout,
            }) => {
                require_text(resource, &format!("{at}.app_service.resource"))?;
                Self {
                    cluster: cluster.clone(),
                    host: "localhost",
                    path: azure_path(path, "2019-08-01", (resource, client_id)),
                    header: "x-identity-header",
                    value: read_word(header, &format!("{at}.app_service.header"), environment)?,
                    timeout: *timeout,
                }
            }
            config::Machine::Google(GoogleMachine { cluster, account, scopes, timeout }) => {
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
                if account.is_empty() || !account.bytes().all(is_name) {
                    let why = format!(
                        "`{}` is no service account; write its address, or leave it out",
                        account.escape_debug()
                    );
                    return Err(ConfigError::new(format!("{at}.google.account"), why));
                }
                let mut path = format!("/computeMetadata/v1/instance/service-accounts/{account}/token");
                if !scopes.is_empty() {
                    let query =
                        Serializer::new(String::new()).append_pair("scopes", &scopes.join(",")).finish();
                    path.push_str(&format!("?{query}"));
                }
                Self {
                    cluster: cluster.clone(),
                    host: GOOGLE,
                    path,
                    header: "metadata-flavor",
                    value: Some(Secret::new("Google")),
                    timeout: *timeout,
                }
            }
        };
        require_reachable(&compiled.cluster, compiled.host, &compiled.path, at)?;
        Ok(compiled)
    }

    /// Whose machine it is.
    pub(super) fn cloud(&self) -> Cloud {
        match self.host {
            GOOGLE => Cloud::Google,
            _ => Cloud::Azure,
        }
    }

    pub(super) fn account(&self) -> Vec<&str> {
        vec![&self.cluster, self.host, &self.path]
    }

    pub(super) fn material(&self) -> Option<Vec<u8>> {
        self.value.as_ref().map(|value| value.expose().to_vec())
    }

    pub(super) fn timeout(&self) -> Span {
        self.timeout
    }

    /// # Errors
    /// One line for the operator.
    pub(super) fn request(&self) -> Result<TokenRequest<'_>, String> {
        let value = self.value.as_ref().and_then(|value| std::str::from_utf8(value.expose()).ok());
        let value = value.ok_or("the environment has no value for the header that proves the application")?;
        let mut request = TokenRequest::get(&self.cluster, self.host, &self.path, self.timeout);
        request.headers.push((self.header, value.to_owned()));
        Ok(request)
    }
}

fn azure_path(path: &str, version: &str, (resource, client_id): (&str, &Option<String>)) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("api-version", version).append_pair("resource", resource);
    if let Some(client_id) = client_id {
        query.append_pair("client_id", client_id);
    }
    format!("{path}?{}", query.finish())
}
