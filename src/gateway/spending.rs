//! What a call takes while it is decided and what it has cost: room, quotas, money.

mod admitting;
mod cost;
mod holding;
mod metering;
