//! Documents that are polled through an Envoy cluster: revocation lists and feeds.

use serde::{Deserialize, Serialize};

use crate::config::values::Span;

/// A JSON document that any object store or CDN can serve, polled through an Envoy cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PolledDocument {
    /// The Envoy cluster that leads to it.
    pub cluster: String,
    /// The `:authority` of the request.
    pub host: String,
    /// The path of the document.
    pub path: String,
    /// The time between two requests, at least `1s`; with `If-None-Match` where the server gave an `ETag`.
    #[serde(default = "default_poll")]
    pub poll: Span,
    /// How long one request may take.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// How long after the last answer the document may still be relied on.
    #[serde(default = "default_max_age")]
    pub max_age: Span,
}

/// What becomes of requests while a document is too old.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenStale {
    /// Those that depend on it are refused 503.
    #[default]
    Deny,
    /// The last good one stays in force, and its gauge `stale` is 1.
    Continue,
}

fn default_poll() -> Span {
    Span::from_seconds(5)
}

fn default_timeout() -> Span {
    Span::from_seconds(2)
}

fn default_max_age() -> Span {
    Span::from_seconds(60)
}
