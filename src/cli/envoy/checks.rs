//! The checks, one file for each family of weaknesses: functions from what Envoy does to findings.

mod added_header;
mod asked_clusters;
mod cluster_destination;
mod clusters;
mod connection_manager;
mod filter_chain;
mod logs_and_admin;
mod module_library;
mod overload;
mod path_rewrites;
mod plugin_settings;
mod route_actions;
mod route_choice;
mod served_files;
mod transport_security;
mod unfiltered_requests;

use super::model::EnvoyConfig;
use crate::cli::document::Finding;

/// In the order in which their findings are told.
pub(super) const CHECKS: [fn(&EnvoyConfig<'_>) -> Vec<Finding>; 14] = [
    unfiltered_requests::findings,
    plugin_settings::findings,
    module_library::findings,
    connection_manager::findings,
    filter_chain::findings,
    route_choice::findings,
    path_rewrites::findings,
    route_actions::findings,
    clusters::findings,
    asked_clusters::findings,
    served_files::findings,
    transport_security::findings,
    logs_and_admin::findings,
    overload::findings,
];
