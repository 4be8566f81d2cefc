//! The environment variables that a configuration names, and values for where there are none.

use std::collections::BTreeSet;

use serde_json::json;

use crate::config::{ClientProof, Config, CredentialSource, Introspection, ProviderCredential, SecretSource};
use crate::secret::Secret;

/// Provider credentials and signing keys are there when Envoy runs; here their names are enough.
pub(in crate::cli) fn stand_in(config: &Config) -> impl Fn(&str) -> Option<Secret> + use<> {
    // A key that signs the tokens of scripts, and that everybody knows.
    environment(config, |name| Some(json!({ "kty": "oct", "kid": name, "k": "A".repeat(43) }).to_string()))
}

/// As [`stand_in`], but with the signing keys of this process's environment.
pub(in crate::cli) fn with_signing_keys(config: &Config) -> impl Fn(&str) -> Option<Secret> + use<> {
    environment(config, |name| std::env::var(name).ok())
}

fn environment(
    config: &Config,
    signing_key: fn(&str) -> Option<String>,
) -> impl Fn(&str) -> Option<Secret> + use<> {
    let signing: Vec<String> = signing_keys(config).map(str::to_owned).collect();
    move |name| match signing.iter().any(|key| key == name) {
        true => signing_key(name).map(Secret::new),
        false => Some(Secret::new(provider_credential(name))),
    }
}

/// The environment variables that hold keys of the gateway's own: those that sign tokens, and the one that makes nonces.
fn signing_keys(config: &Config) -> impl Iterator<Item = &str> {
    let keys = config.tokens.iter().flat_map(|tokens| [Some(&tokens.signing_key), tokens.other_key.as_ref()]);
    let keys = keys.chain(config.dpop.iter().map(|dpop| dpop.nonce_key.as_ref()));
    keys.flatten().map(|SecretSource::Env(name)| name.as_str())
}

/// The environment variables by whose values issuers and token endpoints know the gateway.
fn client_secrets(config: &Config) -> impl Iterator<Item = &str> {
    let asked = config.issuers.iter().filter_map(|issuer| issuer.introspection.as_ref());
    let asked = asked.map(|Introspection { client_secret, .. }| client_secret);
    let clients = config.credentials.iter().filter_map(|credential| credential.oauth.as_ref());
    let clients = clients.map(|client| match &client.client_authentication {
        ClientProof::ClientSecretBasic(secret) | ClientProof::ClientSecretPost(secret) => secret,
    });
    asked.chain(clients).map(|SecretSource::Env(name)| name.as_str())
}

/// The value that a provider credential has in scripts.
fn provider_credential(name: &str) -> String {
    format!("provider-credential-of-{name}")
}

fn variable(source: &CredentialSource) -> Option<&str> {
    match source {
        CredentialSource::Env(name) => Some(name),
        CredentialSource::From(_) => None,
    }
}

/// The environment variables that hold provider credentials and secrets of the gateway's own, sorted.
pub(in crate::cli) fn environment_names(config: &Config) -> BTreeSet<&str> {
    let names = config.upstreams.iter().flat_map(|upstream| match &upstream.credential {
        ProviderCredential::Env(name) => vec![name.as_str()],
        ProviderCredential::PerTenant(entry) => {
            entry.tenants.values().chain(&entry.fallback).filter_map(variable).collect()
        }
        ProviderCredential::From(_) | ProviderCredential::Envoy => Vec::new(),
    });
    names.chain(signing_keys(config)).chain(client_secrets(config)).collect()
}
