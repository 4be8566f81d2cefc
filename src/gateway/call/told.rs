//! What the host tells of a call after its headers, whatever has been proven of it by then.

use crate::identity::{CredentialName, Introspected};

/// What the host has told of a call.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Told {
    /// What issuers have said of the tokens of this call.
    pub(in crate::gateway) introspected: Vec<(CredentialName, Introspected)>,
    /// How many bytes of the body have come, whether or not anybody reads it.
    pub(in crate::gateway) body_bytes: u64,
}
