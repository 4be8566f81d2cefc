//! `claimgate check --envoy`: finds the ways round the filter that only Envoy's configuration can close.
//!
//! Documents are read into resources (`sources`), those into a picture of what Envoy does (`picture`), and each
//! family of doors is a function from the picture to findings. The doors are one table, in `doors`. It does not
//! judge whether Envoy accepts the files; `envoy --mode validate` does.

mod chain;
mod clusters;
mod connection;
mod doors;
mod filter;
mod load;
mod logs;
mod part;
mod paths;
mod picture;
mod plugin;
mod route_action;
mod route_choice;
mod routes;
mod sources;
mod transport;
mod undecided;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::cli::document::Finding;
use crate::config::Config;
use picture::Picture;
use sources::Resources;

/// The families of doors.
const FAMILIES: [fn(&Picture<'_>) -> Vec<Finding>; 11] = [
    undecided::findings,
    plugin::findings,
    connection::findings,
    chain::findings,
    route_choice::findings,
    paths::findings,
    route_action::findings,
    clusters::findings,
    transport::findings,
    logs::findings,
    load::findings,
];

/// Judges the files together. `enforced` is asked for what the gateway enforces, where the files do not hold it.
///
/// # Errors
/// Files that cannot be read or are of no kind that Envoy has, and what `enforced` finds wrong.
pub(super) fn judge(
    files: &[PathBuf],
    enforced: impl FnOnce() -> Result<Config, Vec<Finding>>,
) -> Result<Vec<Finding>, Vec<Finding>> {
    let documents = sources::read(files)?;
    let resources = Resources::collect(&documents);
    let mut picture = Picture::draw(&resources)?;
    let config = if picture.lacks_configuration() { Some(enforced()?) } else { None };
    picture.fill_in(config);
    let mut findings = std::mem::take(&mut picture.notes);
    // One file that is missing is missing once, whoever names it.
    let mut told = BTreeSet::new();
    findings.retain(|note| told.insert(note.why().to_owned()));
    findings.extend(FAMILIES.iter().flat_map(|family| family(&picture)));
    Ok(findings)
}

#[cfg(test)]
mod tests;
