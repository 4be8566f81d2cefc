//! Envoy's attributes of a stream, and what is kept in its filter state.

use proxy_wasm::hostcalls;

use crate::lifecycle::{Attribute, Item};

pub(super) fn text(attribute: Attribute) -> Option<String> {
    bytes(path(attribute)).and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Envoy gives integers as eight bytes, little endian, and a truth value as one.
pub(super) fn number(attribute: Attribute) -> Option<u64> {
    let bytes = bytes(path(attribute))?;
    match *bytes.as_slice() {
        [truth] => Some(u64::from(truth)),
        _ => bytes.try_into().ok().map(u64::from_le_bytes),
    }
}

/// The record is there for the access log: `%FILTER_STATE(wasm.claimgate_audit:PLAIN)%`.
pub(super) fn remember(item: Item, value: &[u8]) {
    let _ = hostcalls::set_property(vec![name(item)], Some(value));
}

pub(super) fn remembered(item: Item) -> Option<Vec<u8>> {
    bytes(&["filter_state", &format!("wasm.{}", name(item))])
}

/// The `root_id` under which Envoy runs this plugin.
pub(super) fn root_id() -> Vec<u8> {
    bytes(&["plugin_root_id"]).unwrap_or_default()
}

fn name(item: Item) -> &'static str {
    match item {
        Item::Record => "claimgate_audit",
        Item::Passport => "claimgate_passport",
    }
}

fn path(attribute: Attribute) -> &'static [&'static str] {
    match attribute {
        Attribute::SourceAddress => &["source", "address"],
        Attribute::SourcePort => &["source", "port"],
        Attribute::Mtls => &["connection", "mtls"],
        Attribute::CertificateDigest => &["connection", "sha256_peer_certificate_digest"],
        Attribute::Cluster => &["xds", "cluster_name"],
        Attribute::CodeDetails => &["response", "code_details"],
        Attribute::Status => &["response", "code"],
        Attribute::ResponseFlags => &["response", "flags"],
    }
}

fn bytes(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}
