//! Requests that reach a provider without the filter: chains that lack it, and places that switch it off.

use std::collections::BTreeSet;

use super::doors::Door;
use super::filter::{HttpFilter, Role};
use super::part::Part;
use super::picture::{Manager, Picture};
use super::routes::{Hop, Target};
use crate::cli::document::Finding;

pub(super) fn findings(picture: &Picture<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = picture.raw_targets.iter().filter_map(|at| raw(picture, at)).collect();
    for manager in picture.judged() {
        match manager.gate() {
            None => findings.extend(without_filter(picture, manager)),
            Some((gate, _)) => {
                findings.extend(switched_off(picture, manager, gate));
                findings.extend(upgrades(manager));
                findings.extend(replaced(gate));
            }
        }
    }
    findings
}

fn raw(picture: &Picture<'_>, at: &Part<'_>) -> Option<Finding> {
    let cluster = at.text().filter(|cluster| picture.upstream(cluster).is_some())?;
    Some(Door::ProviderWithoutFilter.at(at, &[cluster]))
}

fn without_filter(picture: &Picture<'_>, manager: &Manager<'_>) -> Option<Finding> {
    let mut targets = manager.hops().flat_map(|hop| &hop.route.targets);
    let target = targets.find(|target| picture.is_provider(target))?;
    let cluster = target.cluster.unwrap_or("the providers");
    Some(Door::ProviderWithoutFilter.at(&manager.at.spot("http_filters"), &[cluster]))
}

/// Each place that switches the filter off, once, with the first provider it opens.
fn switched_off(picture: &Picture<'_>, manager: &Manager<'_>, gate: &HttpFilter<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for hop in manager.hops() {
        for target in hop.route.targets.iter().filter(|target| picture.is_provider(target)) {
            let Some(at) = switch(gate, &hop, target) else { continue };
            let finding = Door::FilterDisabled.at(&at, &[target.cluster.unwrap_or("any cluster")]);
            if told.insert(at.path().to_owned()) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// The `disabled: true` that holds for this route; the most specific level wins, and any configuration of the
/// filter there switches it on.
pub(super) fn switch<'a>(gate: &HttpFilter<'a>, hop: &Hop<'_, 'a>, target: &Target<'a>) -> Option<Part<'a>> {
    for level in hop.levels(target) {
        let configured = level.entries("typed_per_filter_config");
        if let Some((_, part)) = configured.into_iter().find(|(name, _)| *name == gate.name) {
            let is_wrapper =
                part.unpacked().is_some_and(|(kind, _)| kind.ends_with(".route.v3.FilterConfig"));
            return (is_wrapper && part.is_true("disabled")).then(|| part.spot("disabled"));
        }
    }
    gate.at.is_true("disabled").then(|| gate.at.spot("disabled"))
}

/// An upgrade may have a filter chain of its own.
fn upgrades(manager: &Manager<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for upgrade in manager.at.list("upgrade_configs") {
        let filters = upgrade.list("filters");
        let has_gate = filters.iter().any(|at| HttpFilter::read_alone(at.clone()).role == Role::Gate);
        if !filters.is_empty() && !has_gate {
            let kind = upgrade.text_of("upgrade_type").unwrap_or_default();
            findings.push(Door::UpgradeWithoutFilter.at(&upgrade.spot("filters"), &[kind]));
        }
    }
    findings
}

/// What Envoy may run in the filter's place.
fn replaced(gate: &HttpFilter<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if gate.at.is_true("is_optional") {
        findings.push(Door::FilterOptional.at(&gate.at.spot("is_optional"), &[]));
    }
    let default = gate.at.find(&["config_discovery", "default_config"]);
    if let Some(part) = default.filter(|part| HttpFilter::of_config(part).role != Role::Gate) {
        findings.push(Door::DefaultFilter.at(&part, &[]));
    }
    findings
}
