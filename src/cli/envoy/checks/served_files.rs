//! The files that Envoy serves to the gateway.

use crate::cli::document::Finding;
use crate::cli::envoy::model::{EnvoyConfig, PlacedRoute};
use crate::cli::envoy::weakness::Weakness;

pub(super) fn findings(envoy: &EnvoyConfig<'_>) -> Vec<Finding> {
    let routes = envoy.managers.iter().flat_map(|manager| manager.routes());
    routes.filter_map(|placed| unwatched(envoy, placed)).collect()
}

/// Envoy reads a file once, unless its directory is watched.
fn unwatched(envoy: &EnvoyConfig<'_>, placed: PlacedRoute<'_, '_>) -> Option<Finding> {
    let route = &placed.route.at;
    let body = route.find(&["direct_response", "body"])?;
    let (file, path) = (body.field("filename")?, route.find(&["match", "path"])?);
    if body.field("watched_directory").is_some() {
        return None;
    }
    let mut files = envoy.gateways.iter().flat_map(|config| &config.files);
    let is_ours = files.any(|file| Some(file.path.as_str()) == path.text());
    is_ours.then(|| Weakness::FileNotWatched.at(&file, &[file.text().unwrap_or_default()]))
}
