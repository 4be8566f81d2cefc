//! What Envoy's files say together, as far as the checks need it.

mod cluster;
mod connection_manager;
mod envoy_config;
mod format_string;
mod http_filter;
mod asked_clusters;
mod loopback;
mod routes;

pub(super) use asked_clusters::{
    identity_clusters, limit_cluster, list_clusters, metadata_clusters, nearby_clusters,
    provider_key_cluster, token_clusters,
};
pub(super) use cluster::Cluster;
pub(super) use connection_manager::ConnectionManager;
pub(super) use envoy_config::EnvoyConfig;
pub(super) use format_string::printed_headers;
pub(super) use http_filter::{HttpFilter, Role};
pub(super) use loopback::is_loopback;
pub(super) use routes::{PlacedRoute, RouteTable, Target};
