//! The clusters through which the gateway asks for itself: who else could, and what stands on them.

use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::{
    Cluster, EnvoyConfig, HttpFilter, Role, RouteTable, identity_clusters, limit_cluster, list_clusters,
    metadata_clusters, nearby_clusters, provider_key_cluster, token_clusters,
};
use crate::cli::envoy::weakness::Weakness;
use crate::config::Config;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        envoy.clusters.iter().filter_map(|cluster| half_where_we_ask(envoy, cluster)).collect();
    findings.extend(envoy.clusters.iter().filter_map(|cluster| told_for_whom(envoy, cluster)));
    findings.extend(envoy.raw_targets.iter().filter_map(|at| reached(envoy, at)));
    for manager in &envoy.managers {
        // The filter refuses a request for a cluster that is no upstream; a copy that Envoy makes later it does not see.
        let is_open = manager.gate().is_none();
        let routes = manager.routes().filter(|_| is_open);
        let targets = routes.flat_map(|placed| &placed.route.targets);
        findings.extend(targets.filter_map(|target| reached(envoy, &target.at)));
        for level in manager.tables.iter().flat_map(RouteTable::levels) {
            let action = level.field("route").unwrap_or_else(|| level.clone());
            let mirrors = action.list("request_mirror_policies").into_iter();
            findings.extend(mirrors.filter_map(|mirror| reached(envoy, &mirror.field("cluster")?)));
        }
    }
    findings
}

/// Each that the gateway itself asks something through.
pub(super) fn asked(config: &Config) -> impl Iterator<Item = &str> {
    let who = identity_clusters(config).chain(list_clusters(config));
    who.chain(provider_key_cluster(config)).chain(of_credentials(config)).chain(limit_cluster(config))
}

/// Each through which it gets credentials.
fn of_credentials(config: &Config) -> impl Iterator<Item = &str> {
    token_clusters(config).chain(nearby_clusters(config))
}

/// Envoy leads the gateway's own questions through the filters of their cluster, too.
fn half_where_we_ask(envoy: &EnvoyConfig<'_>, cluster: &Cluster<'_>) -> Option<Finding> {
    let is_asked = envoy.gateways.iter().any(|config| asked(config).any(|name| name == cluster.name));
    let half = cluster.filters.iter().find(|filter| filter.role == Role::Half).filter(|_| is_asked)?;
    Some(Weakness::HalfOnAskedCluster.at(&half.at, &[cluster.name]))
}

/// Envoy puts `x-forwarded-for` on what a module asks, which metadata servers refuse.
fn told_for_whom(envoy: &EnvoyConfig<'_>, cluster: &Cluster<'_>) -> Option<Finding> {
    let mut modules =
        envoy.judged().filter(|manager| manager.gate().is_some_and(|(gate, _)| gate.is_module()));
    let is_asked = modules.any(|manager| {
        manager.gateway.iter().any(|config| metadata_clusters(config).any(|name| name == cluster.name))
    });
    if !is_asked || cluster.filters.iter().any(takes_forwarded_for_off) {
        return None;
    }
    Some(Weakness::ForwardedForNotRemoved.at(&cluster.place_of_filters(), &[cluster.name]))
}

fn takes_forwarded_for_off(filter: &HttpFilter<'_>) -> bool {
    let config =
        filter.config.as_ref().filter(|_| filter.is("header_mutation") && !filter.at.is_true("disabled"));
    let mutations = config.and_then(|config| config.field("mutations"));
    let mutations = mutations.map(|mutations| mutations.list("request_mutations")).unwrap_or_default();
    mutations.iter().any(|mutation| mutation.header_of("remove").as_deref() == Some("x-forwarded-for"))
}

/// A field that leads whoever calls to where the gateway gets credentials.
fn reached(envoy: &EnvoyConfig<'_>, at: &ConfigNode<'_>) -> Option<Finding> {
    let name = at.text()?;
    let gives = |config: &Config| of_credentials(config).any(|cluster| cluster == name);
    envoy.gateways.iter().any(|config| gives(config)).then(|| Weakness::CredentialsReachable.at(at, &[name]))
}
