//! Route tables: where a connection manager finds them, and where their routes lead.

use super::http_filter::HttpFilter;
use crate::cli::document::{Finding, Severity};
use crate::cli::envoy::files::{ConfigNode, Resources};

/// One `RouteConfiguration`.
#[derive(Debug)]
pub(in crate::cli) struct RouteTable<'a> {
    pub(in crate::cli) at: ConfigNode<'a>,
    pub(in crate::cli) hosts: Vec<VirtualHost<'a>>,
}

/// One virtual host.
#[derive(Debug)]
pub(in crate::cli) struct VirtualHost<'a> {
    pub(in crate::cli) at: ConfigNode<'a>,
    pub(in crate::cli) routes: Vec<Route<'a>>,
}

/// One route.
#[derive(Debug)]
pub(in crate::cli) struct Route<'a> {
    pub(in crate::cli) at: ConfigNode<'a>,
    /// None for redirects and direct responses.
    pub(in crate::cli) action: Option<ConfigNode<'a>>,
    pub(in crate::cli) targets: Vec<Target<'a>>,
}

/// One place that a route may lead to.
#[derive(Debug)]
pub(in crate::cli) struct Target<'a> {
    /// The field that names it.
    pub(in crate::cli) at: ConfigNode<'a>,
    /// None where only the request decides.
    pub(in crate::cli) cluster: Option<&'a str>,
    /// The entry of `weighted_clusters`.
    pub(in crate::cli) weight: Option<ConfigNode<'a>>,
}

/// A route with what it stands in.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct PlacedRoute<'p, 'a> {
    pub(in crate::cli) table: &'p RouteTable<'a>,
    pub(in crate::cli) host: &'p VirtualHost<'a>,
    pub(in crate::cli) route: &'p Route<'a>,
}

/// The tables of a connection manager, and what of them cannot be seen.
pub(in crate::cli) fn tables<'a>(
    manager: &ConfigNode<'a>,
    resources: &Resources<'a>,
) -> (Vec<RouteTable<'a>>, Vec<Finding>) {
    let mut found: Vec<ConfigNode<'a>> = manager.field("route_config").into_iter().collect();
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
    notes.extend(found.iter().filter_map(|table| table.field("vhds")).map(|node| unseen(&node)));
    (found.into_iter().map(RouteTable::read).collect(), notes)
}

fn unseen(node: &ConfigNode<'_>) -> Finding {
    let why = "these routes are discovered and cannot be seen; give the output of /config_dump in addition";
    node.finding(why.to_owned()).weighing(Severity::Note)
}

impl<'a> RouteTable<'a> {
    fn read(at: ConfigNode<'a>) -> Self {
        let hosts = at.list("virtual_hosts").into_iter().map(VirtualHost::read).collect();
        Self { at, hosts }
    }

    pub(in crate::cli) fn routes(&self) -> impl Iterator<Item = PlacedRoute<'_, 'a>> {
        self.hosts.iter().flat_map(move |host| {
            host.routes.iter().map(move |route| PlacedRoute { table: self, host, route })
        })
    }

    /// Every level that may edit headers or configure filters: the table, its hosts, their routes, their weights.
    pub(in crate::cli) fn levels(&self) -> Vec<ConfigNode<'a>> {
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

impl<'a> VirtualHost<'a> {
    fn read(at: ConfigNode<'a>) -> Self {
        let mut routes = at.list("routes");
        let in_matcher = at.field("matcher").map(|matcher| matcher.everything()).unwrap_or_default();
        for (kind, node) in in_matcher.iter().filter_map(ConfigNode::unpacked) {
            match kind.rsplit('.').next() {
                Some("Route") => routes.push(node),
                Some("RouteList") => routes.extend(node.list("routes")),
                _ => {}
            }
        }
        Self { at, routes: routes.into_iter().map(Route::read).collect() }
    }
}

impl<'a> Route<'a> {
    fn read(at: ConfigNode<'a>) -> Self {
        let action = at.field("route");
        let targets = action.as_ref().map(targets).unwrap_or_default();
        Self { at, action, targets }
    }
}

impl<'a> PlacedRoute<'_, 'a> {
    /// From the most specific level to the least, as Envoy reads them.
    pub(in crate::cli) fn levels(&self, target: &Target<'a>) -> impl Iterator<Item = ConfigNode<'a>> {
        let outer = [&self.route.at, &self.host.at, &self.table.at];
        target.weight.clone().into_iter().chain(outer.map(Clone::clone))
    }

    /// The `disabled: true` that holds for this route; the most specific level wins, and any configuration of the
    /// filter there switches it on.
    pub(in crate::cli) fn disabled(
        &self,
        gate: &HttpFilter<'a>,
        target: &Target<'a>,
    ) -> Option<ConfigNode<'a>> {
        for level in self.levels(target) {
            let configured = level.entries("typed_per_filter_config");
            if let Some((_, node)) = configured.into_iter().find(|(name, _)| *name == gate.name) {
                let is_wrapper =
                    node.unpacked().is_some_and(|(kind, _)| kind.ends_with(".route.v3.FilterConfig"));
                return (is_wrapper && node.is_true("disabled")).then(|| node.place_of("disabled"));
            }
        }
        gate.at.is_true("disabled").then(|| gate.at.place_of("disabled"))
    }
}

fn targets<'a>(action: &ConfigNode<'a>) -> Vec<Target<'a>> {
    let mut targets: Vec<_> = named_by(action, "cluster", None).into_iter().collect();
    for field in ["cluster_specifier_plugin", "inline_cluster_specifier_plugin"] {
        let plugin = action.field(field);
        targets.extend(plugin.map(|at| Target { at, cluster: None, weight: None }));
    }
    let weights = action.field("weighted_clusters").map(|weighted| weighted.list("clusters"));
    targets.extend(weights.iter().flatten().filter_map(|weight| named_by(weight, "name", Some(weight))));
    targets
}

fn named_by<'a>(node: &ConfigNode<'a>, name: &str, weight: Option<&ConfigNode<'a>>) -> Option<Target<'a>> {
    let named = node.field(name).map(|at| (at.text(), at));
    let by_header = || Some((None, node.field("cluster_header")?));
    let (cluster, at) = named.or_else(by_header)?;
    Some(Target { cluster, at, weight: weight.cloned() })
}
