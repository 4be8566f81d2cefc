//! What is known of a caller before it is proven, and why it is not.

use crate::cache::Cache;
use crate::denial::Denial;
use crate::identity::api_key::FedKeys;
use crate::identity::credential::CredentialName;
use crate::identity::introspection::{Inquiry, Introspected};
use crate::identity::jose::{EngineAnswer, Question};
use crate::identity::jwt::KeyRing;
use crate::identity::proven::Proof;
use crate::request::{Connection, Moment};

/// What is known beside the request's headers.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    pub connection: &'a Connection,
    pub keys: &'a KeyRing,
    pub fed: &'a FedKeys,
    pub moment: Moment,
    /// Verifies a signature outside, faster than this code could, or says that it cannot.
    pub verify: &'a dyn Fn(&Question<'_>) -> EngineAnswer,
    /// What this worker has proven before.
    pub proven: &'a Cache<Proof, CredentialName>,
    /// What issuers have said of tokens of this request.
    pub introspected: &'a [(CredentialName, Introspected)],
    /// What issuers have said of tokens that are not active.
    pub inactive: &'a Cache<Introspected, CredentialName>,
}

/// Why a caller is not proven.
#[derive(Debug)]
pub enum Unproven {
    Denied(Denial),
    /// A newer key set of the issuer with this index could prove the caller.
    NeedsKeys {
        issuer: usize,
    },
    /// The token's issuer could prove the caller.
    NeedsIntrospection(Inquiry),
}

impl From<Denial> for Unproven {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}
