//! What the gateway tells everybody who asks: its metadata (RFC 9728) and the keys of its own tokens (RFC 7517).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::config::{BoundBy, Config, ConfigError, Discovery};
use crate::denial::Answer;
use crate::request::RequestHead;

/// RFC 8615; RFC 9728 section 3.
const METADATA: &str = "/.well-known/oauth-protected-resource";
/// By convention of the providers that have no other.
const KEY_SET: &str = "/.well-known/jwks.json";

/// The documents of one configuration, by their paths.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Documents {
    documents: Vec<(String, String)>,
    /// The URL of the metadata, for challenges.
    metadata_url: Option<Arc<str>>,
}

impl Documents {
    /// # Errors
    /// A resource that is no URL.
    pub(in crate::gateway) fn compile(config: &Config, token_keys: Vec<Value>) -> Result<Self, ConfigError> {
        let mut compiled = Self::default();
        if !token_keys.is_empty() {
            compiled.documents.push((KEY_SET.to_owned(), json!({ "keys": token_keys }).to_string()));
        }
        if let Some(discovery) = &config.discovery {
            let (origin, path) = split(&discovery.resource).ok_or_else(|| {
                let why = format!(
                    "`{}` is not a URL with `https`, a host and neither query nor fragment; write one such as `https://ai-gateway.example/`",
                    discovery.resource.escape_debug()
                );
                ConfigError::new("discovery.resource", why)
            })?;
            let path = format!("{METADATA}{}", path.trim_end_matches('/'));
            compiled.metadata_url = Some(format!("{origin}{path}").into());
            compiled.documents.push((path, metadata(discovery, config).to_string()));
        }
        Ok(compiled)
    }

    pub(in crate::gateway) fn metadata_url(&self) -> Option<Arc<str>> {
        self.metadata_url.clone()
    }

    /// The document that is asked for.
    pub(in crate::gateway) fn find(&self, head: &RequestHead) -> Option<Answer> {
        if !matches!(head.method(), "GET" | "HEAD") || head.is_upgrade() {
            return None;
        }
        let (_, body) = self.documents.iter().find(|(path, _)| head.path() == path)?;
        let headers = [("content-type", "application/json"), ("cache-control", "public, max-age=300")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some(Answer { status: 200, headers: headers.to_vec(), body: body.clone() })
    }
}

/// The origin and the path of a URL, which may go into a header as it is; plain `http` only on this machine.
fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://").or_else(|| {
        let rest = url.strip_prefix("http://")?;
        ["localhost", "127.0.0.1"].iter().any(|host| rest.starts_with(host)).then_some(rest)
    })?;
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\?#@".contains(&byte));
    let host_end = rest.find('/').unwrap_or(rest.len());
    let path = rest.get(host_end..)?;
    let origin = url.get(..url.len().checked_sub(path.len())?)?;
    (is_plain && host_end > 0).then_some((origin, path))
}

/// RFC 9728 section 2.
fn metadata(discovery: &Discovery, config: &Config) -> Value {
    // Nobody logs in at a trust domain.
    let servers = || config.issuers.iter().filter(|issuer| !issuer.is_trust_domain());
    let issuers = || servers().flat_map(|issuer| issuer.names()).collect();
    let mut metadata = Map::new();
    metadata.insert("resource".to_owned(), discovery.resource.as_str().into());
    let servers: Vec<String> = discovery.authorization_servers.clone().unwrap_or_else(issuers);
    if !servers.is_empty() {
        metadata.insert("authorization_servers".to_owned(), servers.into());
    }
    metadata.insert("bearer_methods_supported".to_owned(), json!(["header"]));
    if !discovery.scopes_supported.is_empty() {
        metadata.insert("scopes_supported".to_owned(), discovery.scopes_supported.clone().into());
    }
    metadata.extend(possession(config).map(|(name, value)| (name.to_owned(), value)));
    let texts = [
        ("resource_name", &discovery.resource_name),
        ("resource_documentation", &discovery.resource_documentation),
    ];
    metadata.extend(
        texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_deref()?.into()))),
    );
    metadata.into()
}

/// What the tokens must be bound to. Whether Envoy asks for client certificates is not known here, but whoever demands
/// them has seen to it.
fn possession(config: &Config) -> impl Iterator<Item = (&'static str, Value)> {
    let algorithms = config
        .dpop
        .as_ref()
        .map(|dpop| dpop.algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().into());
    let bound_by = || config.issuers.iter().map(|issuer| issuer.bound_by);
    let by_dpop = !config.issuers.is_empty() && bound_by().all(|bound_by| bound_by == Some(BoundBy::Dpop));
    let by_certificate = bound_by().flatten().any(|bound_by| bound_by != BoundBy::Dpop);
    let members = [
        ("dpop_signing_alg_values_supported", algorithms),
        ("dpop_bound_access_tokens_required", by_dpop.then_some(true.into())),
        ("tls_client_certificate_bound_access_tokens", by_certificate.then_some(true.into())),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name, value?)))
}
