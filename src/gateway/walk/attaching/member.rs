//! One of several keys for the provider.
//!
//! It is chosen at each pass, since others may rest by then, and before anything is spent.

use super::token::lacks_secret;
use crate::credentials::{Exhausted, Picked, Pool, PoolIndex, Ticket};
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
            .map_err(|exhausted| denial(pool, exhausted, moment.unix_ms))
    }
}

/// What chooses among the keys for this call.
pub(in crate::gateway::walk) fn ticket(request: AccessRequest<'_>) -> Ticket {
    let principal = request.principal();
    Ticket::new(principal.tenant.as_deref(), &principal.subject, request.what.model())
}

fn denial(pool: &Pool, exhausted: Exhausted, now_ms: u64) -> Denial {
    match exhausted {
        Exhausted::Missing => lacks_secret(pool.id()),
        Exhausted::Refused { retry_ms } => {
            let wait_s = retry_ms.saturating_sub(now_ms).div_ceil(1000).max(1);
            Denial::new(Reason::UpstreamPoolExhausted)
                .with_note(format!("credentials `{}`: the provider has refused every key", pool.id()))
                .retry_after(wait_s)
        }
    }
}
