//! The clusters through which a gateway asks for itself: who may call, and for tokens for providers.

use crate::config::{AppService, AwsKeys, AzureMachine, BedrockKey, Config, GoogleMachine, Jwks, Machine};

/// The clusters that a configuration asks issuers through.
fn issuer_clusters(config: &Config) -> impl Iterator<Item = &str> {
    config.issuers.iter().flat_map(|issuer| {
        let keys = match &issuer.jwks {
            Some(Jwks::Remote(remote)) => Some(&remote.cluster),
            Some(Jwks::Inline(_)) | None => None,
        };
        let introspection = issuer.introspection.as_ref().map(|source| &source.cluster);
        keys.into_iter().chain(introspection).map(String::as_str)
    })
}

/// The clusters that a configuration gets tokens for providers through.
pub(in crate::cli) fn token_clusters(config: &Config) -> impl Iterator<Item = &str> {
    let clients = config.credentials.iter().filter_map(|credential| credential.client());
    clients.map(|client| client.endpoint.cluster.as_str())
}

/// The clusters that lead to metadata servers.
pub(in crate::cli) fn metadata_clusters(config: &Config) -> impl Iterator<Item = &str> {
    let machines = config.credentials.iter().filter_map(|credential| credential.metadata.as_ref());
    let machines = machines.map(|machine| match machine {
        Machine::Azure(AzureMachine { cluster, .. })
        | Machine::AppService(AppService { cluster, .. })
        | Machine::Google(GoogleMachine { cluster, .. }) => cluster.as_str(),
    });
    let containers = config.credentials.iter().filter_map(|credential| match &credential.bedrock_key {
        Some(BedrockKey { aws: AwsKeys::Container(keys), .. }) => Some(keys.cluster.as_str()),
        _ => None,
    });
    machines.chain(containers)
}

/// The clusters that lead to metadata servers and to files, neither of which leave the machine's surroundings.
pub(in crate::cli) fn nearby_clusters(config: &Config) -> impl Iterator<Item = &str> {
    metadata_clusters(config).chain(config.files.iter().map(|file| file.cluster.as_str()))
}

/// The clusters that a configuration learns through who may call: from issuers, and from key feeds.
pub(in crate::cli) fn identity_clusters(config: &Config) -> impl Iterator<Item = &str> {
    issuer_clusters(config).chain(config.key_feeds.iter().map(|feed| feed.remote.cluster.as_str()))
}

/// The clusters that revocation lists come through.
pub(in crate::cli) fn list_clusters(config: &Config) -> impl Iterator<Item = &str> {
    config.revocations.iter().filter_map(|list| Some(list.remote.as_ref()?.cluster.as_str()))
}

/// The cluster of the rate limit service.
pub(in crate::cli) fn limit_cluster(config: &Config) -> Option<&str> {
    config.rate_limit_service.as_ref().map(|service| service.cluster.as_str())
}

/// The cluster that providers' keys come through, which are kept for tenants and users.
pub(in crate::cli) fn provider_key_cluster(config: &Config) -> Option<&str> {
    let feed = config.own_keys.as_ref().and_then(|own_keys| own_keys.feed.as_ref());
    feed.map(|feed| feed.remote.cluster.as_str())
}
