//! The filters around claimgate: what stands before it believes the caller, what stands after it sees the
//! provider's credential.

use super::added_header::{added, added_name};
use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::{Cluster, ConnectionManager, EnvoyConfig, HttpFilter, RouteTable};
use crate::cli::envoy::weakness::Weakness;
use crate::upstream::{Edited, edited};

/// They hand the request to somebody, or to a program.
const READERS: [&str; 7] = ["ext_authz", "ext_proc", "tap", "lua", "wasm", "golang", "dynamic_modules"];
/// They make another path or body.
const TRANSCODERS: [&str; 2] = ["grpc_json_transcoder", "grpc_json_reverse_transcoder"];
const CACHES: [&str; 2] = ["cache", "cache_v2"];
const LIMITERS: [&str; 3] = ["ratelimit", "local_ratelimit", "rate_limit_quota"];

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manager in envoy.judged() {
        let (before, after) = manager.around_gate();
        findings.extend(early_mutations(manager));
        before.iter().for_each(|filter| findings.extend(before_gate(manager, filter)));
        after.iter().for_each(|filter| findings.extend(after_gate(manager, filter)));
    }
    for cluster in envoy.clusters.iter().filter(|cluster| envoy.upstream(cluster.name).is_some()) {
        findings.extend(on_cluster(&cluster.filters));
        findings.extend(open_signers(&cluster.filters, cluster.name));
        findings.extend(injectors_that_ask(cluster));
    }
    for manager in envoy.judged() {
        let targets = manager.routes().flat_map(|placed| &placed.route.targets);
        let provider = targets.filter(|target| envoy.is_provider(target)).find_map(|target| target.cluster);
        findings.extend(open_signers(&manager.filters, provider.unwrap_or("the providers")));
    }
    findings
}

/// Envoy's filters that let a request go on without the credential which they should add.
fn open_signers(filters: &[HttpFilter<'_>], cluster: &str) -> Vec<Finding> {
    let signers = filters.iter().filter(|filter| filter.is_any(&["aws_request_signing", "gcp_authn"]));
    signers.map(|filter| Weakness::SignsOrPasses.at(&filter.at, &[filter.name, cluster])).collect()
}

/// Those that ask for a token as soon as their static cluster is made. One whose secret is discovered asks later.
fn injectors_that_ask(cluster: &Cluster<'_>) -> Vec<Finding> {
    if !cluster.at.path().starts_with("static_resources.") {
        return Vec::new();
    }
    let asks = |filter: &&HttpFilter<'_>| {
        let credential = filter.config.as_ref()?.field("credential")?;
        let (kind, settings) = credential.typed_config()?;
        let secret = settings.find(&["client_credentials", "client_secret"]);
        (kind.ends_with(".OAuth2") && secret?.field("sds_config").is_none()).then_some(())
    };
    let injectors = cluster.filters.iter().filter(|filter| filter.is("credential_injector"));
    let asking = injectors.filter(|filter| asks(filter).is_some());
    asking.map(|filter| Weakness::InjectorEndsEnvoy.at(&filter.at, &[filter.name, cluster.name])).collect()
}

