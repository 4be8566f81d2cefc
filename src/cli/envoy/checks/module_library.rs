//! The library of a dynamic module: whether Envoy waits for it, and who else could put another one in its place.

use std::collections::BTreeSet;

use crate::cli::document::Finding;
use crate::cli::envoy::files::{ConfigNode, writable_by_anybody};
use crate::cli::envoy::model::{EnvoyConfig, HttpFilter};
use crate::cli::envoy::weakness::Weakness;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for library in ours(envoy).iter().filter_map(HttpFilter::library) {
        // Two listeners may name one discovered configuration.
        if told.insert((library.file(), library.path().to_owned())) {
            findings.extend(of(&library));
        }
    }
    findings
}

/// Both halves, wherever they stand.
fn ours<'a>(envoy: &EnvoyConfig<'a>) -> Vec<HttpFilter<'a>> {
    let gates = envoy.judged().filter_map(|manager| manager.gate()).map(|(gate, _)| gate.clone());
    let routers = envoy.judged().flat_map(|manager| &manager.filters).filter(|filter| filter.is("router"));
    let given = routers.flat_map(HttpFilter::given_to_clusters);
    let own = envoy.clusters.iter().flat_map(|cluster| &cluster.filters).cloned();
    gates.chain(given.chain(own).filter(HttpFilter::is_half)).collect()
}

fn of(library: &ConfigNode<'_>) -> Option<Finding> {
    // `module` counts where there is a `name` too.
    let Some(source) = library.field("module") else {
        let at = library.field("name")?;
        return Some(searched(&at, &format!("lib{}.so", at.text()?)));
    };
    if let Some(remote) = source.field("remote") {
        let waits = library.is_true("nack_on_cache_miss");
        return (!waits).then(|| Weakness::ModuleNotAwaited.at(&remote, &[]));
    }
    let at = source.find(&["local", "filename"])?;
    let file = at.text()?;
    // The system's loader takes what has no `/` for a name.
    if !file.contains('/') {
        return Some(searched(&at, file));
    }
    let open = writable_by_anybody(file.as_ref())?;
    Some(Weakness::ModuleWritable.at(&at, &[&open.display().to_string()]))
}

fn searched(at: &ConfigNode<'_>, file: &str) -> Finding {
    Weakness::ModuleSearched.at(at, &[file])
}
