//! The environment variables that a configuration names, and values for where there are none.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::config::{
    AwsKeys, ClientProof, Config, Credential, CredentialSource, Introspection, Machine, ProviderCredential,
    SecretSource,
};
use crate::own_key::new_pair;
use crate::secret::Secret;

/// Provider credentials and signing keys are there when Envoy runs; here their names are enough.
pub(in crate::cli) fn stand_in(config: &Config) -> impl Fn(&str) -> Option<Secret> + use<> {
    // Keys that sign the tokens of scripts, seal or open, and that everybody knows; one that does both is refused.
    let feeds: Vec<String> = feed_keys(config).map(|SecretSource::Env(name)| name.clone()).collect();
    let others = environment(config, |name| {
        let key = BASE64URL_NOPAD.encode(&Sha256::digest(name));
        Some(json!({ "kty": "oct", "kid": name, "k": key }).to_string())
    });
    move |name| match feeds.iter().any(|key| key == name) {
        true => {
            let (private, _) = new_pair(name, Sha256::digest(name).into())?;
            Some(Secret::new(private.to_string()))
        }
        false => others(name),
    }
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
    let formed = config.credentials.iter().flat_map(formed_secrets);
    let formed: Vec<String> = formed.map(|SecretSource::Env(name)| name.clone()).collect();
    move |name| match signing.iter().any(|key| key == name) {
        true => signing_key(name).map(Secret::new),
        // No text stands in for a key of a certain form.
        false if formed.iter().any(|key| key == name) => None,
        false => Some(Secret::new(provider_credential(name))),
    }
}

/// The environment variables that hold keys of the gateway's own: those that sign tokens or seal keys, and the one that makes nonces.
fn signing_keys(config: &Config) -> impl Iterator<Item = &str> {
    let keys = config.tokens.iter().flat_map(|tokens| [Some(&tokens.signing_key), tokens.other_key.as_ref()]);
    let keys = keys.chain(config.dpop.iter().map(|dpop| dpop.nonce_key.as_ref()));
    keys.flatten()
        .chain(sealing_keys(config))
        .chain(feed_keys(config))
        .map(|SecretSource::Env(name)| name.as_str())
}

/// Those by which what others have sealed in a feed is opened.
fn feed_keys(config: &Config) -> impl Iterator<Item = &SecretSource> {
    let feeds = config.own_keys.iter().flat_map(|own| &own.feed);
    feeds.flat_map(|feed| [&feed.key].into_iter().chain(&feed.other_keys))
}

/// Those by which users' own keys are sealed.
fn sealing_keys(config: &Config) -> impl Iterator<Item = &SecretSource> {
    let sections = config.own_keys.iter();
    sections.flat_map(|own| [&own.sealing_key].into_iter().chain(&own.other_sealing_keys))
}

/// The environment variables by whose values issuers, token endpoints and providers know the gateway.
fn client_secrets(config: &Config) -> impl Iterator<Item = &str> {
    let asked = config.issuers.iter().filter_map(|issuer| issuer.introspection.as_ref());
    let asked = asked.map(|Introspection { client_secret, .. }| client_secret);
    let asked = asked.map(|SecretSource::Env(name)| name.as_str());
    asked.chain(config.credentials.iter().flat_map(secret_names))
}

/// The variables that a credential is got with, or that hold its keys.
pub(in crate::cli) fn secret_names(credential: &Credential) -> Vec<&str> {
    let secrets = secrets(credential).into_iter().map(|SecretSource::Env(name)| name.as_str());
    let members = credential.pool.iter().flat_map(|pool| &pool.members);
    secrets.chain(members.map(|member| member.env.as_str())).collect()
}

/// What a credential is got with.
fn secrets(credential: &Credential) -> Vec<&SecretSource> {
    let Credential { id: _, oauth: _, exchange: _, metadata, google_key, bedrock_key, pool: _ } = credential;
    let mut secrets = Vec::new();
    match credential.client().map(|client| &client.client_authentication) {
        Some(ClientProof::ClientSecretBasic(secret) | ClientProof::ClientSecretPost(secret)) => {
            secrets.push(secret)
        }
        Some(ClientProof::PrivateKeyJwt(entry)) => {
            secrets.extend([&entry.key].into_iter().chain(&entry.certificate))
        }
        Some(ClientProof::ClientAssertion(_)) | None => {}
    }
    match metadata {
        Some(Machine::AppService(service)) => secrets.push(&service.header),
        Some(Machine::Azure(_) | Machine::Google(_)) | None => {}
    }
    secrets.extend(google_key.iter().map(|google| &google.key));
    match bedrock_key.as_ref().map(|bedrock| &bedrock.aws) {
        Some(AwsKeys::Keys(keys)) => {
            secrets.extend(
                [&keys.access_key_id, &keys.secret_access_key].into_iter().chain(&keys.session_token),
            );
        }
        Some(AwsKeys::Container(_)) | None => {}
    }
    secrets
}

/// What of that is a key in a form of its own.
fn formed_secrets(credential: &Credential) -> impl Iterator<Item = &SecretSource> {
    let signed = credential.client().into_iter().filter_map(|client| match &client.client_authentication {
        ClientProof::PrivateKeyJwt(entry) => Some([&entry.key].into_iter().chain(&entry.certificate)),
        _ => None,
    });
    signed.flatten().chain(credential.google_key.iter().map(|google| &google.key))
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
        ProviderCredential::Own(entry) => entry.fallback.iter().filter_map(variable).collect(),
        ProviderCredential::From(_) | ProviderCredential::Envoy => Vec::new(),
    });
    names.chain(signing_keys(config)).chain(client_secrets(config)).collect()
}
