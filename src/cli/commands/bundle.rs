//! `claimgate bundle`: the one JSON document that Envoy hands to the filter.

mod rate_limits;

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cli::atomic_write::move_into_place;
use crate::cli::configuration::{Sources, environment_names};
use crate::cli::document::Finding;
use crate::cli::terminal::{Exit, Terminal};
use crate::config::{Config, ConfigError, Hold};
use rate_limits::rate_limits;

/// The name of the filter, its plugin and its VM in Envoy.
const NAME: &str = "claimgate";

const EXAMPLES: &str = "\
Examples:
  claimgate bundle                                      the JSON that goes into the plugin's `configuration`
  claimgate bundle --wrap ecds --output envoy/ecds.json --wasm /etc/envoy/claimgate.wasm
                                                        a file for Envoy's `config_discovery`
  claimgate bundle --wrap rate-limit --output limits/config/claimgate.yaml
                                                        the limits for envoyproxy/ratelimit, beside Envoy's file

A file is written beside its place and moved into it, because Envoy reloads on moves only.
Exit status: 0 fine, 2 something is wrong; then no file is touched.";

/// Checks the configuration and writes it as the one document that Envoy hands to the filter
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Bundle {
    #[command(flatten)]
    sources: Sources,
    /// Where to write; without it, to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to wrap around the bundle
    #[arg(long, value_enum, default_value_t)]
    wrap: Wrap,
    /// The compiled filter as Envoy finds it, for `--wrap ecds`
    #[arg(long, value_name = "PATH", default_value = "target/claimgate.wasm")]
    wasm: PathBuf,
    /// The version that Envoy shows for it, for `--wrap ecds`; by default it is made of the content
    #[arg(long, value_name = "TEXT")]
    version: Option<String>,
}

/// What is around the bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Wrap {
    /// Nothing: the bundle itself
    #[default]
    None,
    /// An ECDS discovery response with the filter's whole configuration
    Ecds,
    /// Not the bundle: the limits of its global quotas, as envoyproxy/ratelimit reads them
    RateLimit,
}

impl Bundle {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let loaded = match self.sources.load() {
            Ok(loaded) => loaded,
            Err(findings) => return terminal.complain(&findings),
        };
        loaded.warnings.iter().try_for_each(|warning| terminal.tell(warning))?;
        let bundle = serde_json::to_string(&loaded.config)?;
        let content = match self.wrap {
            Wrap::None => bundle,
            Wrap::Ecds => serde_json::to_string_pretty(&self.discovery_response(&loaded.config, &bundle))?,
            Wrap::RateLimit => match rate_limits(&loaded.config) {
                Ok(limits) => limits.trim_end().to_owned(),
                Err(ConfigError { at, why }) => {
                    return terminal.complain(&[Finding::in_file(&self.sources.config, why).on(at)]);
                }
            },
        };
        let Some(file) = &self.output else {
            writeln!(terminal.output, "{content}")?;
            return Ok(Exit::Fine);
        };
        match move_into_place(file, &content) {
            Ok(()) => Ok(Exit::Fine),
            Err(error) => terminal.complain(&[Finding::in_file(file, format!("cannot be written: {error}"))]),
        }
    }

    fn discovery_response(&self, config: &Config, bundle: &str) -> Value {
        let filter = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": NAME,
                "root_id": NAME,
                "vm_config": {
                    "vm_id": NAME,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": self.wasm}},
                    "environment_variables": {"host_env_keys": environment_names(config)},
                },
                "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": bundle},
                "allow_on_headers_stop_iteration": config.hold == Hold::HeadersAndBody,
                "failure_policy": "FAIL_RELOAD",
            },
        });
        let version = self.version.clone().unwrap_or_else(|| digest(&filter.to_string()));
        json!({
            "version_info": version,
            "resources": [{
                "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
                "name": NAME,
                "typed_config": filter,
            }],
        })
    }
}

/// The first 16 hex digits of SHA-256: equal content has an equal version.
fn digest(content: &str) -> String {
    Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
