//! What of a call chooses its key.

use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;

/// Who calls, for what operation and model, as hashes that all gateways make alike. It travels to the filter on the cluster, where
/// no principal and no body are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Ticket {
    pub(super) caller: u64,
    pub(super) operation: u64,
    pub(super) model: u64,
}

impl Ticket {
    pub fn new((tenant, subject): (Option<&str>, &str), operation: &str, model: Option<&str>) -> Self {
        let caller = hash(&[tenant.unwrap_or_default().as_bytes(), subject.as_bytes()]);
        Self {
            caller,
            operation: hash(&[operation.as_bytes()]),
            // Each operation has rates of its own.
            model: hash(&[operation.as_bytes(), model.unwrap_or_default().as_bytes()]),
        }
    }
}

/// Under no key: nobody gains by the place that a name has, and gateways shall agree.
pub(super) fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher24::new();
    for part in parts {
        hasher.write_u64(u64::try_from(part.len()).unwrap_or(u64::MAX));
        hasher.write(part);
    }
    hasher.finish()
}
