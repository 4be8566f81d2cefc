//! What a route does with a request that was let through: copies, redirects, headers and the Host it adds.

use std::collections::BTreeSet;

use super::added_header::{added, added_name};
use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::{ConnectionManager, EnvoyConfig, PlacedRoute, RouteTable, printed_headers};
use crate::cli::envoy::weakness::Weakness;

/// The headers that carry a provider's credential, by dialect.
const ATTACHED: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manager in envoy.judged() {
        for level in manager.tables.iter().flat_map(RouteTable::levels) {
            findings.extend(added_headers(&level));
            if manager.holds_credential() {
                findings.extend(returned_headers(&level));
            }
            let action = level.field("route").unwrap_or_else(|| level.clone());
            findings.extend(action.list("request_mirror_policies").iter().map(|at| mirror(manager, at)));
        }
        findings.extend(redirects(manager));
        findings.extend(hosts(envoy, manager));
    }
    findings
}

fn mirror(manager: &ConnectionManager<'_>, at: &ConfigNode<'_>) -> Finding {
    let cluster = at.text_of("cluster").or(at.text_of("cluster_header")).unwrap_or_default();
    let mutations = at.list("request_headers_mutations");
    let removed: BTreeSet<_> = mutations.iter().filter_map(|mutation| mutation.header_of("remove")).collect();
    let is_clean = ATTACHED.iter().all(|name| removed.contains(*name));
    let weakness = match manager.holds_credential() && !is_clean {
        true => Weakness::MirrorGetsCredential,
        false => Weakness::MirrorWithoutRecord,
    };
    weakness.at(at, &[cluster])
}

/// Envoy runs a redirected request through the whole chain again, as the filter left it.
fn redirects(manager: &ConnectionManager<'_>) -> Vec<Finding> {
    let is_off = |placed: &PlacedRoute<'_, '_>| {
        let gate = manager.gate().map(|(gate, _)| gate);
        gate.is_some_and(|gate| {
            placed.route.targets.iter().any(|target| placed.disabled(gate, target).is_some())
        })
    };
    let weakness = match manager.holds_credential() && manager.routes().any(|placed| is_off(&placed)) {
        true => Weakness::RedirectLeaksCredential,
        false => Weakness::RedirectFollowed,
    };
    let actions = manager.routes().filter_map(|placed| placed.route.action.as_ref());
    let follows = |action: &ConfigNode<'_>| {
        let names = ["PASS_THROUGH_INTERNAL_REDIRECT", "HANDLE_INTERNAL_REDIRECT"];
        let old = action.choice_of("internal_redirect_action", &names) == "HANDLE_INTERNAL_REDIRECT";
        let old = old.then(|| action.place_of("internal_redirect_action"));
        Some(weakness.at(&action.field("internal_redirect_policy").or(old)?, &[]))
    };
    actions.filter_map(follows).collect()
}

fn added_headers(level: &ConfigNode<'_>) -> Vec<Finding> {
    let names = level.list("request_headers_to_add").into_iter().filter_map(|option| added_name(&option));
    names.filter_map(|(name, at)| added(&name, &at)).collect()
}

fn returned_headers(level: &ConfigNode<'_>) -> Vec<Finding> {
    let values = level.list("response_headers_to_add").into_iter();
    let values = values.filter_map(|option| option.find(&["header", "value"]));
    let credential = |at: ConfigNode<'_>| {
        let text = at.text()?;
        let name = printed_headers(text).into_iter().find(|name| ATTACHED.contains(&name.as_str()))?;
        Some(Weakness::CredentialReturned.at(&at, &[&name]))
    };
    values.filter_map(credential).collect()
}

fn hosts(envoy: &EnvoyConfig<'_>, manager: &ConnectionManager<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for placed in manager.routes() {
        let Some(action) = &placed.route.action else { continue };
        let mut providers = placed.route.targets.iter().filter(|target| envoy.is_provider(target)).peekable();
        if providers.peek().is_none() {
            continue;
        }
        let of_caller = ["host_rewrite_header", "host_rewrite_path_regex"];
        let format =
            action.field("host_rewrite").filter(|at| at.text().is_some_and(|text| text.contains("%REQ")));
        if let Some(at) = of_caller.into_iter().find_map(|name| action.field(name)).or(format) {
            findings.push(Weakness::HostChosenByCaller.at(&at, &[]));
            continue;
        }
        let is_set = action.is_true("auto_host_rewrite")
            || action.text_of("host_rewrite_literal").or(action.text_of("host_rewrite")).is_some();
        let rewrites = |weight: &ConfigNode<'_>| weight.text_of("host_rewrite_literal").is_some();
        let is_set_by_weight = providers.all(|target| target.weight.as_ref().is_some_and(rewrites));
        let is_any = placed
            .host
            .at
            .list("domains")
            .iter()
            .any(|domain| domain.text().is_some_and(|text| text.contains('*')));
        if is_any && !is_set && !is_set_by_weight {
            findings.push(Weakness::HostNotRewritten.at(&action.place_of("auto_host_rewrite"), &[]));
        }
    }
    findings
}
