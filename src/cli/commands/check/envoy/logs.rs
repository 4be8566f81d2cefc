//! What Envoy writes down or shows: access logs, traces, the admin port.

use super::doors::Door;
use super::part::Part;
use super::picture::{Manager, Picture};
use super::transport::is_loopback;
use crate::cli::document::Finding;
use crate::upstream::{Edited, edited};

pub(super) fn findings(picture: &Picture<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manager in picture.judged() {
        let logs = logs(manager);
        findings.extend(logs.iter().flat_map(logged));
        findings.extend(traces(manager).iter().filter_map(traced));
    }
    findings.extend(picture.admins.iter().filter_map(exposed));
    findings
}

fn logs<'a>(manager: &Manager<'a>) -> Vec<Part<'a>> {
    let mut logs = manager.at.list("access_log");
    logs.extend(manager.listener.list("access_log"));
    let routers = manager.filters.iter().filter(|filter| filter.is("router"));
    logs.extend(
        routers.filter_map(|router| router.config.clone()).flat_map(|config| config.list("upstream_log")),
    );
    logs
}

fn logged(log: &Part<'_>) -> Vec<Finding> {
    let Some((kind, config)) = log.typed_config() else { return Vec::new() };
    let formats = ["log_format", "format", "json_format", "typed_json_format"];
    let has_default = [".file.v3.FileAccessLog", ".stream.v3.StdoutAccessLog", ".stream.v3.StderrAccessLog"]
        .iter()
        .any(|own| kind.ends_with(own));
    if has_default && formats.iter().all(|name| config.field(name).is_none()) {
        return vec![Door::QueryLogged.at(&config.spot("log_format"), &[])];
    }
    let mut findings = Vec::new();
    for part in config.everything() {
        let headers = part.list("additional_request_headers_to_log");
        findings.extend(headers.iter().filter_map(|at| credential(at.text()?, at)));
        let Some(text) = part.text() else { continue };
        let printed = printed_headers(text);
        findings.extend(printed.iter().find_map(|name| credential(name, &part)));
        if printed.iter().any(|name| name == ":path" || name == "x-envoy-original-path") || prints_query(text)
        {
            findings.push(Door::QueryLogged.at(&part, &[]));
        }
    }
    findings
}

/// The request headers that a format string prints: `%REQ(FIRST?SECOND)%`, or an expression that names them.
pub(super) fn printed_headers(format: &str) -> Vec<String> {
    let format = format.to_ascii_lowercase();
    let after = |mark: &'static str| format.split(mark).skip(1);
    let operators = ["%req(", "%request_header("].into_iter().flat_map(after);
    let operands = operators.filter_map(|rest| rest.split(')').next());
    let mut names: Vec<String> = operands.flat_map(|names| names.split('?')).map(str::to_owned).collect();
    let expressions = after("%cel(").filter_map(|rest| rest.split(")%").next());
    names.extend(expressions.flat_map(|text| text.split(['\'', '"', '`'])).map(str::to_owned));
    names
}

/// `%PATH(WQ)%` and `%PATH%`, but not `%PATH(NQ)%`.
fn prints_query(format: &str) -> bool {
    format.split("%PATH").skip(1).any(|rest| !rest.starts_with("(NQ"))
}

fn credential(name: &str, at: &Part<'_>) -> Option<Finding> {
    let name = name.to_ascii_lowercase();
    (edited(&name) == Some(Edited::Credential)).then(|| Door::CredentialLogged.at(at, &[&name]))
}

fn traces<'a>(manager: &Manager<'a>) -> Vec<Part<'a>> {
    let of_routes = manager.hops().filter_map(|hop| hop.route.at.field("tracing"));
    let tracing = manager.at.field("tracing").into_iter().chain(of_routes);
    tracing.flat_map(|tracing| tracing.list("custom_tags")).collect()
}

fn traced(tag: &Part<'_>) -> Option<Finding> {
    let header = tag.field("request_header");
    if let Some((name, at)) = header.and_then(|header| Some((header.text_of("name")?, header.spot("name")))) {
        return credential(name, &at);
    }
    let value = tag.field("value")?;
    printed_headers(value.text()?).iter().find_map(|name| credential(name, &value))
}

fn exposed(admin: &Part<'_>) -> Option<Finding> {
    let address = admin.find(&["address", "socket_address", "address"])?;
    let is_local = address.text().is_none_or(is_loopback);
    (!is_local).then(|| Door::AdminExposed.at(&address, &[]))
}
