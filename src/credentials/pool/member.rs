//! One of several keys.

use crate::secret::Secret;

/// A key that is there.
#[derive(Debug)]
pub struct Member {
    pub(super) name: String,
    pub(super) weight: u32,
    pub(super) secret: Secret,
}

impl Member {
    /// That of its environment variable.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}
