//! Under which name it is remembered what is settled of a call.

use crate::cache::{Cache, Fingerprint};
use crate::gateway::call::AccessRequest;
use crate::own_key::OwnKey;

/// Who calls, by what evidence, what path asks of which upstream, and whether with a key of the caller's own or its tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct SettledName(Fingerprint);

impl SettledName {
    pub(in crate::gateway) fn of<T: Clone>(names: &Cache<T, Self>, request: AccessRequest<'_>) -> Self {
        let holder = request.own_key().map_or("", OwnKey::holder).as_bytes();
        Self(names.name(&[&request.who.proven.name.bytes(), &request.what.name.bytes(), holder]))
    }
}
