//! Files that Envoy serves to the gateway, which has none of its own.

use serde::{Deserialize, Serialize};

use crate::config::values::Span;

/// A file that Envoy serves by a listener of its own, on a Unix socket; see `docs/upstream-credentials.md`. It is read each time its
/// content is needed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ServedFile {
    /// Its name, for `client_assertion`; unique.
    pub id: String,
    /// The Envoy cluster that leads to the socket.
    pub cluster: String,
    /// The `:authority` of the request.
    #[serde(default = "ServedFile::default_host")]
    pub host: String,
    /// The path under which the file is served.
    pub path: String,
    /// How long reading may take.
    #[serde(default = "super::default_timeout")]
    pub timeout: Span,
}

impl ServedFile {
    fn default_host() -> String {
        "files".to_owned()
    }
}
