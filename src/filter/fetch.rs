//! One document through an Envoy cluster: how it is asked for, taken, named, and leased to one worker at a time.
//!
//! It does not know when a document is due, nor what stands in it.

use std::time::Duration;

use log::warn;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};
use sha2::{Digest, Sha256};

use super::shared_data::SharedData;
use crate::config::Span;
use crate::gateway::Gateway;
use crate::ledger::{Entry, Namespace, compose};

/// Where a document is.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) cluster: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
}

/// The right to ask for a document, which one worker has at a time.
pub(super) struct Lease {
    key: Vec<u8>,
}

impl Place<'_> {
    /// The same for two configurations with the same source, and never for two with different ones.
    pub(super) fn name(&self) -> String {
        let parts = compose(&[self.cluster.as_bytes(), self.host.as_bytes(), self.path.as_bytes()]);
        let digest = Sha256::digest(&parts);
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Sends the request for `what`; `None` where Envoy does not even take it.
    pub(super) fn ask(&self, what: &str, timeout: Span, headers: &[(&str, &str)]) -> Option<u32> {
        self.send("GET", what, timeout, headers, None)
    }

    /// Sends a form that asks for `what`; as [`Self::ask`].
    pub(super) fn post(
        &self,
        what: &str,
        timeout: Span,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<u32> {
        self.send("POST", what, timeout, headers, Some(body))
    }

    fn send(
        &self,
        method: &str,
        what: &str,
        timeout: Span,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Option<u32> {
        let mut all =
            vec![(":method", method), (":scheme", "https"), (":path", self.path), (":authority", self.host)];
        all.extend_from_slice(headers);
        let timeout = Duration::from_millis(timeout.milliseconds());
        let sent = hostcalls::dispatch_http_call(self.cluster, all, body, Vec::new(), timeout);
        sent.inspect_err(|status| {
            warn!(
                "claimgate: cannot fetch {what} through the cluster `{}`: {status:?}; is there such a cluster?",
                self.cluster
            );
        })
        .ok()
    }
}

impl Lease {
    /// Takes the lease `key` for at most `for_ms`, where nobody holds it.
    pub(super) fn take(gateway: &Gateway, key: Vec<u8>, now_ms: u64, for_ms: u64) -> Option<Self> {
        let taken = gateway.ledger().lease(&SharedData, entry(&key), now_ms, for_ms) == Ok(true);
        taken.then_some(Self { key })
    }

    /// Lets it end once the fetch has: the next one may ask from `next_ms` on.
    pub(super) fn end(&self, gateway: &Gateway, now_ms: u64, next_ms: u64) {
        // A lease that cannot be shortened ends by itself.
        let _ = gateway.ledger().shorten_lease(&SharedData, entry(&self.key), now_ms, next_ms);
    }
}

fn entry(key: &[u8]) -> Entry<'_> {
    Entry { namespace: Namespace::Lease, key }
}

/// A header of the answer to a fetch, where it has any.
pub(super) fn answer_header(name: &str) -> Option<Vec<u8>> {
    hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, name).ok().flatten()
}

/// How much of an answer Envoy delivers. Where it broke off there is not even a header, and asking the host for one traps.
#[derive(Clone, Copy)]
pub(super) struct Delivery {
    pub(super) headers: usize,
    pub(super) body_size: usize,
}

/// What came of a fetch.
pub(super) enum Fetched {
    Document(Vec<u8>),
    /// The one whose `ETag` was sent is still the current one.
    Unchanged,
}

/// The answer to a fetch, of at most `limit` bytes.
///
/// # Errors
/// One line for the operator.
pub(super) fn answer(delivery: Delivery, limit: usize) -> Result<Fetched, String> {
    let Delivery { headers, body_size } = delivery;
    if headers == 0 {
        return Err("the answer broke off".to_owned());
    }
    match answer_header(":status").as_deref() {
        Some(b"200") if body_size > limit => Err(format!("the document has more than {limit} bytes")),
        Some(b"200") => {
            let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size).ok().flatten();
            Ok(Fetched::Document(body.unwrap_or_default()))
        }
        Some(b"304") => Ok(Fetched::Unchanged),
        Some(other) => Err(format!("status {}", String::from_utf8_lossy(other))),
        None => Err("no status".to_owned()),
    }
}
