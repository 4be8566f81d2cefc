//! How Envoy chooses the route and its cluster, and who else has a say in it.
//!
//! Envoy chooses again after a filter has edited headers. What is read from a header that claimgate edits is then
//! read anew; under `attach: at_cluster` the half on the cluster sees the choice that counts.

use super::doors::Door;
use super::part::Part;
use super::picture::{Manager, Picture};
use super::routes::Target;
use super::undecided::switch;
use crate::cli::document::Finding;
use crate::upstream::edited;

pub(super) fn findings(picture: &Picture<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manager in picture.judged() {
        let read = read_headers(manager);
        let is_edited = |name: &str| manager.attaches_in_chain() && edited(name).is_some();
        for (name, at) in read.into_iter().filter(|(name, _)| is_edited(name)) {
            findings.push(Door::RouteReadsEditedHeader.at(&at, &[&name]));
        }
        for hop in manager.hops() {
            for target in &hop.route.targets {
                let is_off = manager.gate().is_some_and(|(gate, _)| switch(gate, &hop, target).is_some());
                findings.extend(chosen(picture, manager, target, is_off));
            }
        }
    }
    findings
}

/// A route that is switched off was told already, and one that nobody decides cannot be refused.
fn chosen(
    picture: &Picture<'_>,
    manager: &Manager<'_>,
    target: &Target<'_>,
    is_off: bool,
) -> Option<Finding> {
    let Some(cluster) = target.cluster else {
        let Some(name) = target.at.text().filter(|_| target.at.is_named("cluster_header")) else {
            let door = manager.attaches_in_chain().then_some(Door::ClusterChosenByPlugin)?;
            return Some(door.at(&target.at, &[]));
        };
        let is_told = manager.attaches_in_chain() && edited(&name.to_ascii_lowercase()).is_some();
        return (!is_told).then(|| Door::ClusterNamedByCaller.at(&target.at, &[name]));
    };
    let is_refused = manager.gate().is_some() && !is_off && picture.upstream(cluster).is_none();
    is_refused.then(|| Door::ClusterWithoutUpstream.at(&target.at, &[cluster]))
}

/// Every request header that has a say in where a request goes, with the field that names it.
fn read_headers<'a>(manager: &Manager<'a>) -> Vec<(String, Part<'a>)> {
    let mut read = Vec::new();
    let mut add = |part: &Part<'a>, field: &str| {
        read.extend(part.header_of(field).map(|name| (name, part.spot(field))));
    };
    let fragments = manager.at.find(&["scoped_routes", "scope_key_builder"]);
    for fragment in fragments.iter().flat_map(|builder| builder.list("fragments")) {
        fragment.field("header_value_extractor").iter().for_each(|extractor| add(extractor, "name"));
    }
    for table in &manager.tables {
        add(&table.at, "vhost_header");
        for host in &table.hosts {
            let matcher = host.at.field("matcher").map(|matcher| matcher.everything()).unwrap_or_default();
            for (kind, part) in matcher.iter().filter_map(Part::unpacked) {
                if kind.ends_with(".HttpRequestHeaderMatchInput") {
                    add(&part, "header_name");
                }
            }
        }
    }
    for hop in manager.hops() {
        let wanted = hop.route.at.field("match");
        wanted.iter().flat_map(|wanted| wanted.list("headers")).for_each(|header| add(&header, "name"));
        let Some(action) = &hop.route.action else { continue };
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
fn read_cookies<'a>(manager: &Manager<'a>) -> Vec<(String, Part<'a>)> {
    let mut read = Vec::new();
    for hop in manager.hops() {
        let cookies = hop.route.at.field("match").and_then(|wanted| wanted.field("cookies"));
        let cookies = cookies.filter(|cookies| !cookies.items().is_empty());
        read.extend(cookies.map(|at| ("cookie".to_owned(), at)));
    }
    read
}
