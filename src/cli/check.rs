//! `claimgate check`.

use std::io;

use clap::Args;
use serde_json::json;

use super::load::{Loaded, Sources};
use super::{Exit, Format, Terminal};

const EXAMPLES: &str = "\
Every error is one line, and every error there is to find is told:
  envoy/gateway.yaml:12:5: keys[0].hsah: there is no field `hsah`; did you mean `hash`?
  policies/tenant_isolation.cel:4:3: `principal` has no field `tenannt`; did you mean `tenant`?

Exit status: 0 fine (warnings included), 2 something is wrong.";

/// Checks gateway.yaml and the policies, and tells every error with its place and the remedy
///
/// Compiles the whole gateway as Envoy would: unknown fields, missing files, CEL that does not parse, variables
/// that do not exist and expressions that cannot give a boolean are all found here.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    #[command(flatten)]
    sources: Sources,
    /// How findings and the summary are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Check {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        match (self.sources.load(), self.format) {
            (Ok(loaded), Format::Text) => {
                terminal.warn(&loaded.warnings)?;
                writeln!(terminal.output, "{}: {}", self.sources.config.display(), summary(&loaded))?;
                Ok(Exit::Fine)
            }
            (Ok(loaded), Format::Json) => {
                let config = &loaded.config;
                let document = json!({
                    "ok": true,
                    "errors": [],
                    "warnings": loaded.warnings,
                    "keys": config.keys.len(),
                    "issuers": config.issuers.len(),
                    "rules": config.policies.len(),
                    "quotas": config.quotas.len(),
                    "upstreams": config.upstreams.len(),
                });
                writeln!(terminal.output, "{document:#}")?;
                Ok(Exit::Fine)
            }
            (Err(findings), Format::Text) => terminal.complain(&findings),
            (Err(findings), Format::Json) => {
                writeln!(terminal.output, "{:#}", json!({"ok": false, "errors": findings, "warnings": []}))?;
                Ok(Exit::Wrong)
            }
        }
    }
}

fn summary(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let parts = [
        ("key", config.keys.len()),
        ("issuer", config.issuers.len()),
        ("rule", config.policies.len()),
        ("quota", config.quotas.len()),
        ("upstream", config.upstreams.len()),
    ];
    let counted = parts.map(|(noun, count)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }));
    format!("fine: {}", counted.join(", "))
}
