//! The sections that say who may call, and how callers prove it: keys, issuers, revocations and what goes with them.

mod algorithm;
mod discovery;
mod introspection;
mod issuer;
mod key;
mod key_feed;
mod labels;
mod polled;
mod possession;
mod revocations;
mod tokens;

pub use algorithm::Algorithm;
pub use discovery::Discovery;
pub use introspection::{ClientAuthentication, Introspection};
pub use issuer::{Issuer, Jwks, PrincipalMapping, RemoteJwks};
pub use key::{Key, shared_keys};
pub use key_feed::KeyFeed;
pub use labels::Labels;
pub use polled::{PolledDocument, WhenStale};
pub use possession::{BoundBy, BoundTo, Dpop, Nonce};
pub use revocations::{Revocations, Revoked};
pub use tokens::Tokens;
