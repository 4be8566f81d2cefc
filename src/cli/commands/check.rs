//! `claimgate check`.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::configuration::{Loaded, Sources};
use crate::cli::document::{Finding, Severity};
use crate::cli::envoy;
use crate::cli::terminal::{Exit, Format, Terminal};

const EXAMPLES: &str = "\
Every error is one line, and every error there is to find is told:
  envoy/gateway.yaml:12:5: keys[0].hsah: there is no field `hsah`; did you mean `hash`?
  policies/tenant_isolation.cel:4:3: `principal` has no field `tenannt`; did you mean `tenant`?

With --envoy, also the ways round the filter that Envoy's configuration leaves open: what somebody can do, what to
write instead, and a stable code:
  claimgate check --envoy envoy/envoy.yaml --envoy /etc/claimgate/claimgate.ecds.json
  curl -s localhost:9901/config_dump > dump.json && claimgate check --envoy dump.json
  envoy/envoy.yaml:88:17: static_resources.listeners[0]….use_remote_address: a caller who sends …; write … [code]
What is discovered and cannot be seen is told in a `note:`. What the gateway enforces is read from the filter's own
configuration where the files hold it, else from --config.

Exit status: 0 fine (warnings included, unless --deny-warnings), 2 something is wrong.";

/// Checks gateway.yaml, the policies and Envoy's configuration, and tells every error with its place and the remedy
///
/// Compiles the whole gateway as Envoy would: unknown fields, missing files, CEL that does not parse, variables
/// that do not exist and expressions that cannot give a boolean are all found here.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    sources: Sources,
    /// A file of Envoy's to judge too: a bootstrap, an ECDS file, or the output of /config_dump; several are judged
    /// as one Envoy
    #[arg(long, value_name = "FILE")]
    envoy: Vec<PathBuf>,
    /// Warnings are errors
    #[arg(long)]
    deny_warnings: bool,
    /// How findings and the summary are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Everything that was found, and what is fine.
struct Report {
    loaded: Option<Loaded>,
    findings: Vec<Finding>,
}

impl Check {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let report = self.judge();
        let denied = if self.deny_warnings { Severity::Warning } else { Severity::Error };
        let is_fine = report.findings.iter().all(|finding| finding.severity() > denied);
        match self.format {
            Format::Text => {
                report.findings.iter().try_for_each(|finding| terminal.tell(finding))?;
                if let (true, Some(loaded)) = (is_fine, &report.loaded) {
                    writeln!(terminal.output, "{}: {}", self.sources.config.display(), summary(loaded))?;
                }
                for file in self.envoy.iter().filter(|_| is_fine) {
                    writeln!(terminal.output, "{}: fine", file.display())?;
                }
            }
            Format::Json => writeln!(terminal.output, "{:#}", report.to_json(is_fine))?,
        }
        Ok(if is_fine { Exit::Fine } else { Exit::Wrong })
    }

    fn judge(&self) -> Report {
        let mut findings = Vec::new();
        // Where Envoy runs, its files may be all there is.
        let is_wanted = self.envoy.is_empty() || self.sources.config.exists();
        let loaded = is_wanted.then(|| self.sources.load());
        if !self.envoy.is_empty() {
            let enforced = || match &loaded {
                Some(Ok(loaded)) => Ok(loaded.config.clone()),
                // What is wrong with it is told below.
                Some(Err(_)) => Err(Vec::new()),
                None => self.sources.load().map(|loaded| loaded.config),
            };
            findings.extend(envoy::judge(&self.envoy, enforced).unwrap_or_else(|errors| errors));
        }
        let loaded = match loaded.transpose() {
            Ok(loaded) => loaded,
            Err(errors) => {
                findings.splice(..0, errors);
                None
            }
        };
        findings.splice(..0, loaded.iter().flat_map(|loaded| loaded.warnings.clone()));
        Report { loaded, findings }
    }
}

impl Report {
    fn to_json(&self, is_fine: bool) -> Value {
        let of = |severity: Severity| -> Vec<&Finding> {
            self.findings.iter().filter(|finding| finding.severity() == severity).collect()
        };
        let findings = [
            ("ok", json!(is_fine)),
            ("errors", json!(of(Severity::Error))),
            ("warnings", json!(of(Severity::Warning))),
            ("notes", json!(of(Severity::Note))),
        ];
        let loaded = self.loaded.iter().filter(|_| is_fine);
        let counts = loaded.flat_map(counts).map(|(noun, count)| (format!("{noun}s"), json!(count)));
        findings.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(counts).collect()
    }
}

fn summary(loaded: &Loaded) -> String {
    let counted =
        counts(loaded).map(|(noun, count)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }));
    format!("fine: {}", counted.join(", "))
}

/// How many there are of what the operator wrote.
fn counts(Loaded { config, .. }: &Loaded) -> [(&'static str, usize); 5] {
    [
        ("key", config.keys.len()),
        ("issuer", config.issuers.len()),
        ("rule", config.policies.len()),
        ("quota", config.quotas.len()),
        ("upstream", config.upstreams.len()),
    ]
}
