//! claimgate: a policy-driven gateway filter for Envoy, in front of AI providers.
//!
//! A request walks through the rooms in the order of the `mod` lines below, and a room imports only rooms
//! above it (`tests/house_plan.rs` holds it to that). The core takes values and returns values; only
//! `filter` knows Envoy.

pub mod secret;
pub mod unique_json;
pub mod request;
pub mod cache;
pub mod denial;
pub mod config;
pub mod oauth_client;
pub mod holding;
pub mod last_known_good;
pub mod dialect;
pub mod expression;
pub mod price;
pub mod ledger;
pub mod identity;
pub mod revocation;
pub mod anomaly;
pub mod policy;
pub mod mint;
pub mod own_key;
pub mod quota;
pub mod credentials;
pub mod upstream;
pub mod meter;
pub mod audit;
pub mod gateway;
pub mod lifecycle;
#[cfg(target_arch = "wasm32")]
pub mod filter;
#[cfg(not(target_arch = "wasm32"))]
pub mod module;
#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
