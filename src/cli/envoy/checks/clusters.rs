//! Clusters: whether each name leads somewhere, who decides where, and what guards the way.

use super::cluster_destination::destination;
use crate::cli::document::Finding;
use crate::cli::envoy::model::{
    Cluster, EnvoyConfig, HttpFilter, Role, identity_clusters, nearby_clusters, token_clusters,
};
use crate::cli::envoy::weakness::Weakness;
use crate::config::{Attach, Config};

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if envoy.has_all_clusters {
        findings.extend(missing(envoy));
    }
    for cluster in &envoy.clusters {
        findings.extend(half_where_we_ask(envoy, cluster));
        let Some((config, _)) = envoy.upstream(cluster.name) else { continue };
        findings.extend(destination(cluster));
        if config.attach == Attach::AtCluster && !has_half(envoy, cluster) {
            let options = cluster.at.http_options().map(|options| options.place_of("http_filters"));
            let at = options.unwrap_or_else(|| cluster.at.place_of("typed_extension_protocol_options"));
            findings.push(Weakness::ClusterHalfMissing.at(&at, &[cluster.name]));
        }
    }
    findings
}

fn list_clusters(config: &Config) -> impl Iterator<Item = &str> {
    config.revocations.iter().filter_map(|list| Some(list.remote.as_ref()?.cluster.as_str()))
}

fn limit_cluster(config: &Config) -> Option<&str> {
    config.rate_limit_service.as_ref().map(|service| service.cluster.as_str())
}

/// Each that the gateway itself asks something through.
fn asked_clusters(config: &Config) -> impl Iterator<Item = &str> {
    let who = identity_clusters(config).chain(list_clusters(config));
    who.chain(token_clusters(config)).chain(nearby_clusters(config)).chain(limit_cluster(config))
}

/// Envoy leads the gateway's own questions through the filters of their cluster, too.
fn half_where_we_ask(envoy: &EnvoyConfig<'_>, cluster: &Cluster<'_>) -> Option<Finding> {
    let is_asked =
        envoy.gateways.iter().any(|config| asked_clusters(config).any(|name| name == cluster.name));
    let half = cluster.filters.iter().find(|filter| filter.role == Role::Half).filter(|_| is_asked)?;
    Some(Weakness::HalfOnAskedCluster.at(&half.at, &[cluster.name]))
}

fn missing(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let Some(first) = envoy.clusters.first() else { return Vec::new() };
    let mut findings = Vec::new();
    for config in &envoy.gateways {
        let named = config.upstreams.iter().map(|upstream| upstream.cluster.as_str());
        for name in named.chain(asked_clusters(config)) {
            if !envoy.clusters.iter().any(|cluster| cluster.name == name) {
                findings.push(Weakness::ClusterMissing.at(&first.at.whole_list(), &[name]));
            }
        }
    }
    findings
}

/// A cluster's own filters stand in for those that the router gives to all.
fn has_half(envoy: &EnvoyConfig<'_>, cluster: &Cluster<'_>) -> bool {
    let works = |filter: &HttpFilter<'_>| filter.role == Role::Half && !filter.at.is_true("disabled");
    if !cluster.filters.is_empty() {
        return cluster.filters.iter().any(works);
    }
    let mut managers = envoy.judged().filter(|manager| manager.gate().is_some()).peekable();
    managers.peek().is_some()
        && managers.all(|manager| {
            let mut routers = manager.filters.iter().filter(|filter| filter.is("router"));
            routers.any(|router| router.given_to_clusters().iter().any(works))
        })
}
