//! Quotas: a limit for each descriptor, counted on the ledger.
//!
//! `charges` says which quotas a call meets; `admit` is the only step of a walk that spends. It returns an
//! [`Admission`], which only this room can make; without one no provider credential is attached. An expression that
//! errs, a full ledger and a lost compare-and-set all deny. What only the provider's answer states is held until
//! `settle`.
//!
//! Quotas that the rate limit service counts come last: what was taken of the others goes back where it refuses, but what
//! it has counted it cannot give back. While it is asked, the call is [`Pending`].

mod set;
mod compiled_quota;
mod context;
mod cost;
mod charges;
mod admitting;
mod local_check;
mod taken;
mod reservations;
mod admission;
mod charged;
mod settling;
mod global;

pub use admission::{Admission, Held};
pub use admitting::Admitting;
pub use charged::Charged;
pub use charges::Charges;
pub use context::QuotaContext;
pub use cost::{Cost, Size};
#[cfg(test)]
pub(crate) use global::scripted;
pub use global::{
    Answer, Ask, Batch, Descriptor, GlobalQuota, PER_KEY, Pending, QUOTA_KEY, Report, Service, ServiceUnit,
    ServiceWindow, UnreportedCharges, WINDOW_KEY, entry_value,
};
pub use set::QuotaSet;
pub use settling::Unsettled;

#[cfg(test)]
mod tests;
