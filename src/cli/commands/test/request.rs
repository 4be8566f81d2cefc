//! The request of a call as Envoy shows it to the filter.

use std::collections::BTreeMap;

use super::credentials::TestCredentials;
use super::script::Send;
use crate::config::Config;

/// The name by which callers reach the gateway.
const HOST: &str = "gateway.example";

/// The headers of the call as Envoy shows them to the filter.
pub(super) fn request_headers(
    credentials: &TestCredentials,
    send: &Send,
    unix_seconds: u64,
) -> Vec<(String, String)> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    if send.body.is_some() {
        headers.insert("content-type".to_owned(), "application/json".to_owned());
    }
    headers.extend(send.caller.as_ref().and_then(|caller| credentials.credential(caller, unix_seconds)));
    headers.extend(send.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
    let pseudo =
        [(":method", send.method.as_str()), (":path", &send.path), (":authority", HOST), (":scheme", "http")];
    pseudo.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).chain(headers).collect()
}

/// The cluster that the shipped Envoy configuration would route the path to.
pub(super) fn routed(config: &Config, path: &str) -> Option<String> {
    let prefixed = config.upstreams.iter().filter_map(|upstream| {
        let prefix = upstream.path_prefix.as_deref().unwrap_or_default();
        let rest = path.strip_prefix(prefix)?;
        rest.starts_with(['/', '?']).then_some((prefix.len(), &upstream.cluster))
    });
    prefixed.max_by_key(|(length, _)| *length).map(|(_, cluster)| cluster.clone())
}
