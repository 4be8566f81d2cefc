//! Proves who calls.
//!
//! A request presents one credential ([`find`]). An API key is looked up by its hash ([`KeyTable`]); the answer
//! is a [`Principal`], or a [`Denial`](crate::denial::Denial) that says why there is none.
//!
//! It does not decide what the caller may do, and it reads no tenant from anything but the credential. It
//! does not keep the time: that arrives as a value.

mod api_key;
mod credential;
mod key_table;
mod network;
mod principal;

pub use api_key::{ApiKey, KeyHash};
pub use credential::{
    CARRIERS, Carrier, MAX_CREDENTIAL_BYTES, Presented, PresentedKind, find, protocols_without_credentials,
};
pub use key_table::KeyTable;
pub use principal::{KeyFacts, Kind, Principal};