/// Both halves have put the credential on before a cluster's other filters.
fn on_cluster(filters: &[HttpFilter<'_>]) -> Vec<Finding> {
    let readers = filters.iter().filter(|filter| !filter.is_half() && filter.is_any(&READERS));
    readers.map(|filter| Weakness::CredentialSeenByFilter.at(&filter.at, &[filter.name])).collect()
}

fn before_gate(manager: &ConnectionManager<'_>, filter: &HttpFilter<'_>) -> Vec<Finding> {
    if filter.is_any(&CACHES) {
        return vec![Weakness::CacheBeforeFilter.at(&filter.at, &[filter.name])];
    }
    if filter.is("credential_injector") {
        return vec![Weakness::CallerGetsCredential.at(&filter.at, &[filter.name])];
    }
    let settings = settings(manager, filter);
    if filter.is("header_mutation") {
        return settings.iter().flat_map(|node| set_headers(node)).filter_map(given).collect();
    }
    let mut read: Vec<ConfigNode<'_>> = settings;
    if filter.is_any(&LIMITERS) {
        for level in manager.tables.iter().flat_map(RouteTable::levels) {
            read.extend(level.field("rate_limits").or(level.find(&["route", "rate_limits"])));
        }
    }
    let believed = read.iter().find_map(|node| node.everything().into_iter().find_map(claimed));
    let believed = believed.map(|(name, at)| Weakness::IdentityBelieved.at(&at, &[&name, filter.name]));
    believed.into_iter().collect()
}

fn after_gate(manager: &ConnectionManager<'_>, filter: &HttpFilter<'_>) -> Vec<Finding> {
    let is_open = manager.gateway.as_ref().is_some_and(|config| !config.open.is_empty());
    let weakness = match () {
        () if filter.is_any(&CACHES) => Weakness::CacheAfterFilter,
        () if filter.is("cors") => Weakness::CorsAfterFilter,
        () if filter.is_any(&TRANSCODERS) => Weakness::JudgedRequestChanged,
        () if filter.is("credential_injector") && is_open => Weakness::CredentialAdded,
        () if filter.is_any(&READERS) && !filter.is_half() && manager.holds_credential() => {
            Weakness::CredentialSeenByFilter
        }
        () if filter.is("header_mutation") => {
            let set = settings(manager, filter).into_iter().flat_map(|node| set_headers(&node));
            return set
                .filter_map(|option| added_name(&option))
                .filter_map(|(name, at)| added(&name, &at))
                .collect();
        }
        () if filter.is("router") => return on_cluster(&filter.given_to_clusters()),
        () => return Vec::new(),
    };
    vec![weakness.at(&filter.at, &[filter.name])]
}

/// The filter's configuration, in the chain and on every level of the routes.
fn settings<'a>(manager: &ConnectionManager<'a>, filter: &HttpFilter<'a>) -> Vec<ConfigNode<'a>> {
    let mut settings: Vec<ConfigNode<'a>> = filter.config.iter().cloned().collect();
    for level in manager.tables.iter().flat_map(RouteTable::levels) {
        let entries = level.entries("typed_per_filter_config");
        settings.extend(entries.into_iter().filter(|(name, _)| *name == filter.name).map(|(_, node)| node));
    }
    settings
}

/// The first header in a text that claims an identity.
fn claimed<'a>(node: ConfigNode<'a>) -> Option<(String, ConfigNode<'a>)> {
    let text = node.text()?.to_ascii_lowercase();
    let mut words =
        text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'));
    // `claimgate-…` may be the name of anything.
    let is_claim = |word: &&str| edited(word) == Some(Edited::Identity) && !word.starts_with("claimgate");
    let name = words.find(is_claim)?.to_owned();
    Some((name, node))
}

fn early_mutations(manager: &ConnectionManager<'_>) -> Vec<Finding> {
    let extensions = manager.at.list("early_header_mutation_extensions");
    let configs = extensions.iter().filter_map(ConfigNode::typed_config);
    configs.flat_map(|(_, config)| appended(&config, "mutations")).filter_map(given).collect()
}

fn set_headers<'a>(settings: &ConfigNode<'a>) -> Vec<ConfigNode<'a>> {
    let mutations = settings.field("mutations");
    mutations.map(|mutations| appended(&mutations, "request_mutations")).unwrap_or_default()
}

fn appended<'a>(node: &ConfigNode<'a>, list: &str) -> Vec<ConfigNode<'a>> {
    node.list(list).into_iter().filter_map(|mutation| mutation.field("append")).collect()
}

/// A credential that everybody gets; one that is copied from another header is the caller's own.
fn given(option: ConfigNode<'_>) -> Option<Finding> {
    let value = option.find(&["header", "value"]);
    let is_fixed = value.is_none_or(|value| value.text().is_none_or(|text| !text.contains("%REQ(")));
    let (name, at) = added_name(&option)?;
    (is_fixed && edited(&name) == Some(Edited::Credential))
        .then(|| Weakness::CallerGetsCredential.at(&at, &[&name]))
}
