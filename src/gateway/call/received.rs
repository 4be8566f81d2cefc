//! What the host tells of a call after its headers, whatever has been proven of it by then.

use crate::anomaly::Anomaly;
use crate::identity::{CredentialName, Introspected};

/// What the host has told of a call.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Received {
    /// What issuers have said of the tokens of this call.
    pub(in crate::gateway) introspected: Vec<(CredentialName, Introspected)>,
    /// How many bytes of the body have come, whether or not anybody reads it.
    pub(in crate::gateway) body_bytes: u64,
    /// How unusual its caller is, whatever that one's past. Only scripts say so; it is taken once the caller is known.
    pub(in crate::gateway) anomaly: Option<Anomaly>,
}
