//! Who decides where a cluster leads.

use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::Cluster;
use crate::cli::envoy::weakness::Weakness;

/// The weakness of a cluster whose address is not fixed.
pub(super) fn destination(cluster: &Cluster<'_>) -> Option<Finding> {
    let at = &cluster.at;
    let custom = at.field("cluster_type");
    let kind = custom.as_ref().and_then(ConfigNode::typed_config).map(|(kind, _)| kind).unwrap_or_default();
    let custom_at = at.place_of("cluster_type");
    if kind.contains(".dynamic_forward_proxy.") {
        return Some(Weakness::ClusterFollowsHost.at(&custom_at, &[cluster.name]));
    }
    if kind.contains(".clusters.aggregate.") || kind.contains(".clusters.composite.") {
        return Some(Weakness::ClusterOfClusters.at(&custom_at, &[cluster.name]));
    }
    let names = ["STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"];
    if at.choice_of("type", &names) != "ORIGINAL_DST" {
        return None;
    }
    let balancer = at.field("original_dst_lb_config");
    Some(match balancer.filter(|balancer| balancer.is_true("use_http_header")) {
        Some(balancer) => {
            let header = balancer.text_of("http_header_name").unwrap_or("x-envoy-original-dst-host");
            Weakness::ClusterFollowsHeader.at(&balancer.place_of("use_http_header"), &[cluster.name, header])
        }
        None => Weakness::ClusterFollowsConnection.at(&at.place_of("type"), &[cluster.name]),
    })
}
