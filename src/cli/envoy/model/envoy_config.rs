//! What Envoy's files say together: listeners with their connection managers, the filters and routes of each, and
//! clusters.

use std::rc::Rc;

use super::cluster::Cluster;
use super::connection_manager::ConnectionManager;
use super::http_filter::HttpFilter;
use super::routes::{Target, tables};
use crate::cli::document::{Finding, Severity};
use crate::cli::envoy::files::{ConfigNode, Resources};
use crate::config::{Config, Upstream};

/// Everything that was given, read once.
#[derive(Debug)]
pub(in crate::cli) struct EnvoyConfig<'a> {
    pub(in crate::cli) managers: Vec<ConnectionManager<'a>>,
    /// Cluster fields of network filters that are no connection managers, such as `tcp_proxy`.
    pub(in crate::cli) raw_targets: Vec<ConfigNode<'a>>,
    pub(in crate::cli) clusters: Vec<Cluster<'a>>,
    pub(in crate::cli) admins: Vec<ConfigNode<'a>>,
    pub(in crate::cli) bootstraps: Vec<ConfigNode<'a>>,
    /// True where every cluster is in the files.
    pub(in crate::cli) has_all_clusters: bool,
    /// What is enforced; several where filters differ.
    pub(in crate::cli) gateways: Vec<Rc<Config>>,
    pub(in crate::cli) notes: Vec<Finding>,
}

impl<'a> EnvoyConfig<'a> {
    /// # Errors
    /// Configurations that the filter itself would refuse.
    pub(in crate::cli) fn read(resources: &Resources<'a>) -> Result<Self, Vec<Finding>> {
        let mut envoy = Self {
            managers: Vec::new(),
            raw_targets: Vec::new(),
            clusters: resources.clusters.iter().map(|node| Cluster::read(node, resources)).collect(),
            admins: resources.admins.clone(),
            bootstraps: resources.bootstraps.clone(),
            has_all_clusters: !resources.clusters.is_empty() && resources.unseen.is_empty(),
            gateways: Vec::new(),
            notes: resources.unseen.iter().map(unseen).collect(),
        };
        let mut errors = Vec::new();
        for listener in &resources.listeners {
            envoy.add_listener(listener, resources, &mut errors);
        }
        // An ECDS file alone is judged too.
        if resources.listeners.is_empty() {
            for node in &resources.filters {
                envoy.add_configuration(&HttpFilter::read(node.clone(), resources), &mut errors);
            }
        }
        if errors.is_empty() { Ok(envoy) } else { Err(errors) }
    }

    /// True where the files do not say all that is enforced.
    pub(in crate::cli) fn lacks_configuration(&self) -> bool {
        let lacks = |manager: &ConnectionManager<'a>| manager.gate().is_some() && manager.gateway.is_none();
        self.gateways.is_empty() || self.managers.iter().any(lacks)
    }

    /// `config` is enforced wherever the files do not say what is.
    pub(in crate::cli) fn fill_in(&mut self, config: Option<Config>) {
        if self.lacks_configuration() {
            self.gateways.extend(config.map(Rc::new));
        }
        let (first, last) = (self.gateways.first().cloned(), self.gateways.last().cloned());
        for manager in &mut self.managers {
            let fallback = if manager.gate().is_some() { &last } else { &first };
            manager.gateway = manager.gateway.take().or_else(|| fallback.clone());
        }
    }

    /// The upstream entry of a cluster, with the configuration that has it.
    pub(in crate::cli) fn upstream(&self, cluster: &str) -> Option<(&Config, &Upstream)> {
        self.gateways.iter().find_map(|config| {
            let upstream = config.upstreams.iter().find(|upstream| upstream.cluster == cluster)?;
            Some((config.as_ref(), upstream))
        })
    }

    /// Connection managers that have the filter, or lead to a provider.
    pub(in crate::cli) fn judged(&self) -> impl Iterator<Item = &ConnectionManager<'a>> {
        self.managers.iter().filter(|manager| manager.gate().is_some() || self.leads_to_provider(manager))
    }

    fn leads_to_provider(&self, manager: &ConnectionManager<'a>) -> bool {
        manager.routes().any(|placed| placed.route.targets.iter().any(|target| self.is_provider(target)))
    }

    /// True where the route may lead to a cluster with an upstream entry.
    pub(in crate::cli) fn is_provider(&self, target: &Target<'a>) -> bool {
        match target.cluster {
            Some(cluster) => self.upstream(cluster).is_some(),
            None => !self.gateways.is_empty(),
        }
    }

    fn add_listener(
        &mut self,
        listener: &ConfigNode<'a>,
        resources: &Resources<'a>,
        errors: &mut Vec<Finding>,
    ) {
        let mut chains = listener.list("filter_chains");
        chains.extend(listener.field("default_filter_chain"));
        for filter in chains.iter().flat_map(|chain| chain.list("filters")) {
            match filter.typed_config() {
                Some((kind, at)) if kind.ends_with(".HttpConnectionManager") => {
                    self.add_manager(at, listener, resources, errors);
                }
                Some((kind, at)) if kind.ends_with(".TcpProxy") => {
                    self.raw_targets.extend(at.field("cluster"));
                    let weighted = at.field("weighted_clusters").map(|node| node.list("clusters"));
                    let names = weighted.iter().flatten().filter_map(|cluster| cluster.field("name"));
                    self.raw_targets.extend(names);
                }
                _ => {}
            }
        }
    }

    fn add_manager(
        &mut self,
        at: ConfigNode<'a>,
        listener: &ConfigNode<'a>,
        resources: &Resources<'a>,
        errors: &mut Vec<Finding>,
    ) {
        let filters: Vec<_> =
            at.list("http_filters").into_iter().map(|filter| HttpFilter::read(filter, resources)).collect();
        let (tables, notes) = tables(&at, resources);
        self.notes.extend(notes);
        let mut manager =
            ConnectionManager { at, listener: listener.clone(), filters, tables, gateway: None };
        if let Some((gate, _)) = manager.gate() {
            manager.gateway = self.add_configuration(gate, errors);
        }
        self.managers.push(manager);
    }

    fn add_configuration(&mut self, gate: &HttpFilter<'a>, errors: &mut Vec<Finding>) -> Option<Rc<Config>> {
        if gate.is_discovered_and_unseen() {
            self.notes.push(unseen_filter(gate));
        }
        match gate.enforced() {
            Ok(config) => {
                self.gateways.extend(config.clone());
                config
            }
            Err(finding) => {
                errors.push(finding);
                None
            }
        }
    }
}

fn unseen(source: &ConfigNode<'_>) -> Finding {
    let why = "what is discovered from here cannot be seen; give the output of /config_dump in addition";
    source.finding(why.to_owned()).weighing(Severity::Note)
}

fn unseen_filter(gate: &HttpFilter<'_>) -> Finding {
    let source = gate.at.find(&["config_discovery", "config_source", "path_config_source", "path"]);
    let why = match source.as_ref().and_then(ConfigNode::text) {
        Some(path) => format!(
            "the filter's own configuration lies in `{path}`, which is not here; give that file, or what \
             `claimgate bundle --wrap ecds` or `--wrap module` writes, in addition"
        ),
        None => "the filter's own configuration is discovered; give the output of /config_dump in addition"
            .to_owned(),
    };
    source.unwrap_or_else(|| gate.at.place_of("config_discovery")).finding(why).weighing(Severity::Note)
}
