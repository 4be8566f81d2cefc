//! The connection manager: whose address is believed, and what a path and a header may look like.

use super::doors::Door;
use super::part::Part;
use super::picture::{Manager, Picture};
use crate::cli::document::Finding;
use crate::config::ClientAddress;
use crate::request::Dialect;

pub(super) fn findings(picture: &Picture<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manager in picture.judged() {
        findings.extend(address(manager));
        findings.extend(early_answers(&manager.at));
        findings.extend(shapes(picture, manager));
    }
    findings
}

fn address(manager: &Manager<'_>) -> Option<Finding> {
    let wanted = manager.gateway.as_ref().and_then(|config| config.client_address);
    let at = manager.at.spot("use_remote_address");
    if manager.at.is_true("use_remote_address") {
        let hops = manager.at.number_of("xff_num_trusted_hops").unwrap_or_default();
        let is_mixed = hops > 0 && wanted == Some(ClientAddress::Peer);
        return is_mixed.then(|| Door::TrustedHopsWithPeer.at(&manager.at.spot("xff_num_trusted_hops"), &[]));
    }
    match wanted {
        Some(ClientAddress::Forwarded) if knows_proxies(manager) => None,
        Some(ClientAddress::Forwarded) => Some(Door::ForwardedForBelieved.at(&at, &[])),
        _ => Some(Door::RemoteAddressUnused.at(&at, &[])),
    }
}

/// The extension that believes `X-Forwarded-For` of known proxies alone.
fn knows_proxies(manager: &Manager<'_>) -> bool {
    let extensions = manager.at.list("original_ip_detection_extensions");
    extensions.iter().filter_map(Part::typed_config).any(|(kind, xff)| {
        kind.contains(".original_ip_detection.xff.")
            && (xff.number_of("xff_num_trusted_hops").is_some_and(|hops| hops > 0)
                || xff.field("xff_trusted_cidrs").is_some())
    })
}

fn early_answers(manager: &Part<'_>) -> Option<Finding> {
    let field = "proxy_100_continue";
    manager.is_true(field).then(|| Door::EarlyAnswerPassed.at(&manager.spot(field), &[]))
}

fn shapes(picture: &Picture<'_>, manager: &Manager<'_>) -> Vec<Finding> {
    let at = &manager.at;
    let mut findings = Vec::new();
    for (field, door) in
        [("normalize_path", Door::PathNotNormalized), ("merge_slashes", Door::SlashesNotMerged)]
    {
        if !at.is_true(field) {
            findings.push(door.at(&at.spot(field), &[]));
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
    if keeps && !leads_to_bedrock_alone(picture, manager) {
        findings.push(Door::EscapedSlashesKept.at(&at.spot(field), &[]));
    }
    let options = at.spot("common_http_protocol_options");
    let options = at.field("common_http_protocol_options").unwrap_or(options);
    let field = "headers_with_underscores_action";
    if options.choice_of(field, &["ALLOW", "REJECT_REQUEST", "DROP_HEADER"]) == "ALLOW" {
        findings.push(Door::UnderscoresAllowed.at(&options.spot(field), &[]));
    }
    findings
}

/// Bedrock's ids hold `%2F`, and the filter knows where.
fn leads_to_bedrock_alone(picture: &Picture<'_>, manager: &Manager<'_>) -> bool {
    let mut targets = manager.hops().flat_map(|hop| &hop.route.targets).peekable();
    targets.peek().is_some()
        && targets.all(|target| {
            let upstream = target.cluster.and_then(|cluster| picture.upstream(cluster));
            upstream.is_some_and(|(_, upstream)| upstream.dialect == Dialect::Bedrock)
        })
}
