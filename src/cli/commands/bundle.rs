//! `claimgate bundle`: the one JSON document that Envoy hands to the filter.

mod envoy_filter;
mod rate_limits;

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::atomic_write::move_into_place;
use crate::cli::configuration::Sources;
use crate::cli::document::Finding;
use crate::cli::terminal::{Exit, Terminal};
use crate::config::{Config, ConfigError};
use envoy_filter::EnvoyFilter;
use rate_limits::rate_limits;

const WASM: &str = "target/claimgate.wasm";
const MODULE: &str = "target/libclaimgate.so";

const EXAMPLES: &str = "\
Examples:
  claimgate bundle                                      the JSON for the plugin's `configuration`, a module's `filter_config`
  claimgate bundle --wrap ecds --output envoy/ecds.json --wasm /etc/envoy/claimgate.wasm
                                                        a file for Envoy's `config_discovery`
  claimgate bundle --wrap module --output envoy/ecds.json --module /etc/envoy/libclaimgate-1.so
                                                        the same with the dynamic module
  claimgate bundle --wrap module-inline --module /etc/envoy/libclaimgate-1.so
                                                        one line that goes behind a `- ` in `http_filters`
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
    /// The wasm filter as Envoy finds it, for `--wrap ecds` [default: target/claimgate.wasm]
    #[arg(long, value_name = "PATH")]
    wasm: Option<PathBuf>,
    /// The dynamic module as Envoy finds it, for `--wrap module` and `module-inline` [default: target/libclaimgate.so]
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// The version that Envoy shows for it, for `--wrap ecds` and `module`; by default it is made of the content
    #[arg(long, value_name = "TEXT")]
    version: Option<String>,
}

/// What is around the bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Wrap {
    /// Nothing: the bundle itself
    #[default]
    None,
    /// An ECDS discovery response with the whole configuration of the wasm filter
    Ecds,
    /// An ECDS discovery response with the whole configuration of the dynamic module
    Module,
    /// The dynamic module as an entry of `http_filters`, for an Envoy that discovers nothing
    ModuleInline,
    /// Not the bundle: the limits of its global quotas, as envoyproxy/ratelimit reads them
    RateLimit,
}

impl Bundle {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        if let Some(why) = self.misplaced_file() {
            writeln!(terminal.errors, "error: {why}")?;
            return Ok(Exit::Wrong);
        }
        let loaded = match self.sources.load() {
            Ok(loaded) => loaded,
            Err(findings) => return terminal.complain(&findings),
        };
        loaded.warnings.iter().try_for_each(|warning| terminal.tell(warning))?;
        let bundle = serde_json::to_string(&loaded.config)?;
        let content = match self.wrapped(bundle, &loaded.config) {
            Ok(content) => content,
            Err(finding) => return terminal.complain(&[finding]),
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

    /// A file for the other host would be passed over, and the filter be another than was meant.
    fn misplaced_file(&self) -> Option<String> {
        let is_module = matches!(self.wrap, Wrap::Module | Wrap::ModuleInline);
        if self.wasm.is_some() && is_module {
            return Some("`--wasm` goes with `--wrap ecds`; write `--module` with the library".to_owned());
        }
        let file = self.module.as_ref()?.display();
        if !is_module {
            return Some("`--module` goes with `--wrap module` or `--wrap module-inline`".to_owned());
        }
        // The system's loader takes it for a name then.
        (!file.to_string().contains('/')).then(|| {
            format!(
                "--module: Envoy would search the system's library path for `{file}`; write where it lies, such as \
                 `./{file}`"
            )
        })
    }

    fn wrapped(&self, bundle: String, config: &Config) -> Result<String, Finding> {
        let version = self.version.as_deref();
        let module = || EnvoyFilter::module(&bundle, self.module.as_deref().unwrap_or(Path::new(MODULE)));
        Ok(match self.wrap {
            Wrap::None => bundle,
            Wrap::Ecds => {
                let file = self.wasm.as_deref().unwrap_or(Path::new(WASM));
                format!("{:#}", EnvoyFilter::wasm(config, &bundle, file).discovery_response(version))
            }
            Wrap::Module => format!("{:#}", module().discovery_response(version)),
            // On one line it stands at any depth of a YAML list.
            Wrap::ModuleInline => module().entry().to_string(),
            Wrap::RateLimit => rate_limits(config)
                .map_err(|ConfigError { at, why }| Finding::in_file(&self.sources.config, why).on(at))?
                .trim_end()
                .to_owned(),
        })
    }
}
