//! Which credential it is, in place of what it gives.

use std::sync::Arc;

use crate::secret::Secret;

/// One whose tokens are the gateway's own; only a configuration that has it makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialIndex(pub(super) usize);

/// One whose tokens are the callers'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExchangeIndex(pub(super) usize);

/// One that has several keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolIndex(pub(super) usize);

/// What it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Supply {
    /// A token of the gateway's own.
    Token(CredentialIndex),
    /// A token of the caller's.
    UserToken(ExchangeIndex),
    /// One of several keys.
    Key(PoolIndex),
}

/// The choice of one, which is remembered in place of what it gives.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub supply: Supply,
    pub id: Arc<str>,
    /// The name of its kind.
    pub kind: &'static str,
    /// What two credentials of one account have in common.
    pub accounts: Arc<[Secret]>,
    /// False where two requests may meet two accounts.
    pub is_one_account: bool,
}
