//! What all signed tokens are made of: JSON Object Signing and Encryption (RFC 7515, RFC 7517, RFC 7518).
//!
//! It proves that a key signed some bytes. Whose key it is, and what the token may say, is for those above.

mod base64url;
mod assertion_key;
mod compact;
mod offload;
mod verifying_key;
mod verify_bytes;
mod jwt_simple_options;
mod verify_token;
mod jwk;
mod thumbprint;

pub use assertion_key::AssertionKey;
pub use base64url::base64url;
pub(super) use compact::{ALGORITHMS, Compact, Header};
pub(super) use jwk::verifying_key;
pub(super) use jwt_simple_options::{jwt_claims, options};
pub use offload::{EngineAnswer, Question};
pub(super) use thumbprint::thumbprint;
pub(super) use verifying_key::VerifyingKey;

#[cfg(test)]
pub(crate) use jwt_simple_options::signing;
