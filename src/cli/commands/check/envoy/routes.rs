//! Route tables: where a connection manager finds them, and where their routes lead.

use super::part::Part;
use super::sources::Resources;
use crate::cli::document::{Finding, Severity};

/// One `RouteConfiguration`.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) at: Part<'a>,
    pub(super) hosts: Vec<Host<'a>>,
}

/// One virtual host.
#[derive(Debug)]
pub(super) struct Host<'a> {
    pub(super) at: Part<'a>,
    pub(super) routes: Vec<Route<'a>>,
}

/// One route.
#[derive(Debug)]
pub(super) struct Route<'a> {
    pub(super) at: Part<'a>,
    /// None for redirects and direct responses.
    pub(super) action: Option<Part<'a>>,
    pub(super) targets: Vec<Target<'a>>,
}

/// One place that a route may lead to.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// The field that names it.
    pub(super) at: Part<'a>,
    /// None where only the request decides.
    pub(super) cluster: Option<&'a str>,
    /// The entry of `weighted_clusters`.
    pub(super) weight: Option<Part<'a>>,
}

/// A route with what it stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hop<'p, 'a> {
    pub(super) table: &'p Table<'a>,
    pub(super) host: &'p Host<'a>,
    pub(super) route: &'p Route<'a>,
}

/// The tables of a connection manager, and what of them cannot be seen.
pub(super) fn tables<'a>(manager: &Part<'a>, resources: &Resources<'a>) -> (Vec<Table<'a>>, Vec<Finding>) {
    let mut found: Vec<Part<'a>> = manager.field("route_config").into_iter().collect();
    let mut notes = Vec::new();
    let named = |name: &str| resources.routes.iter().find(|table| table.text_of("name") == Some(name));
    if let Some(name) = manager.find(&["rds", "route_config_name"]) {
        match name.text().and_then(named) {
            Some(table) => found.push(table.clone()),
            None => notes.push(unseen(&name)),
        }
    }
    if let Some(scoped) = manager.field("scoped_routes") {
        let inline = scoped.field("scoped_route_configurations_list");
        let inline = inline.map(|list| list.list("scoped_route_configurations"));
        if inline.is_none() && resources.scopes.is_empty() {
            notes.push(unseen(&scoped));
        }
        for scope in inline.as_ref().unwrap_or(&resources.scopes) {
            let by_name = scope.field("route_configuration_name");
            let table = by_name.as_ref().and_then(|name| named(name.text()?)).cloned();
            match scope.field("route_configuration").or(table) {
                Some(table) => found.push(table),
                None => notes.extend(by_name.as_ref().map(unseen)),
            }
        }
    }
    notes.extend(found.iter().filter_map(|table| table.field("vhds")).map(|part| unseen(&part)));
    (found.into_iter().map(Table::read).collect(), notes)
}

fn unseen(part: &Part<'_>) -> Finding {
    let why = "these routes are discovered and cannot be seen; give the output of /config_dump in addition";
    part.finding(why.to_owned()).weighing(Severity::Note)
}

impl<'a> Table<'a> {
    fn read(at: Part<'a>) -> Self {
        let hosts = at.list("virtual_hosts").into_iter().map(Host::read).collect();
        Self { at, hosts }
    }

    pub(super) fn hops(&self) -> impl Iterator<Item = Hop<'_, 'a>> {
        self.hosts
            .iter()
            .flat_map(move |host| host.routes.iter().map(move |route| Hop { table: self, host, route }))
    }

    /// Every level that may edit headers or configure filters: the table, its hosts, their routes, their weights.
    pub(super) fn levels(&self) -> Vec<Part<'a>> {
        let mut levels = vec![self.at.clone()];
        for host in &self.hosts {
            levels.push(host.at.clone());
            for route in &host.routes {
                levels.push(route.at.clone());
                levels.extend(route.targets.iter().filter_map(|target| target.weight.clone()));
            }
        }
        levels
    }
}

impl<'a> Host<'a> {
    fn read(at: Part<'a>) -> Self {
        let mut routes = at.list("routes");
        let in_matcher = at.field("matcher").map(|matcher| matcher.everything()).unwrap_or_default();
        for (kind, part) in in_matcher.iter().filter_map(Part::unpacked) {
            match kind.rsplit('.').next() {
                Some("Route") => routes.push(part),
                Some("RouteList") => routes.extend(part.list("routes")),
                _ => {}
            }
        }
        Self { at, routes: routes.into_iter().map(Route::read).collect() }
    }
}

impl<'a> Route<'a> {
    fn read(at: Part<'a>) -> Self {
        let action = at.field("route");
        let targets = action.as_ref().map(targets).unwrap_or_default();
        Self { at, action, targets }
    }
}

impl<'a> Hop<'_, 'a> {
    /// From the most specific level to the least, as Envoy reads them.
    pub(super) fn levels(&self, target: &Target<'a>) -> impl Iterator<Item = Part<'a>> {
        let outer = [&self.route.at, &self.host.at, &self.table.at];
        target.weight.clone().into_iter().chain(outer.map(Clone::clone))
    }
}

fn targets<'a>(action: &Part<'a>) -> Vec<Target<'a>> {
    let mut targets: Vec<_> = named_by(action, "cluster", None).into_iter().collect();
    for field in ["cluster_specifier_plugin", "inline_cluster_specifier_plugin"] {
        let plugin = action.field(field);
        targets.extend(plugin.map(|at| Target { at, cluster: None, weight: None }));
    }
    let weights = action.field("weighted_clusters").map(|weighted| weighted.list("clusters"));
    targets.extend(weights.iter().flatten().filter_map(|weight| named_by(weight, "name", Some(weight))));
    targets
}

fn named_by<'a>(part: &Part<'a>, name: &str, weight: Option<&Part<'a>>) -> Option<Target<'a>> {
    let named = part.field(name).map(|at| (at.text(), at));
    let by_header = || Some((None, part.field("cluster_header")?));
    let (cluster, at) = named.or_else(by_header)?;
    Some(Target { cluster, at, weight: weight.cloned() })
}
