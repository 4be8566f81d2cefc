//! What a walk needs and only the host can get.

use crate::credentials::{CredentialIndex, ExchangeQuestion};
use crate::identity::Inquiry;
use crate::quota::Ask;

/// Something only the host can get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The request body, of at most `limit` bytes; or as much of it as there is once it has `look` bytes. Without
    /// that, a longer one is [`Gateway::refuse`](crate::gateway::Gateway::refuse)d `body_too_large`.
    Body { limit: u64, look: Option<usize> },
    /// A newer key set of the issuer with this index.
    Keys { issuer: usize },
    /// What an issuer says of a token, to be told by [`Call::take_introspection`](crate::gateway::Call::take_introspection).
    Introspection(Inquiry),
    /// A token for a provider.
    Token { credential: CredentialIndex },
    /// What the caller's token is exchanged for, to be told by [`Memory::keep_exchanged`](crate::gateway::Memory::keep_exchanged).
    UserToken(ExchangeQuestion),
    /// What the rate limit service says of quotas, to be told by [`Gateway::take_limits`](crate::gateway::Gateway::take_limits).
    RateLimit(Ask),
}
