//! What bounds the memory and the connections that everybody together can take of Envoy.

use super::doors::Door;
use super::part::Part;
use super::picture::Picture;
use crate::cli::document::Finding;

pub(super) fn findings(picture: &Picture<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // An Envoy that leads nobody to a provider is not judged.
    if picture.judged().next().is_none() {
        return findings;
    }
    for bootstrap in &picture.bootstraps {
        let manager = bootstrap.spot("overload_manager");
        if !sheds_load(&manager) {
            findings.push(Door::OverloadUnmanaged.at(&manager, &[]));
        }
        if !bounds_connections(bootstrap, &manager) {
            findings.push(Door::ConnectionsUnbounded.at(&manager.spot("resource_monitors"), &[]));
        }
    }
    findings
}

/// True where something is done when memory runs short.
fn sheds_load(manager: &Part<'_>) -> bool {
    let mut monitors = manager.list("resource_monitors").into_iter().filter(|monitor| {
        monitor
            .typed_config()
            .is_some_and(|(kind, _)| kind.contains(".fixed_heap.") || kind.contains(".cgroup_memory."))
    });
    let triggers: Vec<Part<'_>> =
        manager.list("actions").iter().flat_map(|action| action.list("triggers")).collect();
    monitors.any(|monitor| {
        let name = monitor.text_of("name");
        name.is_some() && triggers.iter().any(|trigger| trigger.text_of("name") == name)
    })
}

fn bounds_connections(bootstrap: &Part<'_>, manager: &Part<'_>) -> bool {
    let is_monitored =
        manager.list("resource_monitors").iter().filter_map(Part::typed_config).any(|(kind, monitor)| {
            kind.contains(".downstream_connections.")
                && monitor.number_of("max_active_downstream_connections").is_some()
        });
    // The older way, which Envoy still takes.
    let layers = bootstrap.field("layered_runtime").map(|runtime| runtime.list("layers")).unwrap_or_default();
    is_monitored
        || layers
            .iter()
            .filter_map(|layer| layer.field("static_layer"))
            .any(|layer| layer.number_of("overload.global_downstream_max_connections").is_some())
}
