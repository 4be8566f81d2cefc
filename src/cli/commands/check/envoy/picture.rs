//! What Envoy's files say together, as far as the doors need it: listeners with their connection managers, the
//! filters and routes of each, and clusters.

use std::rc::Rc;

use super::filter::{HttpFilter, Role};
use super::part::Part;
use super::routes::{Hop, Table, Target, tables};
use super::sources::Resources;
use crate::cli::document::{Finding, Severity};
use crate::config::{Attach, Config, ProviderCredential, Upstream};

/// Everything that was given, read once.
#[derive(Debug)]
pub(super) struct Picture<'a> {
    pub(super) managers: Vec<Manager<'a>>,
    /// Cluster fields of network filters that are no connection managers, such as `tcp_proxy`.
    pub(super) raw_targets: Vec<Part<'a>>,
    pub(super) clusters: Vec<Cluster<'a>>,
    pub(super) admins: Vec<Part<'a>>,
    pub(super) bootstraps: Vec<Part<'a>>,
    /// True where every cluster is in the files.
    pub(super) has_all_clusters: bool,
    /// What is enforced; several where filters differ.
    pub(super) gateways: Vec<Rc<Config>>,
    pub(super) notes: Vec<Finding>,
}

/// One HTTP connection manager.
#[derive(Debug)]
pub(super) struct Manager<'a> {
    pub(super) at: Part<'a>,
    pub(super) listener: Part<'a>,
    pub(super) filters: Vec<HttpFilter<'a>>,
    pub(super) tables: Vec<Table<'a>>,
    /// What its filter enforces; where it has no filter, what the first other one does.
    pub(super) gateway: Option<Rc<Config>>,
}

/// One cluster.
#[derive(Debug)]
pub(super) struct Cluster<'a> {
    pub(super) at: Part<'a>,
    pub(super) name: &'a str,
    pub(super) filters: Vec<HttpFilter<'a>>,
}

impl<'a> Picture<'a> {
    /// # Errors
    /// Configurations that the filter itself would refuse.
    pub(super) fn draw(resources: &Resources<'a>) -> Result<Self, Vec<Finding>> {
        let mut picture = Self {
            managers: Vec::new(),
            raw_targets: Vec::new(),
            clusters: resources.clusters.iter().map(|part| Cluster::read(part, resources)).collect(),
            admins: resources.admins.clone(),
            bootstraps: resources.bootstraps.clone(),
            has_all_clusters: !resources.clusters.is_empty() && resources.unseen.is_empty(),
            gateways: Vec::new(),
            notes: resources.unseen.iter().map(unseen).collect(),
        };
        let mut errors = Vec::new();
        for listener in &resources.listeners {
            picture.add_listener(listener, resources, &mut errors);
        }
        // An ECDS file alone is judged too.
        if resources.listeners.is_empty() {
            for part in &resources.filters {
                picture.add_configuration(&HttpFilter::read(part.clone(), resources), &mut errors);
            }
        }
        if errors.is_empty() { Ok(picture) } else { Err(errors) }
    }

    /// True where the files do not say all that is enforced.
    pub(super) fn lacks_configuration(&self) -> bool {
        let lacks = |manager: &Manager<'a>| manager.gate().is_some() && manager.gateway.is_none();
        self.gateways.is_empty() || self.managers.iter().any(lacks)
    }

    /// `config` is enforced wherever the files do not say what is.
    pub(super) fn fill_in(&mut self, config: Option<Config>) {
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
    pub(super) fn upstream(&self, cluster: &str) -> Option<(&Config, &Upstream)> {
        self.gateways.iter().find_map(|config| {
            let upstream = config.upstreams.iter().find(|upstream| upstream.cluster == cluster)?;
            Some((config.as_ref(), upstream))
        })
    }

    /// Connection managers that have the filter, or lead to a provider.
    pub(super) fn judged(&self) -> impl Iterator<Item = &Manager<'a>> {
        self.managers.iter().filter(|manager| manager.gate().is_some() || self.leads_to_provider(manager))
    }

    fn leads_to_provider(&self, manager: &Manager<'a>) -> bool {
        manager.hops().any(|hop| hop.route.targets.iter().any(|target| self.is_provider(target)))
    }

    /// True where the route may lead to a cluster with an upstream entry.
    pub(super) fn is_provider(&self, target: &Target<'a>) -> bool {
        match target.cluster {
            Some(cluster) => self.upstream(cluster).is_some(),
            None => !self.gateways.is_empty(),
        }
    }

