//! One of several keys for the provider.
//!
//! It is chosen at each pass, since others may rest by then, and before anything is spent.

use crate::credentials::{Picked, PoolIndex, Ticket};
use crate::denial::{Denial, Reason};
use crate::gateway::call::AccessRequest;
use crate::gateway::{Gateway, Known};

impl Gateway {
    pub(super) fn member(
        &self,
        index: PoolIndex,
        request: AccessRequest<'_>,
        known: &Known<'_>,
    ) -> Result<Picked, Denial> {
        let pool = self.rooms.credentials.pool(index).ok_or(Reason::UpstreamPoolExhausted)?;
        let (state, moment) = ((known.pools)(index), &known.moment);
        pool.pick(index, ticket(request), &state, moment)
            .map_err(|exhausted| exhausted.denial(pool, moment.unix_ms))
    }
}

/// What chooses among the keys for this call.
fn ticket(request: AccessRequest<'_>) -> Ticket {
    let principal = request.principal();
    let caller = (principal.tenant.as_deref(), principal.subject.as_str());
    Ticket::new(caller, request.operation().name(), request.what.model())
}
