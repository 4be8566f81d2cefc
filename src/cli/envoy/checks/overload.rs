//! What bounds the memory and the connections that everybody together can take of Envoy.

use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::EnvoyConfig;
use crate::cli::envoy::weakness::Weakness;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // An Envoy that leads nobody to a provider is not judged.
    if envoy.judged().next().is_none() {
        return findings;
    }
    for bootstrap in &envoy.bootstraps {
        let manager = bootstrap.place_of("overload_manager");
        if !sheds_load(&manager) {
            findings.push(Weakness::OverloadUnmanaged.at(&manager, &[]));
        }
        if !bounds_connections(bootstrap, &manager) {
            findings.push(Weakness::ConnectionsUnbounded.at(&manager.place_of("resource_monitors"), &[]));
        }
    }
    findings
}

/// True where something is done when memory runs short.
fn sheds_load(manager: &ConfigNode<'_>) -> bool {
    let mut monitors = manager.list("resource_monitors").into_iter().filter(|monitor| {
        monitor
            .typed_config()
            .is_some_and(|(kind, _)| kind.contains(".fixed_heap.") || kind.contains(".cgroup_memory."))
    });
    let triggers: Vec<ConfigNode<'_>> =
        manager.list("actions").iter().flat_map(|action| action.list("triggers")).collect();
    monitors.any(|monitor| {
        let name = monitor.text_of("name");
        name.is_some() && triggers.iter().any(|trigger| trigger.text_of("name") == name)
    })
}

fn bounds_connections(bootstrap: &ConfigNode<'_>, manager: &ConfigNode<'_>) -> bool {
    let is_monitored = manager.list("resource_monitors").iter().filter_map(ConfigNode::typed_config).any(
        |(kind, monitor)| {
            kind.contains(".downstream_connections.")
                && monitor.number_of("max_active_downstream_connections").is_some()
        },
    );
    // The older way, which Envoy still takes.
    let layers = bootstrap.field("layered_runtime").map(|runtime| runtime.list("layers")).unwrap_or_default();
    is_monitored
        || layers
            .iter()
            .filter_map(|layer| layer.field("static_layer"))
            .any(|layer| layer.number_of("overload.global_downstream_max_connections").is_some())
}
