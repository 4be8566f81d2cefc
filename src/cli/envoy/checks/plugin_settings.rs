//! The filter's own settings in Envoy: what it may hold, what happens when it fails, what it is given.

use std::collections::BTreeSet;

use crate::cli::configuration::environment_names;
use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::{ConnectionManager, EnvoyConfig, HttpFilter};
use crate::cli::envoy::weakness::Weakness;
use crate::config::{Config, Hold};
use crate::gateway::longest_body;

/// Envoy's `per_connection_buffer_limit_bytes` where none is written.
const DEFAULT_BUFFER: u64 = 1024 * 1024;

/// What Envoy reads of a connection at a time, where its buffer has room for that.
const ONE_READ: u64 = 2 * 1024 * 1024;

/// Envoy's `initial_stream_window_size` where none is written.
const DEFAULT_WINDOW: u64 = 16 * 1024 * 1024;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for manager in envoy.judged() {
        let (Some((gate, _)), Some(config)) = (manager.gate(), manager.gateway.as_deref()) else { continue };
        if config.hold == Hold::HeadersAndBody {
            findings.extend(buffer(manager, longest_body(config)));
        }
        let Some(plugin) = gate.plugin() else { continue };
        // Two listeners may name one discovered configuration.
        if told.insert((plugin.file(), plugin.path().to_owned())) {
            findings.extend(failure(&plugin));
            findings.extend(held(gate, &plugin, config));
            findings.extend(environment(&plugin, config));
        }
    }
    for half in envoy.clusters.iter().flat_map(|cluster| &cluster.filters) {
        if let (Some(plugin), true) = (half.plugin(), half.is_half()) {
            findings.extend(failure(&plugin));
            let config = half.enforced().ok().flatten().or_else(|| envoy.gateways.first().cloned());
            findings.extend(config.iter().flat_map(|config| environment(&plugin, config)));
        }
    }
    findings
}

fn failure(plugin: &ConfigNode<'_>) -> Option<Finding> {
    if plugin.is_true("fail_open") {
        return Some(Weakness::FailsOpen.at(&plugin.place_of("fail_open"), &[]));
    }
    let policy =
        plugin.choice_of("failure_policy", &["UNSPECIFIED", "FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"]);
    let at = plugin.place_of("failure_policy");
    match policy {
        "FAIL_RELOAD" => None,
        "FAIL_OPEN" => Some(Weakness::FailsOpen.at(&at, &[])),
        _ => Some(Weakness::TrapStopsWorker.at(&at, &[])),
    }
}

fn held(gate: &HttpFilter<'_>, plugin: &ConfigNode<'_>, config: &Config) -> Option<Finding> {
    let can_hold = plugin.is_true("allow_on_headers_stop_iteration");
    let is_gate = !gate.is_half() && config.hold == Hold::HeadersAndBody;
    (is_gate && !can_hold)
        .then(|| Weakness::HeadersNotHeld.at(&plugin.place_of("allow_on_headers_stop_iteration"), &[]))
}

fn environment(plugin: &ConfigNode<'_>, config: &Config) -> Vec<Finding> {
    let variables = plugin.find(&["vm_config", "environment_variables"]);
    let keys = variables.as_ref().map(|node| node.list("host_env_keys")).unwrap_or_default();
    let values = variables.as_ref().map(|node| node.entries("key_values")).unwrap_or_default();
    let mut findings = Vec::new();
    for name in environment_names(config) {
        if let Some((_, at)) = values.iter().find(|(key, _)| *key == name) {
            findings.push(Weakness::CredentialInConfiguration.at(at, &[name]));
        } else if !keys.iter().any(|key| key.text() == Some(name)) {
            let at = plugin.find(&["vm_config"]).unwrap_or_else(|| plugin.clone());
            let at = variables.clone().unwrap_or_else(|| at.place_of("environment_variables"));
            findings.push(Weakness::VariableNotPassed.at(&at.place_of("host_env_keys"), &[name]));
        }
    }
    findings
}

/// A body can be read up to the listener's limit, over HTTP/2 up to the stream's window; a route or its virtual host may
/// raise both. What Envoy reads at a time must have room beside it.
fn buffer(manager: &ConnectionManager<'_>, longest: u64) -> Vec<Finding> {
    let field = "per_connection_buffer_limit_bytes";
    let own = manager.listener.number_of(field).unwrap_or(DEFAULT_BUFFER);
    let least = longest.saturating_add(own.min(ONE_READ));
    let raised = "request_body_buffer_limit";
    let too_small = |node: &ConfigNode<'_>, remedy: &str| {
        Weakness::BufferTooSmall.at(node, &[&longest.to_string(), remedy, &least.to_string()])
    };
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    let mut is_raised = true;
    for placed in manager.routes().filter(|placed| placed.route.action.is_some()) {
        let level =
            [&placed.route.at, &placed.host.at].into_iter().find(|level| level.field(raised).is_some());
        match level.map(|level| (level.place_of(raised), level.number_of(raised))) {
            Some((at, limit)) if limit.is_none_or(|limit| limit < least) => {
                findings.extend(told.insert(at.path().to_owned()).then(|| too_small(&at, raised)));
            }
            Some(_) => {}
            None => is_raised = false,
        }
    }
    if is_raised {
        return findings;
    }
    if own < least {
        findings.push(too_small(&manager.listener.place_of(field), raised));
    }
    let options = manager.at.place_of("http2_protocol_options");
    let options = manager.at.field("http2_protocol_options").unwrap_or(options);
    let window = "initial_stream_window_size";
    let size = options.number_of(window);
    if size.is_some_and(|size| size < least) || size.is_none() && DEFAULT_WINDOW < least && own >= least {
        findings.push(too_small(&options.place_of(window), window));
    }
    findings
}
