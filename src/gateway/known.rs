//! What is known at the time of a walk.

use super::{Body, Memory, Patience, Polled};
use crate::config::Thumbprint;
use crate::credentials::{PoolIndex, PoolState, Slots};
use crate::identity::{EngineAnswer, KeyRing, Question};
use crate::ledger::Store;
use crate::request::Moment;

/// What the host knows at the time of a walk.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub moment: Moment,
    pub store: &'a dyn Store,
    pub keys: &'a KeyRing,
    /// What is known of revocation lists and key feeds.
    pub polled: &'a Polled,
    /// The tokens for providers.
    pub tokens: &'a Slots,
    /// What is known of several keys; asked only where one of them goes on.
    pub pools: &'a dyn Fn(PoolIndex) -> PoolState,
    /// Verifies a signature outside of this code, or says that it cannot.
    pub verify: &'a dyn Fn(&Question<'_>) -> EngineAnswer,
    /// The certificate that the client showed in the handshake; asked only where a credential is bound to one.
    pub certificate: &'a dyn Fn() -> Option<Thumbprint>,
    pub body: Body<'a>,
    pub memory: &'a Memory,
    /// What the call waited for did not come in time.
    pub patience: Patience,
}
