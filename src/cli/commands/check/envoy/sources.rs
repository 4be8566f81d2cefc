//! Reads Envoy's files, tells their kinds apart by what stands in them, and collects their resources.
//!
//! It does not read what only a server hands out: what is discovered from anywhere but a file stays unseen
//! unless a `/config_dump` brings it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::part::Part;
use crate::cli::document::{Finding, Node, read_document};

const NO_KIND: &str = "this is no Envoy bootstrap (`static_resources`), no discovery response (`resources`) and no \
                       output of /config_dump (`configs`); give the file that `envoy --config-path` reads";

/// One file.
#[derive(Debug)]
pub(super) struct Document {
    file: PathBuf,
    node: Node,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bootstrap,
    /// What a file holds that Envoy discovers resources from.
    Response,
    Dump,
}

/// The resources of all files together, each name once.
#[derive(Debug, Default)]
pub(super) struct Resources<'a> {
    pub(super) listeners: Vec<Part<'a>>,
    pub(super) clusters: Vec<Part<'a>>,
    pub(super) routes: Vec<Part<'a>>,
    pub(super) scopes: Vec<Part<'a>>,
    /// Configurations of discovered filters, by their name.
    pub(super) filters: Vec<Part<'a>>,
    pub(super) admins: Vec<Part<'a>>,
    /// Whole bootstraps, for what is set for all of Envoy.
    pub(super) bootstraps: Vec<Part<'a>>,
    /// Where listeners and clusters come from that no file holds.
    pub(super) unseen: Vec<Part<'a>>,
}

/// Reads the files, and those that they name and that exist.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Document>, Vec<Finding>> {
    let mut documents = Vec::new();
    let mut findings = Vec::new();
    for file in files {
        match read_document(file) {
            Ok(node) => match Kind::of(&Part::root(file, &node)) {
                Some(kind) => documents.push(Document { file: file.clone(), node, kind }),
                None => findings.push(Finding::in_file(file, NO_KIND)),
            },
            Err(finding) => findings.push(finding),
        }
    }
    let given: BTreeSet<PathBuf> = files.iter().filter_map(|file| fs::canonicalize(file).ok()).collect();
    let named: BTreeSet<PathBuf> = documents.iter().flat_map(Document::named_files).collect();
    for file in named.difference(&given) {
        match read_document(file) {
            // Secrets and endpoints come from files too.
            Ok(node) if Kind::of(&Part::root(file, &node)) == Some(Kind::Response) => {
                documents.push(Document { file: file.clone(), node, kind: Kind::Response });
            }
            Ok(_) => {}
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() { Ok(documents) } else { Err(findings) }
}

impl Kind {
    fn of(root: &Part<'_>) -> Option<Self> {
        let has = |name: &str| root.field(name).is_some();
        match () {
            () if has("configs") => Some(Self::Dump),
            () if has("resources") => Some(Self::Response),
            () if ["static_resources", "dynamic_resources", "admin"].into_iter().any(has) => {
                Some(Self::Bootstrap)
            }
            () => None,
        }
    }
}

impl Document {
    fn root(&self) -> Part<'_> {
        Part::root(&self.file, &self.node)
    }

    fn named_files(&self) -> Vec<PathBuf> {
        let sources = self.root().everything();
        let paths = sources.iter().filter_map(|part| part.field("path_config_source")?.text_of("path"));
        paths.filter_map(|path| fs::canonicalize(Path::new(path)).ok()).collect()
    }
}

impl<'a> Resources<'a> {
    pub(super) fn collect(documents: &'a [Document]) -> Self {
        let mut resources = Self::default();
        for document in documents {
            match document.kind {
                Kind::Bootstrap => resources.add_bootstrap(&document.root()),
                Kind::Response => {
                    document.root().list("resources").into_iter().for_each(|part| resources.add(part));
                }
                Kind::Dump => resources.add_dump(&document.root()),
            }
        }
        if !resources.listeners.is_empty() && documents.iter().any(|document| document.kind == Kind::Dump) {
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
            named.retain(|part| part.text_of("name").is_none_or(|name| names.insert(name)));
        }
        resources
    }

    fn add_bootstrap(&mut self, bootstrap: &Part<'a>) {
        self.admins.extend(bootstrap.field("admin"));
        self.bootstraps.push(bootstrap.clone());
        self.add_resources(bootstrap);
    }

    fn add_resources(&mut self, bootstrap: &Part<'a>) {
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

    fn add_dump(&mut self, dump: &Part<'a>) {
        let parts = dump.list("configs");
        let of = |name: &str| {
            let is_it = |part: &&Part<'a>| part.unpacked().is_some_and(|(kind, _)| kind.ends_with(name));
            parts.iter().find(is_it).cloned()
        };
        let (listeners, clusters) = (of(".ListenersConfigDump"), of(".ClustersConfigDump"));
        if let Some(bootstrap) = of(".BootstrapConfigDump").and_then(|part| part.field("bootstrap")) {
            self.admins.extend(bootstrap.field("admin"));
            self.bootstraps.push(bootstrap.clone());
            // The other two hold them again.
            if listeners.is_none() && clusters.is_none() {
                self.add_resources(&bootstrap);
            }
        }
        for part in listeners.iter().chain(&clusters) {
            for (list, names) in [
                ("static_listeners", ["listener"].as_slice()),
                ("dynamic_listeners", &["active_state", "listener"]),
                ("dynamic_listeners", &["warming_state", "listener"]),
                ("static_clusters", &["cluster"]),
                ("dynamic_active_clusters", &["cluster"]),
                ("dynamic_warming_clusters", &["cluster"]),
            ] {
                part.list(list).iter().filter_map(|item| item.find(names)).for_each(|part| self.add(part));
            }
        }
        let routes = of(".RoutesConfigDump").map(|part| part.list("dynamic_route_configs"));
        self.routes.extend(routes.iter().flatten().filter_map(|item| item.field("route_config")));
        for list in ["inline_scoped_route_configs", "dynamic_scoped_route_configs"] {
            let scopes = of(".ScopedRoutesConfigDump").map(|part| part.list(list)).unwrap_or_default();
            self.scopes.extend(scopes.iter().flat_map(|item| item.list("scoped_route_configs")));
        }
        let filters = of(".EcdsConfigDump").map(|part| part.list("ecds_filters"));
        self.filters.extend(filters.iter().flatten().filter_map(|item| item.field("ecds_filter")));
    }

    fn add(&mut self, resource: Part<'a>) {
        let Some((kind, part)) = resource.unpacked() else { return };
        match kind.rsplit('.').next() {
            Some("Listener") => self.listeners.push(part),
            Some("Cluster") => self.clusters.push(part),
            Some("RouteConfiguration") => self.routes.push(part),
            Some("ScopedRouteConfiguration") => self.scopes.push(part),
            Some("TypedExtensionConfig") => self.filters.push(part),
            _ => {}
        }
    }
}
