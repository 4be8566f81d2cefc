//! The connection manager: whose address is believed, and what a path and a header may look like.

use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::{ConnectionManager, EnvoyConfig};
use crate::cli::envoy::weakness::Weakness;
use crate::config::ClientAddress;
use crate::request::Dialect;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manager in envoy.judged() {
        findings.extend(address(manager));
        findings.extend(early_answers(&manager.at));
        findings.extend(shapes(envoy, manager));
    }
    findings
}

fn address(manager: &ConnectionManager<'_>) -> Option<Finding> {
    let wanted = manager.gateway.as_ref().and_then(|config| config.client_address);
    let at = manager.at.place_of("use_remote_address");
    if manager.at.is_true("use_remote_address") {
        let hops = manager.at.number_of("xff_num_trusted_hops").unwrap_or_default();
        let is_mixed = hops > 0 && wanted == Some(ClientAddress::Peer);
        return is_mixed
            .then(|| Weakness::TrustedHopsWithPeer.at(&manager.at.place_of("xff_num_trusted_hops"), &[]));
    }
    match wanted {
        Some(ClientAddress::Forwarded) if knows_proxies(manager) => None,
        Some(ClientAddress::Forwarded) => Some(Weakness::ForwardedForBelieved.at(&at, &[])),
        _ => Some(Weakness::RemoteAddressUnused.at(&at, &[])),
    }
}

/// The extension that believes `X-Forwarded-For` of known proxies alone.
fn knows_proxies(manager: &ConnectionManager<'_>) -> bool {
    let extensions = manager.at.list("original_ip_detection_extensions");
    extensions.iter().filter_map(ConfigNode::typed_config).any(|(kind, xff)| {
        kind.contains(".original_ip_detection.xff.")
            && (xff.number_of("xff_num_trusted_hops").is_some_and(|hops| hops > 0)
                || xff.field("xff_trusted_cidrs").is_some())
    })
}

fn early_answers(manager: &ConfigNode<'_>) -> Option<Finding> {
    let field = "proxy_100_continue";
    manager.is_true(field).then(|| Weakness::EarlyAnswerPassed.at(&manager.place_of(field), &[]))
}

fn shapes(envoy: &EnvoyConfig<'_>, manager: &ConnectionManager<'_>) -> Vec<Finding> {
    let at = &manager.at;
    let mut findings = Vec::new();
    for (field, weakness) in
        [("normalize_path", Weakness::PathNotNormalized), ("merge_slashes", Weakness::SlashesNotMerged)]
    {
        if !at.is_true(field) {
            findings.push(weakness.at(&at.place_of(field), &[]));
        }
    }
    let field = "path_with_escaped_slashes_action";
    let names = [
        "IMPLEMENTATION_SPECIFIC_DEFAULT",
        "KEEP_UNCHANGED",
        "REJECT_REQUEST",
        "UNESCAPE_AND_REDIRECT",
        "UNESCAPE_AND_FORWARD",
    ];
    let keeps = ["IMPLEMENTATION_SPECIFIC_DEFAULT", "KEEP_UNCHANGED"].contains(&at.choice_of(field, &names));
    if keeps && !leads_to_bedrock_alone(envoy, manager) {
        findings.push(Weakness::EscapedSlashesKept.at(&at.place_of(field), &[]));
    }
    let options = at.place_of("common_http_protocol_options");
    let options = at.field("common_http_protocol_options").unwrap_or(options);
    let field = "headers_with_underscores_action";
    if options.choice_of(field, &["ALLOW", "REJECT_REQUEST", "DROP_HEADER"]) == "ALLOW" {
        findings.push(Weakness::UnderscoresAllowed.at(&options.place_of(field), &[]));
    }
    findings
}

/// Bedrock's ids hold `%2F`, and the filter knows where.
fn leads_to_bedrock_alone(envoy: &EnvoyConfig<'_>, manager: &ConnectionManager<'_>) -> bool {
    let mut targets = manager.routes().flat_map(|placed| &placed.route.targets).peekable();
    targets.peek().is_some()
        && targets.all(|target| {
            let upstream = target.cluster.and_then(|cluster| envoy.upstream(cluster));
            upstream.is_some_and(|(_, upstream)| upstream.dialect == Dialect::Bedrock)
        })
}
