//! Clusters: whether each name leads somewhere, who decides where, and what guards the way.

use super::chain::given_to_clusters;
use super::doors::Door;
use super::filter::{HttpFilter, Role};
use super::part::Part;
use super::picture::{Cluster, Picture};
use crate::cli::document::Finding;
use crate::config::{Attach, Config, Jwks};

pub(super) fn findings(picture: &Picture<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if picture.has_all_clusters {
        findings.extend(missing(picture));
    }
    for cluster in &picture.clusters {
        let Some((config, _)) = picture.upstream(cluster.name) else { continue };
        findings.extend(destination(cluster));
        if config.attach == Attach::AtCluster && !has_half(picture, cluster) {
            let options = cluster.at.http_options().map(|options| options.spot("http_filters"));
            let at = options.unwrap_or_else(|| cluster.at.spot("typed_extension_protocol_options"));
            findings.push(Door::ClusterHalfMissing.at(&at, &[cluster.name]));
        }
    }
    findings
}

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

/// The clusters that a configuration learns through who may call: from issuers, and from key feeds.
pub(super) fn identity_clusters(config: &Config) -> impl Iterator<Item = &str> {
    issuer_clusters(config).chain(config.key_feeds.iter().map(|feed| feed.remote.cluster.as_str()))
}

fn list_clusters(config: &Config) -> impl Iterator<Item = &str> {
    config.revocations.iter().filter_map(|list| Some(list.remote.as_ref()?.cluster.as_str()))
}

fn limit_cluster(config: &Config) -> Option<&str> {
    config.rate_limit_service.as_ref().map(|service| service.cluster.as_str())
}

fn missing(picture: &Picture<'_>) -> Vec<Finding> {
    let Some(first) = picture.clusters.first() else { return Vec::new() };
    let mut findings = Vec::new();
    for config in &picture.gateways {
        let named = config.upstreams.iter().map(|upstream| upstream.cluster.as_str());
        let asked = identity_clusters(config).chain(list_clusters(config)).chain(limit_cluster(config));
        for name in named.chain(asked) {
            if !picture.clusters.iter().any(|cluster| cluster.name == name) {
                findings.push(Door::ClusterMissing.at(&first.at.whole_list(), &[name]));
            }
        }
    }
    findings
}

/// Who decides where the cluster leads.
pub(super) fn destination(cluster: &Cluster<'_>) -> Option<Finding> {
    let at = &cluster.at;
    let custom = at.field("cluster_type");
    let kind = custom.as_ref().and_then(Part::typed_config).map(|(kind, _)| kind).unwrap_or_default();
    let custom_at = at.spot("cluster_type");
    if kind.contains(".dynamic_forward_proxy.") {
        return Some(Door::ClusterFollowsHost.at(&custom_at, &[cluster.name]));
    }
    if kind.contains(".clusters.aggregate.") || kind.contains(".clusters.composite.") {
        return Some(Door::ClusterOfClusters.at(&custom_at, &[cluster.name]));
    }
    let names = ["STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"];
    if at.choice_of("type", &names) != "ORIGINAL_DST" {
        return None;
    }
    let balancer = at.field("original_dst_lb_config");
    Some(match balancer.filter(|balancer| balancer.is_true("use_http_header")) {
        Some(balancer) => {
            let header = balancer.text_of("http_header_name").unwrap_or("x-envoy-original-dst-host");
            Door::ClusterFollowsHeader.at(&balancer.spot("use_http_header"), &[cluster.name, header])
        }
        None => Door::ClusterFollowsConnection.at(&at.spot("type"), &[cluster.name]),
    })
}

/// A cluster's own filters stand in for those that the router gives to all.
fn has_half(picture: &Picture<'_>, cluster: &Cluster<'_>) -> bool {
    let works = |filter: &HttpFilter<'_>| filter.role == Role::Half && !filter.at.is_true("disabled");
    if !cluster.filters.is_empty() {
        return cluster.filters.iter().any(works);
    }
    let mut managers = picture.judged().filter(|manager| manager.gate().is_some()).peekable();
    managers.peek().is_some()
        && managers.all(|manager| {
            let mut routers = manager.filters.iter().filter(|filter| filter.is("router"));
            routers.any(|router| given_to_clusters(router).iter().any(works))
        })
}
