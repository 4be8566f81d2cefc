//! What is held of a call that waits, within the bounds of its caller and of the worker.

use crate::denial::Denial;
use crate::gateway::call::{Call, Verdict};
use crate::gateway::{Gateway, Memory, Pending};
use crate::holding::Holder;

impl Gateway {
    /// Takes room for a call that waits, or as much more as has come of it since. It is given back once the call is decided,
    /// or is no more. `source` is asked where nobody knows yet whose call it is.
    ///
    /// # Errors
    /// There is no room: the call is to be refused.
    pub fn hold(
        &self,
        call: &mut Call,
        memory: &Memory,
        pending: Pending,
        source: &dyn Fn() -> Option<String>,
    ) -> Result<(), Denial> {
        let Verdict::Undecided(held) = &mut call.verdict else { return Ok(()) };
        let head = call.arrival.head.bytes();
        let come = head.saturating_add(pending.come);
        let announced = || {
            let length =
                call.arrival.head.text("content-length").and_then(|length| length.parse::<u64>().ok());
            length.unwrap_or_default().min(pending.most.unwrap_or_default()).max(pending.come)
        };
        let all = head.saturating_add(announced());
        let principal = call.found.as_ref().map(|found| found.who.principal());
        let is_known = principal.is_some();
        let holder = match (&*held, principal) {
            (Some(share), _) if share.is_of_caller() == is_known => share.holder(),
            (_, Some(principal)) => Holder::Caller(memory.caller_name(principal)),
            (_, None) => Holder::Stranger(memory.source_name(source().as_deref().unwrap_or_default())),
        };
        // What a stranger announces costs it nothing, so that it takes no more room than it fills.
        let bytes = if is_known { all } else { come };
        match held {
            Some(share) => share.become_of(holder, bytes)?,
            None => {
                let mut share = memory.holding.take(holder, all)?;
                share.become_of(holder, bytes)?;
                *held = Some(share);
            }
        }
        Ok(())
    }
}
