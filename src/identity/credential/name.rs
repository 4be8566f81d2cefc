//! Under which name a credential is remembered.

use crate::cache::{Cache, Fingerprint};

/// Which credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialName(Fingerprint);

impl CredentialName {
    pub(in crate::identity) fn of<T: Clone>(names: &Cache<T, Self>, credential: &[u8]) -> Self {
        Self(names.name(&[credential]))
    }

    pub(in crate::identity) fn bytes(self) -> [u8; 16] {
        self.0.bytes()
    }
}
