//! The gateway as it makes and judges its own tokens, and what it says of them.

use std::io;

use crate::cli::configuration::{Loaded, Sources, with_signing_keys};
use crate::cli::terminal::{Exit, Terminal};
use crate::denial::Denial;
use crate::gateway::Gateway;

/// The configuration with the signing keys of this process's environment.
pub(super) fn gateway(sources: &Sources, terminal: &mut Terminal<'_>) -> io::Result<Result<Gateway, Exit>> {
    let Loaded { config, .. } = match sources.load() {
        Ok(loaded) => loaded,
        Err(findings) => return terminal.complain(&findings).map(Err),
    };
    match Gateway::compile(&config, &with_signing_keys(&config)) {
        Ok(gateway) => Ok(Ok(gateway)),
        Err(error) => {
            writeln!(terminal.errors, "error: {error}")?;
            Ok(Err(Exit::Wrong))
        }
    }
}

pub(super) fn told(denial: &Denial) -> String {
    let note = denial.note().map(|note| format!(" ({note})")).unwrap_or_default();
    format!("{} [{}]{note}", denial.message(), denial.reason())
}
