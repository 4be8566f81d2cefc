//! The gateway's filter as Envoy reads its configuration, on either host, and what stands around that in a file.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cli::configuration::environment_names;
use crate::config::{Config, Hold};

/// The name of the filter, its plugin and its VM in Envoy.
const NAME: &str = "claimgate";

/// The whole configuration of the filter.
pub(super) struct EnvoyFilter(Value);

impl EnvoyFilter {
    /// Of the wasm filter, which lies in `file`.
    pub(super) fn wasm(config: &Config, bundle: &str, file: &Path) -> Self {
        Self(json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": NAME,
                "root_id": NAME,
                "vm_config": {
                    "vm_id": NAME,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": file}},
                    "environment_variables": {"host_env_keys": environment_names(config)},
                },
                "configuration": text(bundle),
                "allow_on_headers_stop_iteration": config.hold == Hold::HeadersAndBody,
                "failure_policy": "FAIL_RELOAD",
            },
        }))
    }

    /// Of the dynamic module, whose library is `file`. It holds what it needs to and reads the environment by itself.
    pub(super) fn module(bundle: &str, file: &Path) -> Self {
        Self(json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
            "dynamic_module_config": {"module": {"local": {"filename": file}}},
            "filter_name": NAME,
            "filter_config": text(bundle),
        }))
    }

    /// The response of a discovery service that has nothing else.
    pub(super) fn discovery_response(&self, version: Option<&str>) -> Value {
        let version = version.map_or_else(|| digest(&self.0.to_string()), str::to_owned);
        json!({
            "version_info": version,
            "resources": [{
                "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
                "name": NAME,
                "typed_config": self.0,
            }],
        })
    }

    /// An entry of `http_filters`.
    pub(super) fn entry(&self) -> Value {
        json!({"name": NAME, "typed_config": self.0})
    }
}

/// What Envoy hands to a filter as it was written.
fn text(bundle: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": bundle})
}

/// The first 16 hex digits of SHA-256: equal content has an equal version.
fn digest(content: &str) -> String {
    Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
