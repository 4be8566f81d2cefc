//! The built `claimgate` command, run as its users run it, on the shipped configuration and on broken copies.

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "test code")]

mod bundle;
mod chargeback;
mod check;
mod copy;
mod envoy;
mod eval;
mod feed;
mod key;
mod rate_limit;
mod revoke;
mod script;
mod sealed_key;
mod token;
