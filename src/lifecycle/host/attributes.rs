//! What the gateway wants to know of an exchange, read from the host's attributes.

use super::exchange::{Attribute, Exchange};
use crate::config::Thumbprint;
use crate::gateway::Wants;
use crate::request::{Connection, Headers};

/// What a decision wants to know of the connection; each question costs a call of the host.
pub(in crate::lifecycle) fn connection(exchange: &dyn Exchange, wants: Wants) -> Connection {
    Connection {
        source_address: wants.address.then(|| source_address(exchange)).flatten(),
        source_port: wants.address.then(|| exchange.number(Attribute::SourcePort)).flatten(),
        mtls: wants.mtls && exchange.number(Attribute::Mtls) == Some(1),
        cluster: cluster(exchange),
    }
}

/// The client's address without its port.
pub(in crate::lifecycle) fn source_address(exchange: &dyn Exchange) -> Option<String> {
    exchange.text(Attribute::SourceAddress).map(|address| without_port(&address))
}

/// The port of the client's address; 0 where the address was taken from a header.
pub(in crate::lifecycle) fn source_port(exchange: &dyn Exchange) -> u64 {
    exchange.number(Attribute::SourcePort).unwrap_or_default()
}

/// The certificate that the client showed in the handshake.
pub(in crate::lifecycle) fn client_certificate(exchange: &dyn Exchange) -> Option<Thumbprint> {
    exchange.text(Attribute::CertificateDigest).and_then(|hex| Thumbprint::of_hex(&hex))
}

/// The cluster that was selected. In the response phase it is the one the request really went to.
pub(in crate::lifecycle) fn cluster(exchange: &dyn Exchange) -> Option<String> {
    exchange.text(Attribute::Cluster).filter(|cluster| !cluster.is_empty())
}

/// What an answer's headers say it came to.
pub(in crate::lifecycle) fn status(headers: &Headers) -> Option<u32> {
    headers.text(":status")?.parse().ok()
}

/// Where an answer comes from: asked in the response phase, because a later cut changes the details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::lifecycle) enum Origin {
    /// The provider behind this cluster.
    Provider { cluster: Option<String> },
    /// The host itself, or another filter.
    Host,
}

/// Where this answer comes from.
pub(in crate::lifecycle) fn origin(exchange: &dyn Exchange, headers: &Headers) -> Origin {
    // Envoy's router puts it on every answer of a provider unless it is told not to, and on no other; to see it is
    // cheaper than to ask.
    let is_marked = headers.values("x-envoy-upstream-service-time").next().is_some();
    match is_marked || code_details(exchange) == "via_upstream" {
        true => Origin::Provider { cluster: cluster(exchange) },
        false => Origin::Host,
    }
}

/// Why the host answered as it did, in its own words; in the response phase.
pub(in crate::lifecycle) fn code_details(exchange: &dyn Exchange) -> String {
    exchange.text(Attribute::CodeDetails).unwrap_or_default()
}

/// The status; `None` where there was no response.
pub(in crate::lifecycle) fn response_code(exchange: &dyn Exchange) -> Option<u32> {
    const SWITCHING_PROTOCOLS: u64 = 101;
    const FIRST_FINAL_STATUS: u64 = 200;
    exchange
        .number(Attribute::Status)
        .filter(|code| *code >= FIRST_FINAL_STATUS || *code == SWITCHING_PROTOCOLS)
        .and_then(|code| u32::try_from(code).ok())
}

/// The response flags as bits; 0 where nothing went wrong.
pub(in crate::lifecycle) fn response_flags(exchange: &dyn Exchange) -> u64 {
    exchange.number(Attribute::ResponseFlags).unwrap_or(0)
}

/// `192.0.2.1:4000` and `[2001:db8::1]:4000` without the port.
fn without_port(address: &str) -> String {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}
