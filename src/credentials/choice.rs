//! Which credential it is, in place of its token.

use std::sync::Arc;

/// One whose tokens are the gateway's own; only a configuration that has it makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialIndex(pub(super) usize);

/// One whose tokens are the callers'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExchangeIndex(pub(super) usize);

/// Whose tokens they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenSource {
    Own(CredentialIndex),
    Exchange(ExchangeIndex),
}

/// The choice of one, which is remembered in place of its token.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub source: TokenSource,
    pub id: Arc<str>,
    /// The name of its kind.
    pub kind: &'static str,
    /// The same for two credentials that get tokens of one account.
    pub account: [u8; 32],
}
