//! Who calls: proven once per call, and anew where a feed or a key set has changed while it was held.

use crate::denial::{Denial, Reason};
use crate::gateway::call::{Arrival, Authenticated, Call, Found, Identified, Received, Recognised, Taken};
use crate::gateway::stop::Stop;
use crate::gateway::{Gateway, Known, Need, Patience};
use crate::identity::{Caller, Proven, Unproven};

impl Gateway {
    pub(in crate::gateway::walk) fn authenticate<'a>(
        &self,
        call: &'a mut Call,
        known: &Known<'_>,
    ) -> Result<Authenticated<'a>, Stop> {
        let Call { arrival, received, found, taken, .. } = call;
        let prove = |received: &Received| {
            let proven = self.rooms.identity.authenticate(
                &self.rooms.engine,
                &arrival.head,
                caller(arrival, received, known),
            );
            proven.map_err(|unproven| stop(unproven, known))
        };
        let now_ms = known.moment.unix_ms;
        let found = match found {
            Some(found) => {
                if !found.who.proven.stands(&known.polled.fed, known.keys, now_ms) {
                    self.renew(found, taken, prove(received)?, known);
                }
                found
            }
            None => {
                let who = Identified::new(prove(received)?, received.anomaly.take());
                found.insert(Found { who, what: None })
            }
        };
        let Found { who, what } = found;
        self.judge(who.principal(), known)?;
        self.possess(arrival, who, known)?;
        Ok(Authenticated { arrival, received, who, what, taken })
    }

    /// Forgets what earlier walks have found out of the caller as it was then, where it is another one now.
    fn renew(&self, Found { who, what }: &mut Found, taken: &mut Taken, proven: Proven, known: &Known<'_>) {
        let before = std::mem::replace(&mut who.proven, proven);
        if who.proven.principal == before.principal {
            return;
        }
        // A proof is used up; it is asked for again only where something else must be held now.
        if who.proven.principal.binding != before.principal.binding {
            who.holder = None;
        }
        who.observed = None;
        self.forget_account(what.as_mut(), taken, known);
    }

    /// Forgets what earlier walks have found out of a call that is for another account now: whose it is decides what a body may
    /// name, and who is charged.
    pub(in crate::gateway::walk) fn forget_account(
        &self,
        what: Option<&mut Recognised>,
        taken: &mut Taken,
        known: &Known<'_>,
    ) {
        if let Some(what) = what {
            what.body = None;
        }
        if let Some(asking) = taken.take_asking() {
            self.rooms
                .quotas
                .give_up(asking.pending, self.quota_context(known.store, known.memory, known.moment.unix_ms));
        }
    }
}

/// All that a credential of this call is proven by.
pub(in crate::gateway::walk) fn caller<'a>(
    arrival: &'a Arrival,
    received: &'a Received,
    known: &Known<'a>,
) -> Caller<'a> {
    Caller {
        connection: &arrival.connection,
        keys: known.keys,
        fed: &known.polled.fed,
        moment: known.moment,
        verify: known.verify,
        proven: &known.memory.proven,
        introspected: &received.introspected,
        inactive: &known.memory.inactive,
    }
}

/// What becomes of a walk whose credential does not prove anybody, or not yet.
pub(in crate::gateway::walk) fn stop(unproven: Unproven, known: &Known<'_>) -> Stop {
    match (unproven, known.patience) {
        (Unproven::Denied(denial), _) => denial.into(),
        (Unproven::NeedsKeys { issuer }, Patience::Left) => Stop::Need(Need::Keys { issuer }),
        (Unproven::NeedsKeys { .. }, Patience::Exhausted) => Denial::new(Reason::IdentityUnavailable)
            .with_note("the issuer's keys did not come in time")
            .into(),
        (Unproven::NeedsIntrospection(inquiry), Patience::Left) => Stop::Need(Need::Introspection(inquiry)),
        (Unproven::NeedsIntrospection(_), Patience::Exhausted) => Denial::new(Reason::IdentityUnavailable)
            .with_note("the issuer did not say in time whether the token is active")
            .into(),
    }
}