    fn add_listener(&mut self, listener: &Part<'a>, resources: &Resources<'a>, errors: &mut Vec<Finding>) {
        let mut chains = listener.list("filter_chains");
        chains.extend(listener.field("default_filter_chain"));
        for filter in chains.iter().flat_map(|chain| chain.list("filters")) {
            match filter.typed_config() {
                Some((kind, at)) if kind.ends_with(".HttpConnectionManager") => {
                    self.add_manager(at, listener, resources, errors);
                }
                Some((kind, at)) if kind.ends_with(".TcpProxy") => {
                    self.raw_targets.extend(at.field("cluster"));
                    let weighted = at.field("weighted_clusters").map(|part| part.list("clusters"));
                    let names = weighted.iter().flatten().filter_map(|cluster| cluster.field("name"));
                    self.raw_targets.extend(names);
                }
                _ => {}
            }
        }
    }

    fn add_manager(
        &mut self,
        at: Part<'a>,
        listener: &Part<'a>,
        resources: &Resources<'a>,
        errors: &mut Vec<Finding>,
    ) {
        let filters: Vec<_> =
            at.list("http_filters").into_iter().map(|filter| HttpFilter::read(filter, resources)).collect();
        let (tables, notes) = tables(&at, resources);
        self.notes.extend(notes);
        let mut manager = Manager { at, listener: listener.clone(), filters, tables, gateway: None };
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

impl<'a> Manager<'a> {
    /// The filter that decides, and its index in the chain.
    pub(super) fn gate(&self) -> Option<(&HttpFilter<'a>, usize)> {
        let index = self.filters.iter().position(|filter| filter.role == Role::Gate)?;
        self.filters.get(index).map(|filter| (filter, index))
    }

    /// The filters that a request passes before claimgate, and those after it.
    pub(super) fn around_gate(&self) -> (&[HttpFilter<'a>], &[HttpFilter<'a>]) {
        let Some((_, index)) = self.gate() else { return (&[], &[]) };
        let (before, from) = self.filters.split_at_checked(index).unwrap_or((&[], &[]));
        (before, from.split_first().map_or(&[], |(_, after)| after))
    }

    pub(super) fn attaches_in_chain(&self) -> bool {
        self.gateway.as_ref().is_some_and(|config| config.attach == Attach::InChain)
    }

    /// True where claimgate puts a credential on before later filters and the router see the request.
    pub(super) fn holds_credential(&self) -> bool {
        let is_ours = |upstream: &Upstream| !matches!(upstream.credential, ProviderCredential::Envoy);
        self.attaches_in_chain()
            && self.gateway.as_ref().is_some_and(|config| config.upstreams.iter().any(is_ours))
    }

    /// Every route with the virtual host and the table it stands in.
    pub(super) fn hops(&self) -> impl Iterator<Item = Hop<'_, 'a>> {
        self.tables.iter().flat_map(Table::hops)
    }
}

impl<'a> Cluster<'a> {
    fn read(at: &Part<'a>, resources: &Resources<'a>) -> Self {
        let filters = at.http_options().map(|options| options.list("http_filters")).unwrap_or_default();
        Self {
            at: at.clone(),
            name: at.text_of("name").unwrap_or_default(),
            filters: filters.into_iter().map(|filter| HttpFilter::read(filter, resources)).collect(),
        }
    }
}

impl<'a> Part<'a> {
    /// The `HttpProtocolOptions` of a cluster.
    pub(super) fn http_options(&self) -> Option<Self> {
        let options = self.entries("typed_extension_protocol_options");
        let mut options = options.into_iter().filter_map(|(_, part)| part.unpacked());
        options.find(|(kind, _)| kind.ends_with(".HttpProtocolOptions")).map(|(_, part)| part)
    }
}

fn unseen(source: &Part<'_>) -> Finding {
    let why = "what is discovered from here cannot be seen; give the output of /config_dump in addition";
    source.finding(why.to_owned()).weighing(Severity::Note)
}

fn unseen_filter(gate: &HttpFilter<'_>) -> Finding {
    let source = gate.at.find(&["config_discovery", "config_source", "path_config_source", "path"]);
    let why = match source.as_ref().and_then(Part::text) {
        Some(path) => format!(
            "the filter's own configuration lies in `{path}`, which is not here; give that file, or what \
             `claimgate bundle --wrap ecds` writes, in addition"
        ),
        None => "the filter's own configuration is discovered; give the output of /config_dump in addition"
            .to_owned(),
    };
    source.unwrap_or_else(|| gate.at.spot("config_discovery")).finding(why).weighing(Severity::Note)
}
