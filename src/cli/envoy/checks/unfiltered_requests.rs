//! Requests that reach a provider without the filter: chains that lack it, and places that switch it off.

use std::collections::BTreeSet;

use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::{ConnectionManager, EnvoyConfig, HttpFilter, Role};
use crate::cli::envoy::weakness::Weakness;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = envoy.raw_targets.iter().filter_map(|at| raw(envoy, at)).collect();
    for manager in envoy.judged() {
        match manager.gate() {
            None => findings.extend(without_filter(envoy, manager)),
            Some((gate, _)) => {
                findings.extend(switched_off(envoy, manager, gate));
                findings.extend(upgrades(manager));
                findings.extend(replaced(gate));
            }
        }
    }
    findings
}

fn raw(envoy: &EnvoyConfig<'_>, at: &ConfigNode<'_>) -> Option<Finding> {
    let cluster = at.text().filter(|cluster| envoy.upstream(cluster).is_some())?;
    Some(Weakness::ProviderWithoutFilter.at(at, &[cluster]))
}

fn without_filter(envoy: &EnvoyConfig<'_>, manager: &ConnectionManager<'_>) -> Option<Finding> {
    let mut targets = manager.routes().flat_map(|placed| &placed.route.targets);
    let target = targets.find(|target| envoy.is_provider(target))?;
    let cluster = target.cluster.unwrap_or("the providers");
    Some(Weakness::ProviderWithoutFilter.at(&manager.at.place_of("http_filters"), &[cluster]))
}

/// Each place that switches the filter off, once, with the first provider it opens.
fn switched_off(
    envoy: &EnvoyConfig<'_>,
    manager: &ConnectionManager<'_>,
    gate: &HttpFilter<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for placed in manager.routes() {
        for target in placed.route.targets.iter().filter(|target| envoy.is_provider(target)) {
            let Some(at) = placed.disabled(gate, target) else { continue };
            let finding = Weakness::FilterDisabled.at(&at, &[target.cluster.unwrap_or("any cluster")]);
            if told.insert(at.path().to_owned()) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// An upgrade may have a filter chain of its own.
fn upgrades(manager: &ConnectionManager<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for upgrade in manager.at.list("upgrade_configs") {
        let filters = upgrade.list("filters");
        let has_gate = filters.iter().any(|at| HttpFilter::read_alone(at.clone()).role == Role::Gate);
        if !filters.is_empty() && !has_gate {
            let kind = upgrade.text_of("upgrade_type").unwrap_or_default();
            findings.push(Weakness::UpgradeWithoutFilter.at(&upgrade.place_of("filters"), &[kind]));
        }
    }
    findings
}

/// What Envoy may run in the filter's place.
fn replaced(gate: &HttpFilter<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if gate.at.is_true("is_optional") {
        findings.push(Weakness::FilterOptional.at(&gate.at.place_of("is_optional"), &[]));
    }
    let default = gate.at.find(&["config_discovery", "default_config"]);
    if let Some(node) = default.filter(|node| HttpFilter::of_config(node).role != Role::Gate) {
        findings.push(Weakness::DefaultFilter.at(&node, &[]));
    }
    findings
}
