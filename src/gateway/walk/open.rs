//! Requests that go on without a credential.

use crate::gateway::call::Arrival;
use crate::gateway::{Gateway, Known};
use crate::upstream::{Upstream, claims_identity, steers};

impl Gateway {
    /// An open request claims nothing: what would have to be taken off could change its route after it was decided.
    /// It has no body and is no tunnel.
    pub(super) fn is_open(&self, arrival: &Arrival, known: &Known<'_>) -> bool {
        let head = &arrival.head;
        let is_listed = self.settings.open.iter().any(|(method, path)| {
            // A query could carry anything; an open path is open without one.
            head.method() == method && head.path() == path
        });
        if !is_listed || head.is_upgrade() || claims_identity(head) || steers(head) {
            return false;
        }
        // Where Envoy itself adds the credential, it would add it to this request too.
        known.body.is_none()
            && !self.rooms.upstreams.select(arrival.cluster()).is_ok_and(Upstream::has_credential_from_envoy)
    }
}
