//! `claimgate check --envoy`: finds the ways round the filter that only Envoy's configuration can close.
//!
//! Documents are read into resources (`files`), those into what Envoy does (`model`), and each check is a function from
//! that to findings. What can be found is one table (`weakness`). It does not judge whether Envoy accepts the files;
//! `envoy --mode validate` does.

mod files;
mod model;
mod weakness;
mod checks;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::cli::document::Finding;
use crate::config::Config;
use checks::CHECKS;
use files::{Resources, read_files};
use model::EnvoyConfig;

/// Judges the files together. `enforced` is asked for what the gateway enforces, where the files do not hold it.
///
/// # Errors
/// Files that cannot be read or are of no kind that Envoy has, and what `enforced` finds wrong.
pub(super) fn judge(
    files: &[PathBuf],
    enforced: impl FnOnce() -> Result<Config, Vec<Finding>>,
) -> Result<Vec<Finding>, Vec<Finding>> {
    let documents = read_files(files)?;
    let resources = Resources::collect(&documents);
    let mut envoy = EnvoyConfig::read(&resources)?;
    let config = if envoy.lacks_configuration() { Some(enforced()?) } else { None };
    envoy.fill_in(config);
    let mut findings = std::mem::take(&mut envoy.notes);
    // One file that is missing is missing once, whoever names it.
    let mut told = BTreeSet::new();
    findings.retain(|note| told.insert(note.why().to_owned()));
    findings.extend(CHECKS.iter().flat_map(|check| check(&envoy)));
    Ok(findings)
}

#[cfg(test)]
mod tests;
