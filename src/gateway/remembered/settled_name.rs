//! Under which name it is remembered what is settled of a call.

use crate::cache::{Cache, Fingerprint};
use crate::gateway::call::AccessRequest;

/// Who calls, by what evidence, what path asks of which upstream, and whether with a key of the caller's own or its tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct SettledName(Fingerprint);

impl SettledName {
    pub(in crate::gateway) fn of<T: Clone>(names: &Cache<T, Self>, request: AccessRequest<'_>) -> Self {
        let own_key: &[u8] = match request.own_key() {
            Some(key) if key.is_of_tenant() => b"tenant",
            Some(_) => b"own",
            None => b"",
        };
        Self(names.name(&[&request.who.proven.name.bytes(), &request.what.name.bytes(), own_key]))
    }
}
