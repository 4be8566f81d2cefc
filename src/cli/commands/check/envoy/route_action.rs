//! What a route does with a request that was let through: copies, redirects, headers and the Host it adds.

use std::collections::BTreeSet;

use super::doors::Door;
use super::part::Part;
use super::picture::{Manager, Picture};
use super::routes::{Hop, Table};
use super::undecided::switch;
use crate::cli::document::Finding;
use crate::upstream::{Edited, edited};

/// The headers that carry a provider's credential, by dialect.
const ATTACHED: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

pub(super) fn findings(picture: &Picture<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manager in picture.judged() {
        for level in manager.tables.iter().flat_map(Table::levels) {
            findings.extend(added_headers(&level));
            if manager.holds_credential() {
                findings.extend(returned_headers(&level));
            }
            let action = level.field("route").unwrap_or_else(|| level.clone());
            findings.extend(action.list("request_mirror_policies").iter().map(|at| mirror(manager, at)));
        }
        findings.extend(redirects(manager));
        findings.extend(hosts(picture, manager));
    }
    findings
}

fn mirror(manager: &Manager<'_>, at: &Part<'_>) -> Finding {
    let cluster = at.text_of("cluster").or(at.text_of("cluster_header")).unwrap_or_default();
    let mutations = at.list("request_headers_mutations");
    let removed: BTreeSet<_> = mutations.iter().filter_map(|mutation| mutation.header_of("remove")).collect();
    let is_clean = ATTACHED.iter().all(|name| removed.contains(*name));
    let door = match manager.holds_credential() && !is_clean {
        true => Door::MirrorGetsCredential,
        false => Door::MirrorWithoutRecord,
    };
    door.at(at, &[cluster])
}

/// Envoy runs a redirected request through the whole chain again, as the filter left it.
fn redirects(manager: &Manager<'_>) -> Vec<Finding> {
    let is_off = |hop: &Hop<'_, '_>| {
        let gate = manager.gate().map(|(gate, _)| gate);
        gate.is_some_and(|gate| hop.route.targets.iter().any(|target| switch(gate, hop, target).is_some()))
    };
    let door = match manager.holds_credential() && manager.hops().any(|hop| is_off(&hop)) {
        true => Door::RedirectLeaksCredential,
        false => Door::RedirectFollowed,
    };
    let actions = manager.hops().filter_map(|hop| hop.route.action.as_ref());
    let follows = |action: &Part<'_>| {
        let names = ["PASS_THROUGH_INTERNAL_REDIRECT", "HANDLE_INTERNAL_REDIRECT"];
        let old = action.choice_of("internal_redirect_action", &names) == "HANDLE_INTERNAL_REDIRECT";
        let old = old.then(|| action.spot("internal_redirect_action"));
        Some(door.at(&action.field("internal_redirect_policy").or(old)?, &[]))
    };
    actions.filter_map(follows).collect()
}

fn added_headers(level: &Part<'_>) -> Vec<Finding> {
    let names = level.list("request_headers_to_add").into_iter().filter_map(|option| added_name(&option));
    names.filter_map(|(name, at)| added(&name, &at)).collect()
}

/// What a header that is put on after the decision does.
pub(super) fn added(name: &str, at: &Part<'_>) -> Option<Finding> {
    match edited(name)? {
        Edited::Credential => Some(Door::CredentialAdded.at(at, &[name])),
        Edited::Identity => Some(Door::IdentityAdded.at(at, &[name])),
        // What the operator writes steers as the operator wants.
        Edited::Steering | Edited::Beside => None,
    }
}

/// The header that a `HeaderValueOption` sets, and where its name stands.
pub(super) fn added_name<'a>(option: &Part<'a>) -> Option<(String, Part<'a>)> {
    let header = option.field("header")?;
    Some((header.header_of("key")?, header.spot("key")))
}

fn returned_headers(level: &Part<'_>) -> Vec<Finding> {
    let values = level.list("response_headers_to_add").into_iter();
    let values = values.filter_map(|option| option.find(&["header", "value"]));
    let credential = |at: Part<'_>| {
        let text = at.text()?;
        let name =
            super::logs::printed_headers(text).into_iter().find(|name| ATTACHED.contains(&name.as_str()))?;
        Some(Door::CredentialReturned.at(&at, &[&name]))
    };
    values.filter_map(credential).collect()
}

fn hosts(picture: &Picture<'_>, manager: &Manager<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hop in manager.hops() {
        let Some(action) = &hop.route.action else { continue };
        let mut providers = hop.route.targets.iter().filter(|target| picture.is_provider(target)).peekable();
        if providers.peek().is_none() {
            continue;
        }
        let of_caller = ["host_rewrite_header", "host_rewrite_path_regex"];
        let format =
            action.field("host_rewrite").filter(|at| at.text().is_some_and(|text| text.contains("%REQ")));
        if let Some(at) = of_caller.into_iter().find_map(|name| action.field(name)).or(format) {
            findings.push(Door::HostChosenByCaller.at(&at, &[]));
            continue;
        }
        let is_set = action.is_true("auto_host_rewrite")
            || action.text_of("host_rewrite_literal").or(action.text_of("host_rewrite")).is_some();
        let rewrites = |weight: &Part<'_>| weight.text_of("host_rewrite_literal").is_some();
        let is_set_by_weight = providers.all(|target| target.weight.as_ref().is_some_and(rewrites));
        let is_any = hop
            .host
            .at
            .list("domains")
            .iter()
            .any(|domain| domain.text().is_some_and(|text| text.contains('*')));
        if is_any && !is_set && !is_set_by_weight {
            findings.push(Door::HostNotRewritten.at(&action.spot("auto_host_rewrite"), &[]));
        }
    }
    findings
}
