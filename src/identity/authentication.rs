//! One door for all kinds of credential: says who sent a request, by what proves its credential.

mod identity;
mod caller;
mod introspection;
mod minted;
mod feeds;
mod authenticate;

pub use caller::{Caller, Unproven};
pub use identity::Identity;

#[cfg(test)]
mod tests;
