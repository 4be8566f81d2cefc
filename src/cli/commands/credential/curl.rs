//! One question over the network, by `curl`: the command itself opens no connection.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::credentials::{MAX_TOKEN_ANSWER_BYTES, TokenRequest};

/// An answer as it came.
pub(super) struct Response {
    pub(super) status: u32,
    pub(super) body: Vec<u8>,
}

/// Asks at `base` what the gateway would ask through its cluster.
///
/// # Errors
/// Why there is no answer, in `curl`'s words.
pub(super) fn ask(request: &TokenRequest<'_>, base: &str) -> Result<Response, String> {
    let mut settings = vec![("url", format!("{}{}", base.trim_end_matches('/'), request.path))];
    let headers = request.headers.iter().map(|(name, value)| ("header", format!("{name}: {value}")));
    settings.extend(headers);
    settings.extend(request.form.iter().map(|form| ("data-raw", form.clone())));
    let timeout_ms = request.timeout.milliseconds();
    settings.push(("max-time", format!("{}.{:03}", timeout_ms / 1000, timeout_ms % 1000)));
    // A metadata server refuses a proxy, and what proves a workload is not the proxy's to know.
    if base.starts_with("http://") {
        settings.push(("noproxy", "*".to_owned()));
    }
    settings.push(("max-filesize", MAX_TOKEN_ANSWER_BYTES.to_string()));
    // Behind the body, on a line of its own.
    settings.push(("write-out", "\n%{http_code}".to_owned()));
    run(&settings).map_err(|why| format!("{base}: {why}"))
}

/// Nothing of a question stands in the arguments, where every process could read it.
fn run(settings: &[(&str, String)]) -> Result<Response, String> {
    let mut curl = Command::new("curl");
    // First, or its own configuration file would be read.
    curl.args(["--disable", "--silent", "--show-error", "--no-location", "--config", "-"]);
    let piped = curl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "`curl` asks for this command, and is not installed".to_owned(),
        _ => format!("`curl` could not be run: {error}"),
    })?;
    if let Some(mut input) = child.stdin.take() {
        let lines: Vec<String> =
            settings.iter().map(|(name, value)| format!("{name} = \"{}\"\n", escaped(value))).collect();
        input.write_all(lines.concat().as_bytes()).map_err(|error| error.to_string())?;
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("curl: ").to_owned());
    }
    let end = output.stdout.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
    let (body, status) = output.stdout.split_at_checked(end).unwrap_or((&[], &[]));
    let status = std::str::from_utf8(status).ok().and_then(|status| status.trim().parse().ok());
    Ok(Response { status: status.ok_or("no status")?, body: body.to_vec() })
}

/// As `curl`'s configuration has it between quotation marks.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t")
}
