//! The resources in Envoy's files.
//!
//! It does not read what only a server hands out: what is discovered from anywhere but a file stays unseen
//! unless a `/config_dump` brings it.

use std::collections::BTreeSet;
use std::path::Path;

use super::config_node::ConfigNode;
use super::document::{Document, Kind};

/// The resources of all files together, each name once.
#[derive(Debug, Default)]
pub(in crate::cli) struct Resources<'a> {
    pub(in crate::cli) listeners: Vec<ConfigNode<'a>>,
    pub(in crate::cli) clusters: Vec<ConfigNode<'a>>,
    pub(in crate::cli) routes: Vec<ConfigNode<'a>>,
    pub(in crate::cli) scopes: Vec<ConfigNode<'a>>,
    /// Configurations of discovered filters, by their name.
    pub(in crate::cli) filters: Vec<ConfigNode<'a>>,
    pub(in crate::cli) admins: Vec<ConfigNode<'a>>,
    /// Whole bootstraps, for what is set for all of Envoy.
    pub(in crate::cli) bootstraps: Vec<ConfigNode<'a>>,
    /// Where listeners and clusters come from that no file holds.
    pub(in crate::cli) unseen: Vec<ConfigNode<'a>>,
}

impl<'a> Resources<'a> {
    pub(in crate::cli) fn collect(documents: &'a [Document]) -> Self {
        let mut resources = Self::default();
        for document in documents {
            match document.kind() {
                Kind::Bootstrap => resources.add_bootstrap(&document.root()),
                Kind::Response => {
                    document.root().list("resources").into_iter().for_each(|node| resources.add(node));
                }
                Kind::Dump => resources.add_dump(&document.root()),
            }
        }
        if !resources.listeners.is_empty() && documents.iter().any(|document| document.kind() == Kind::Dump) {
            resources.unseen.clear();
        }
        for named in [
            &mut resources.listeners,
            &mut resources.clusters,
            &mut resources.routes,
            &mut resources.scopes,
            &mut resources.filters,
        ] {
            let mut names = BTreeSet::new();
            named.retain(|node| node.text_of("name").is_none_or(|name| names.insert(name)));
        }
        resources
    }

    fn add_bootstrap(&mut self, bootstrap: &ConfigNode<'a>) {
        self.admins.extend(bootstrap.field("admin"));
        self.bootstraps.push(bootstrap.clone());
        self.add_resources(bootstrap);
    }

    fn add_resources(&mut self, bootstrap: &ConfigNode<'a>) {
        if let Some(resources) = bootstrap.field("static_resources") {
            self.listeners.extend(resources.list("listeners"));
            self.clusters.extend(resources.list("clusters"));
        }
        for name in ["lds_config", "cds_config"] {
            let source = bootstrap.find(&["dynamic_resources", name]);
            self.unseen.extend(source.filter(|source| {
                let path = source.field("path_config_source").and_then(|file| file.text_of("path"));
                path.is_none_or(|path| !Path::new(path).exists())
            }));
        }
    }

    fn add_dump(&mut self, dump: &ConfigNode<'a>) {
        let nodes = dump.list("configs");
        let of = |name: &str| {
            let is_it =
                |node: &&ConfigNode<'a>| node.unpacked().is_some_and(|(kind, _)| kind.ends_with(name));
            nodes.iter().find(is_it).cloned()
        };
        let (listeners, clusters) = (of(".ListenersConfigDump"), of(".ClustersConfigDump"));
        if let Some(bootstrap) = of(".BootstrapConfigDump").and_then(|node| node.field("bootstrap")) {
            self.admins.extend(bootstrap.field("admin"));
            self.bootstraps.push(bootstrap.clone());
            // The other two hold them again.
            if listeners.is_none() && clusters.is_none() {
                self.add_resources(&bootstrap);
            }
        }
        for node in listeners.iter().chain(&clusters) {
            for (list, names) in [
                ("static_listeners", ["listener"].as_slice()),
                ("dynamic_listeners", &["active_state", "listener"]),
                ("dynamic_listeners", &["warming_state", "listener"]),
                ("static_clusters", &["cluster"]),
                ("dynamic_active_clusters", &["cluster"]),
                ("dynamic_warming_clusters", &["cluster"]),
            ] {
                node.list(list).iter().filter_map(|item| item.find(names)).for_each(|node| self.add(node));
            }
        }
        let routes = of(".RoutesConfigDump").map(|node| node.list("dynamic_route_configs"));
        self.routes.extend(routes.iter().flatten().filter_map(|item| item.field("route_config")));
        for list in ["inline_scoped_route_configs", "dynamic_scoped_route_configs"] {
            let scopes = of(".ScopedRoutesConfigDump").map(|node| node.list(list)).unwrap_or_default();
            self.scopes.extend(scopes.iter().flat_map(|item| item.list("scoped_route_configs")));
        }
        let filters = of(".EcdsConfigDump").map(|node| node.list("ecds_filters"));
        self.filters.extend(filters.iter().flatten().filter_map(|item| item.field("ecds_filter")));
    }

    fn add(&mut self, resource: ConfigNode<'a>) {
        let Some((kind, node)) = resource.unpacked() else { return };
        match kind.rsplit('.').next() {
            Some("Listener") => self.listeners.push(node),
            Some("Cluster") => self.clusters.push(node),
            Some("RouteConfiguration") => self.routes.push(node),
            Some("ScopedRouteConfiguration") => self.scopes.push(node),
            Some("TypedExtensionConfig") => self.filters.push(node),
            _ => {}
        }
    }
}
