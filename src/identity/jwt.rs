//! Verifies JWTs (RFC 7519) as strictly as RFC 8725 asks.
//!
//! It does not fetch keys: those of remote issuers come in as values ([`KeyRing`]), and [`JwtRefusal`] says when they lack.

mod expiry;
mod key_set;
mod key_ring;
mod issuer;
mod claims;
mod refusal;
mod verifier;

pub use claims::Claims;
pub(super) use key_ring::FreshKeys;
pub use key_ring::KeyRing;
pub use key_set::{KeySet, MAX_KEY_SET_BYTES, RemoteKeys};
pub use refusal::JwtRefusal;
pub use verifier::{Examined, Verifier};

#[cfg(test)]
mod tests;
