//! Clusters: whether each name leads somewhere, who decides where, and what guards the way.

use super::asked_clusters::asked;
use super::cluster_destination::destination;
use crate::cli::document::Finding;
use crate::cli::envoy::model::{Cluster, EnvoyConfig, HttpFilter, Role};
use crate::cli::envoy::weakness::Weakness;
use crate::config::Attach;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if envoy.has_all_clusters {
        findings.extend(missing(envoy));
    }
    for cluster in &envoy.clusters {
        let Some((config, _)) = envoy.upstream(cluster.name) else { continue };
        findings.extend(destination(cluster));
        if config.attach == Attach::AtCluster && !has_half(envoy, cluster) {
            findings.push(Weakness::ClusterHalfMissing.at(&cluster.place_of_filters(), &[cluster.name]));
        }
    }
    findings
}

fn missing(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let Some(first) = envoy.clusters.first() else { return Vec::new() };
    let mut findings = Vec::new();
    for config in &envoy.gateways {
        let named = config.upstreams.iter().map(|upstream| upstream.cluster.as_str());
        for name in named.chain(asked(config)) {
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
