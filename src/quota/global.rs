//! Quotas that the rate limit service counts for all Envoys together.
//!
//! A request is counted there at once where a quota of requests asks each time: that is exact for all Envoys. All else is
//! only asked for, taken of what the ledger knows to be left, and reported when the cost is known.

mod service;
mod service_window;
mod descriptor;
mod global_quota;
mod message;
mod request;
mod response;
mod batch;
mod answer;
mod descriptor_query;
mod counting;
mod pending;
mod unreported_charges;
mod report;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "test code: an overflow fails the test")]
pub(crate) mod scripted;

pub use answer::Answer;
pub use batch::{Ask, Batch};
pub(super) use descriptor::per_value;
pub use descriptor::{Descriptor, PER_KEY, QUOTA_KEY, WINDOW_KEY, entry_value};
pub(super) use descriptor_query::DescriptorQuery;
pub use global_quota::GlobalQuota;
pub use pending::Pending;
pub use report::Report;
pub use service::Service;
pub use service_window::{ServiceUnit, ServiceWindow};
pub(super) use unreported_charges::HIGHEST as HIGHEST_CHARGE;
pub use unreported_charges::UnreportedCharges;
