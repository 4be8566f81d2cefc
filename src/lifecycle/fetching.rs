//! What a worker asks for by itself: key sets of issuers, documents that are polled, tokens for providers, what callers' tokens
//! are exchanged for, and what issuers say of opaque tokens.
//!
//! One worker asks for a document or for a token of the gateway's own, all workers read it; about a caller's token each worker asks
//! for itself.

mod documents;
mod fetch;
mod introspection;
mod key_sets;
mod lease;
mod shared_document;
mod tokens;
mod user_tokens;

pub(super) use documents::{Documents, Pace};
pub use fetch::Delivery;
pub(super) use introspection::{Answers, Introspection};
pub(super) use key_sets::KeySets;
pub(super) use tokens::{Tokens, slot};
pub(super) use user_tokens::UserTokens;
