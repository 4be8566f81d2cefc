//! What Envoy knows of a stream, read as attributes.

use proxy_wasm::hostcalls;

use crate::config::Thumbprint;
use crate::gateway::Wants;
use crate::request::{Connection, Headers};

/// What a decision wants to know of the stream in the request-headers phase; each question costs a callback.
pub(super) fn connection(wants: Wants) -> Connection {
    Connection {
        source_address: wants.address.then(source_address).flatten(),
        source_port: wants.address.then(|| number(&["source", "port"])).flatten(),
        mtls: wants.mtls && bytes(&["connection", "mtls"]).is_some_and(|value| value == [1]),
        cluster: cluster(),
    }
}

/// The client's address without its port.
pub(super) fn source_address() -> Option<String> {
    text(&["source", "address"]).map(|address| without_port(&address))
}

/// The port of the client's address; 0 where the address was taken from a header.
pub(super) fn source_port() -> u64 {
    number(&["source", "port"]).unwrap_or_default()
}

/// The certificate that the client showed in the handshake.
pub(super) fn client_certificate() -> Option<Thumbprint> {
    text(&["connection", "sha256_peer_certificate_digest"]).and_then(|hex| Thumbprint::of_hex(&hex))
}

/// The cluster Envoy selected. In the response phase it is the one the request really went to.
pub(super) fn cluster() -> Option<String> {
    text(&["xds", "cluster_name"]).filter(|cluster| !cluster.is_empty())
}

/// Where an answer comes from: asked in the response phase, because a later cut changes the details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The provider behind this cluster.
    Provider { cluster: Option<String> },
    /// Envoy itself, or another filter.
    Envoy,
}

/// Where this answer comes from.
pub(super) fn origin(headers: &Headers) -> Origin {
    // Envoy's router puts it on every answer of a provider unless it is told not to, and on no other; to see it is
    // cheaper than to ask.
    let is_marked = headers.values("x-envoy-upstream-service-time").next().is_some();
    match is_marked || code_details() == "via_upstream" {
        true => Origin::Provider { cluster: cluster() },
        false => Origin::Envoy,
    }
}

/// Why Envoy answered as it did, in its own words; in the response phase.
pub(super) fn code_details() -> String {
    text(&["response", "code_details"]).unwrap_or_default()
}

/// The status; `None` where there was no response.
pub(super) fn response_code() -> Option<u32> {
    const SWITCHING_PROTOCOLS: u64 = 101;
    const FIRST_FINAL_STATUS: u64 = 200;
    number(&["response", "code"])
        .filter(|code| *code >= FIRST_FINAL_STATUS || *code == SWITCHING_PROTOCOLS)
        .and_then(|code| u32::try_from(code).ok())
}

/// Envoy's response flags as bits; 0 where nothing went wrong.
pub(super) fn response_flags() -> u64 {
    number(&["response", "flags"]).unwrap_or(0)
}

/// The permit that the half in the listener's chain left for the half on the cluster.
pub(super) fn passport() -> Option<Vec<u8>> {
    bytes(&["filter_state", "wasm.claimgate_passport"])
}

/// The `root_id` under which Envoy runs this plugin.
pub(super) fn root_id() -> Vec<u8> {
    bytes(&["plugin_root_id"]).unwrap_or_default()
}

fn text(path: &[&str]) -> Option<String> {
    bytes(path).and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Envoy gives integers as eight bytes, little endian.
fn number(path: &[&str]) -> Option<u64> {
    bytes(path).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes)
}

fn bytes(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}

/// `192.0.2.1:4000` and `[2001:db8::1]:4000` without the port.
fn without_port(address: &str) -> String {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}
