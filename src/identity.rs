//! Proves who calls.
//!
//! A request presents one credential ([`find`]). It does not decide what the caller may do, and it reads no
//! tenant from anything but the credential.

mod credential;

pub use credential::{
    CARRIERS, Carrier, MAX_CREDENTIAL_BYTES, Presented, PresentedKind, find, protocols_without_credentials,
};
