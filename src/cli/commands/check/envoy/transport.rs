//! The way to a provider or an issuer: whether it is encrypted, and whether the other end proves who it is.

use super::clusters::{destination, identity_clusters};
use super::doors::Door;
use super::part::Part;
use super::picture::{Cluster, Picture};
use crate::cli::document::Finding;

pub(super) fn findings(picture: &Picture<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cluster in &picture.clusters {
        let is_provider = picture.upstream(cluster.name).is_some();
        let has_keys =
            picture.gateways.iter().any(|config| identity_clusters(config).any(|name| name == cluster.name));
        let (clear, gain) = match (is_provider, has_keys) {
            (true, _) => (Door::CredentialInClear, "gets the provider's credential and every prompt"),
            (false, true) => {
                (Door::KeysInClear, "hands out keys of its own, and calls or signs tokens for any tenant")
            }
            (false, false) => continue,
        };
        // Where nobody knows where it leads, that comes first.
        if !leaves_the_machine(&cluster.at) || destination(cluster).is_some() {
            continue;
        }
        let sockets = sockets(&cluster.at);
        if sockets.is_empty() {
            findings.push(clear.at(&cluster.at.spot("transport_socket"), &[cluster.name]));
        }
        for context in sockets.iter().filter_map(tls_context) {
            findings.extend(unchecked(cluster, &context, gain));
        }
    }
    findings
}

/// False only where every address is seen to be on this machine.
fn leaves_the_machine(cluster: &Part<'_>) -> bool {
    let Some(assignment) = cluster.field("load_assignment") else { return true };
    let groups = assignment.list("endpoints");
    let endpoints = groups.iter().flat_map(|group| group.list("lb_endpoints"));
    endpoints.filter_map(|entry| entry.find(&["endpoint", "address"])).any(|address| {
        let host = address.field("socket_address").and_then(|socket| socket.text_of("address"));
        host.is_some_and(|host| !is_loopback(host))
    })
}

/// `localhost` too: whoever can change what that is has the machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let by_number = |address: std::net::IpAddr| address.to_canonical().is_loopback();
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(by_number)
}

/// Every transport socket but those in clear.
fn sockets<'a>(cluster: &Part<'a>) -> Vec<Part<'a>> {
    let mut sockets: Vec<Part<'a>> = cluster.field("transport_socket").into_iter().collect();
    let matches = cluster.list("transport_socket_matches").into_iter();
    sockets.extend(matches.filter_map(|one| one.field("transport_socket")));
    sockets.retain(|socket| {
        // Some sockets wrap another one.
        let parts = socket.everything();
        let kinds: Vec<&str> = parts.iter().filter_map(Part::unpacked).map(|(kind, _)| kind).collect();
        let is_clear = |kind: &&str| kind.contains(".raw_buffer.");
        !kinds.is_empty() && !kinds.last().is_some_and(is_clear)
    });
    sockets
}

fn tls_context<'a>(socket: &Part<'a>) -> Option<Part<'a>> {
    let parts = socket.everything();
    let quic = parts.iter().find_map(|part| part.field("upstream_tls_context"));
    let plain =
        parts.iter().filter_map(Part::unpacked).find(|(kind, _)| kind.ends_with(".UpstreamTlsContext"));
    quic.or(plain.map(|(_, part)| part))
}

fn unchecked(cluster: &Cluster<'_>, context: &Part<'_>, gain: &str) -> Option<Finding> {
    let common = context.field("common_tls_context");
    let found = |door: Door, at: Part<'_>| Some(door.at(&at, &[cluster.name, gain]));
    let Some(common) = common else {
        return found(Door::CertificateUnchecked, context.spot("common_tls_context"));
    };
    let combined = common.find(&["combined_validation_context", "default_validation_context"]);
    let is_discovered = common.field("validation_context_sds_secret_config").is_some()
        || common
            .field("combined_validation_context")
            .is_some_and(|combined| combined.field("validation_context_sds_secret_config").is_some());
    let Some(validation) = common.field("validation_context").or(combined) else {
        return match is_discovered {
            true => None,
            false => found(Door::CertificateUnchecked, common.spot("validation_context")),
        };
    };
    let has_any = |names: &[&str]| {
        names.iter().any(|name| {
            validation.field(name).is_some_and(|part| part.node().is_map() || !part.items().is_empty())
        })
    };
    let pins = ["verify_certificate_spki", "verify_certificate_hash", "custom_validator_config"];
    let trust = ["trusted_ca", "system_root_certs", "ca_certificate_provider_instance"];
    let accepts_all = validation
        .choice_of("trust_chain_verification", &["VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED"])
        == "ACCEPT_UNTRUSTED";
    if accepts_all || !(is_discovered || has_any(&pins) || has_any(&trust)) {
        return found(Door::CertificateUnchecked, validation);
    }
    let names = ["match_typed_subject_alt_names", "match_subject_alt_names"];
    let is_named = context.is_true("auto_sni_san_validation") || checks_name(&cluster.at);
    let is_checked = is_named || is_discovered || has_any(&pins) || has_any(&names);
    if is_checked { None } else { found(Door::NameUnchecked, context.spot("auto_sni_san_validation")) }
}

/// `auto_san_validation`, in its present place and in its old one.
fn checks_name(cluster: &Part<'_>) -> bool {
    let options = cluster.http_options().unwrap_or_else(|| cluster.clone());
    let options = options.field("upstream_http_protocol_options");
    options.is_some_and(|options| options.is_true("auto_san_validation"))
}
