//! A credential whose tokens are the gateway's own: how those of each kind are got, and what all workers know of one.

mod credential;
mod kind;
mod slot;

pub use credential::Credential;
pub(super) use kind::require_one;
pub use slot::{Absence, Slot};
