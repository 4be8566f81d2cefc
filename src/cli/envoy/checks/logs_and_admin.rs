//! What Envoy writes down or shows: access logs, traces, the admin port.

use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::model::{ConnectionManager, EnvoyConfig, is_loopback, printed_headers};
use crate::cli::envoy::weakness::Weakness;
use crate::upstream::{Edited, edited};

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manager in envoy.judged() {
        let logs = logs(manager);
        findings.extend(logs.iter().flat_map(logged));
        findings.extend(traces(manager).iter().filter_map(traced));
    }
    findings.extend(envoy.admins.iter().filter_map(exposed));
    findings
}

/// The filter state that may hold a user's sealed key on its way to the half on the cluster.
const PASSPORT: &str = "claimgate_passport";

fn logs<'a>(manager: &ConnectionManager<'a>) -> Vec<ConfigNode<'a>> {
    let mut logs = manager.at.list("access_log");
    logs.extend(manager.listener.list("access_log"));
    let routers = manager.filters.iter().filter(|filter| filter.is("router"));
    logs.extend(
        routers.filter_map(|router| router.config.clone()).flat_map(|config| config.list("upstream_log")),
    );
    logs
}

fn logged(log: &ConfigNode<'_>) -> Vec<Finding> {
    let Some((kind, config)) = log.typed_config() else { return Vec::new() };
    let formats = ["log_format", "format", "json_format", "typed_json_format"];
    let has_default = [".file.v3.FileAccessLog", ".stream.v3.StdoutAccessLog", ".stream.v3.StderrAccessLog"]
        .iter()
        .any(|own| kind.ends_with(own));
    if has_default && formats.iter().all(|name| config.field(name).is_none()) {
        return vec![Weakness::QueryLogged.at(&config.place_of("log_format"), &[])];
    }
    let mut findings = Vec::new();
    for node in config.everything() {
        let headers = node.list("additional_request_headers_to_log");
        findings.extend(headers.iter().filter_map(|at| credential(at.text()?, at)));
        let Some(text) = node.text() else { continue };
        let printed = printed_headers(text);
        findings.extend(printed.iter().find_map(|name| credential(name, &node)));
        if text.contains(PASSPORT) {
            findings.push(Weakness::CredentialLogged.at(&node, &[PASSPORT]));
        }
        if printed.iter().any(|name| name == ":path" || name == "x-envoy-original-path") || prints_query(text)
        {
            findings.push(Weakness::QueryLogged.at(&node, &[]));
        }
    }
    findings
}

/// `%PATH(WQ)%` and `%PATH%`, but not `%PATH(NQ)%`.
fn prints_query(format: &str) -> bool {
    format.split("%PATH").skip(1).any(|rest| !rest.starts_with("(NQ"))
}

fn credential(name: &str, at: &ConfigNode<'_>) -> Option<Finding> {
    let name = name.to_ascii_lowercase();
    (edited(&name) == Some(Edited::Credential)).then(|| Weakness::CredentialLogged.at(at, &[&name]))
}

fn traces<'a>(manager: &ConnectionManager<'a>) -> Vec<ConfigNode<'a>> {
    let of_routes = manager.routes().filter_map(|placed| placed.route.at.field("tracing"));
    let tracing = manager.at.field("tracing").into_iter().chain(of_routes);
    tracing.flat_map(|tracing| tracing.list("custom_tags")).collect()
}

fn traced(tag: &ConfigNode<'_>) -> Option<Finding> {
    let header = tag.field("request_header");
    if let Some((name, at)) =
        header.and_then(|header| Some((header.text_of("name")?, header.place_of("name"))))
    {
        return credential(name, &at);
    }
    let value = tag.field("value")?;
    printed_headers(value.text()?).iter().find_map(|name| credential(name, &value))
}

fn exposed(admin: &ConfigNode<'_>) -> Option<Finding> {
    let address = admin.find(&["address", "socket_address", "address"])?;
    let is_local = address.text().is_none_or(is_loopback);
    (!is_local).then(|| Weakness::AdminExposed.at(&address, &[]))
}
