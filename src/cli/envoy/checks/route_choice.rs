//! How Envoy chooses the route and its cluster, and who else has a say in it.
//!
//! Envoy chooses again after a wasm filter has edited headers, or where a filter after a dynamic module has it do so. What is
//! read from a header that claimgate edits is then read anew; under `attach: at_cluster` the half on the cluster sees the
//! choice that counts.

use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::{ConnectionManager, EnvoyConfig, Target};
use crate::cli::envoy::weakness::Weakness;
use crate::upstream::edited;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manager in envoy.judged() {
        let read = read_headers(manager);
        let is_edited = |name: &str| is_read_anew(manager) && edited(name).is_some();
        for (name, at) in read.into_iter().filter(|(name, _)| is_edited(name)) {
            findings.push(Weakness::RouteReadsEditedHeader.at(&at, &[&name]));
        }
        for placed in manager.routes() {
            for target in &placed.route.targets {
                let is_off = manager.gate().is_some_and(|(gate, _)| placed.disabled(gate, target).is_some());
                findings.extend(chosen(envoy, manager, target, is_off));
            }
        }
    }
    findings
}

/// A route that is switched off was told already, and one that nobody decides cannot be refused.
fn chosen(
    envoy: &EnvoyConfig<'_>,
    manager: &ConnectionManager<'_>,
    target: &Target<'_>,
    is_off: bool,
) -> Option<Finding> {
    let Some(cluster) = target.cluster else {
        let Some(name) = target.at.text().filter(|_| target.at.is_named("cluster_header")) else {
            let weakness = is_read_anew(manager).then_some(Weakness::ClusterChosenByPlugin)?;
            return Some(weakness.at(&target.at, &[]));
        };
        let is_told = is_read_anew(manager) && edited(&name.to_ascii_lowercase()).is_some();
        return (!is_told).then(|| Weakness::ClusterNamedByCaller.at(&target.at, &[name]));
    };
    let is_refused = manager.gate().is_some() && !is_off && envoy.upstream(cluster).is_none();
    is_refused.then(|| Weakness::ClusterWithoutUpstream.at(&target.at, &[cluster]))
}

/// True where Envoy chooses once more by what the filter has edited, and sends the credential along.
fn is_read_anew(manager: &ConnectionManager<'_>) -> bool {
    manager.attaches_in_chain() && manager.chooses_route_again()
}

/// Every request header that has a say in where a request goes, with the field that names it.
fn read_headers<'a>(manager: &ConnectionManager<'a>) -> Vec<(String, ConfigNode<'a>)> {
    let mut read = Vec::new();
    let mut add = |node: &ConfigNode<'a>, field: &str| {
        read.extend(node.header_of(field).map(|name| (name, node.place_of(field))));
    };
    let fragments = manager.at.find(&["scoped_routes", "scope_key_builder"]);
    for fragment in fragments.iter().flat_map(|builder| builder.list("fragments")) {
        fragment.field("header_value_extractor").iter().for_each(|extractor| add(extractor, "name"));
    }
    for table in &manager.tables {
        add(&table.at, "vhost_header");
        for host in &table.hosts {
            let matcher = host.at.field("matcher").map(|matcher| matcher.everything()).unwrap_or_default();
            for (kind, node) in matcher.iter().filter_map(ConfigNode::unpacked) {
                if kind.ends_with(".HttpRequestHeaderMatchInput") {
                    add(&node, "header_name");
                }
            }
        }
    }
    for placed in manager.routes() {
        let wanted = placed.route.at.field("match");
        wanted.iter().flat_map(|wanted| wanted.list("headers")).for_each(|header| add(&header, "name"));
        let Some(action) = &placed.route.action else { continue };
        add(action, "cluster_header");
        let Some(weighted) = action.field("weighted_clusters") else { continue };
        add(&weighted, "header_name");
        weighted.list("clusters").iter().for_each(|weight| add(weight, "cluster_header"));
        if weighted.is_true("use_hash_policy") {
            let hashed = action.list("hash_policy").into_iter().filter_map(|policy| policy.field("header"));
            hashed.for_each(|header| add(&header, "header_name"));
        }
    }
    read.extend(read_cookies(manager));
    read
}

/// A cookie is read from a header that is removed.
fn read_cookies<'a>(manager: &ConnectionManager<'a>) -> Vec<(String, ConfigNode<'a>)> {
    let mut read = Vec::new();
    for placed in manager.routes() {
        let cookies = placed.route.at.field("match").and_then(|wanted| wanted.field("cookies"));
        let cookies = cookies.filter(|cookies| !cookies.items().is_empty());
        read.extend(cookies.map(|at| ("cookie".to_owned(), at)));
    }
    read
}
