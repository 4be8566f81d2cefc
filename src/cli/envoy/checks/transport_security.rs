//! The way to a provider, an issuer, a token endpoint or a feed: whether it is encrypted, and whether the other end proves who it is.

use super::cluster_destination::destination;
use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::{
    Cluster, EnvoyConfig, identity_clusters, is_loopback, nearby_clusters, provider_key_cluster,
    token_clusters,
};
use crate::cli::envoy::weakness::Weakness;
use crate::config::Config;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cluster in &envoy.clusters {
        let is_provider = envoy.upstream(cluster.name).is_some();
        let has_keys = is_named(envoy, cluster, identity_clusters);
        let is_nearby = is_named(envoy, cluster, nearby_clusters);
        // Metadata servers are asked in clear, on addresses that no router forwards.
        if is_nearby && !leads_past(&cluster.at, |host| is_loopback(host) || host.starts_with("169.254.")) {
            continue;
        }
        let has_tokens = is_nearby || is_named(envoy, cluster, token_clusters);
        let has_provider_keys = is_named(envoy, cluster, provider_key_cluster);
        let (clear, gain) = if is_provider {
            (Weakness::CredentialInClear, "gets the provider's credential and every prompt")
        } else if has_tokens {
            (Weakness::TokensInClear, "gets the gateway's client secret and every token it asks for")
        } else if has_keys {
            (Weakness::KeysInClear, "hands out keys of its own, and calls or signs tokens for any tenant")
        } else if has_provider_keys {
            (Weakness::ProviderKeysInClear, "has tenants' prompts sent to an account of its own")
        } else {
            continue;
        };
        // Where nobody knows where it leads, that comes first.
        if !leaves_the_machine(&cluster.at) || destination(cluster).is_some() {
            continue;
        }
        let sockets = sockets(&cluster.at);
        if sockets.is_empty() {
            findings.push(clear.at(&cluster.at.place_of("transport_socket"), &[cluster.name]));
        }
        for context in sockets.iter().filter_map(tls_context) {
            findings.extend(unchecked(cluster, &context, gain));
        }
    }
    findings
}

/// True where a gateway's configuration names the cluster among those that `clusters` gives of it.
fn is_named<'a, Names: IntoIterator<Item = &'a str>>(
    envoy: &'a EnvoyConfig<'_>,
    cluster: &Cluster<'_>,
    clusters: impl Fn(&'a Config) -> Names,
) -> bool {
    envoy.gateways.iter().any(|config| clusters(config).into_iter().any(|name| name == cluster.name))
}

/// False only where every address is seen to be on this machine.
fn leaves_the_machine(cluster: &ConfigNode<'_>) -> bool {
    leads_past(cluster, is_loopback)
}

/// False only where every address is seen to be one of these, or a Unix socket.
fn leads_past(cluster: &ConfigNode<'_>, is_near: impl Fn(&str) -> bool) -> bool {
    let Some(assignment) = cluster.field("load_assignment") else { return true };
    let groups = assignment.list("endpoints");
    let endpoints = groups.iter().flat_map(|group| group.list("lb_endpoints"));
    endpoints.filter_map(|entry| entry.find(&["endpoint", "address"])).any(|address| {
        let host = address.field("socket_address").and_then(|socket| socket.text_of("address"));
        host.is_some_and(|host| !is_near(host))
    })
}

/// Every transport socket but those in clear.
fn sockets<'a>(cluster: &ConfigNode<'a>) -> Vec<ConfigNode<'a>> {
    let mut sockets: Vec<ConfigNode<'a>> = cluster.field("transport_socket").into_iter().collect();
    let matches = cluster.list("transport_socket_matches").into_iter();
    sockets.extend(matches.filter_map(|one| one.field("transport_socket")));
    sockets.retain(|socket| {
        // Some sockets wrap another one.
        let nodes = socket.everything();
        let kinds: Vec<&str> = nodes.iter().filter_map(ConfigNode::unpacked).map(|(kind, _)| kind).collect();
        let is_clear = |kind: &&str| kind.contains(".raw_buffer.");
        !kinds.is_empty() && !kinds.last().is_some_and(is_clear)
    });
    sockets
}

fn tls_context<'a>(socket: &ConfigNode<'a>) -> Option<ConfigNode<'a>> {
    let nodes = socket.everything();
    let quic = nodes.iter().find_map(|node| node.field("upstream_tls_context"));
    let plain =
        nodes.iter().filter_map(ConfigNode::unpacked).find(|(kind, _)| kind.ends_with(".UpstreamTlsContext"));
    quic.or(plain.map(|(_, node)| node))
}

fn unchecked(cluster: &Cluster<'_>, context: &ConfigNode<'_>, gain: &str) -> Option<Finding> {
    let common = context.field("common_tls_context");
    let found = |weakness: Weakness, at: ConfigNode<'_>| Some(weakness.at(&at, &[cluster.name, gain]));
    let Some(common) = common else {
        return found(Weakness::CertificateUnchecked, context.place_of("common_tls_context"));
    };
    let combined = common.find(&["combined_validation_context", "default_validation_context"]);
    let is_discovered = common.field("validation_context_sds_secret_config").is_some()
        || common
            .field("combined_validation_context")
            .is_some_and(|combined| combined.field("validation_context_sds_secret_config").is_some());
    let Some(validation) = common.field("validation_context").or(combined) else {
        return match is_discovered {
            true => None,
            false => found(Weakness::CertificateUnchecked, common.place_of("validation_context")),
        };
    };
    let has_any = |names: &[&str]| {
        names
            .iter()
            .any(|name| validation.field(name).is_some_and(|node| node.is_map() || !node.items().is_empty()))
    };
    let pins = ["verify_certificate_spki", "verify_certificate_hash", "custom_validator_config"];
    let trust = ["trusted_ca", "system_root_certs", "ca_certificate_provider_instance"];
    let accepts_all = validation
        .choice_of("trust_chain_verification", &["VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED"])
        == "ACCEPT_UNTRUSTED";
    if accepts_all || !(is_discovered || has_any(&pins) || has_any(&trust)) {
        return found(Weakness::CertificateUnchecked, validation);
    }
    let names = ["match_typed_subject_alt_names", "match_subject_alt_names"];
    let is_named = context.is_true("auto_sni_san_validation") || checks_name(&cluster.at);
    let is_checked = is_named || is_discovered || has_any(&pins) || has_any(&names);
    if is_checked {
        None
    } else {
        found(Weakness::NameUnchecked, context.place_of("auto_sni_san_validation"))
    }
}

/// `auto_san_validation`, in its present place and in its old one.
fn checks_name(cluster: &ConfigNode<'_>) -> bool {
    let options = cluster.http_options().unwrap_or_else(|| cluster.clone());
    let options = options.field("upstream_http_protocol_options");
    options.is_some_and(|options| options.is_true("auto_san_validation"))
}
