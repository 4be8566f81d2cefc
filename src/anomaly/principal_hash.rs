//! Whose history it is: a caller's name in eight bytes, and the place of its history.

use sha2::{Digest, Sha256};

use crate::identity::Principal;
use crate::ledger::{Ledger, compose};

/// How many callers have a history at most. A power of two.
pub(super) const SLOTS: u64 = 16_384;

/// Whose history it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrincipalHash(pub(super) [u8; 8]);

impl PrincipalHash {
    pub fn of(principal: &Principal) -> Self {
        let Principal { kind, issuer, tenant, subject, .. } = principal;
        let [issuer, tenant] = [issuer, tenant].map(|text| text.as_deref().unwrap_or_default());
        Self(truncated_sha256(&compose(&[kind.name(), issuer, tenant, subject].map(str::as_bytes))))
    }

    /// Found by the ledger's key, so that nobody can choose a name that takes somebody's place.
    pub(super) fn slot(self, ledger: &Ledger) -> [u8; 8] {
        (ledger.scatter(self.0) % SLOTS).to_le_bytes()
    }
}

/// The first eight bytes of SHA-256.
pub(super) fn truncated_sha256(bytes: &[u8]) -> [u8; 8] {
    let mut hash = [0; 8];
    for (to, from) in hash.iter_mut().zip(Sha256::digest(bytes)) {
        *to = from;
    }
    hash
}
