//! What a request presents to say who calls: where it is found, how it was sent, and its name.
//!
//! It does not prove anything.

mod scheme;
mod carrier;
mod query;
mod presented;
mod find;
mod name;

pub use carrier::{CARRIERS, Carrier, PROVIDER_KEY, protocols_without_credentials};
pub use find::{find, in_body};
pub use name::CredentialName;
pub use presented::{MAX_CREDENTIAL_BYTES, MINTED_PREFIX, Presented, PresentedKind, SEALED_PREFIX};
pub use scheme::Scheme;

#[cfg(test)]
mod tests;
