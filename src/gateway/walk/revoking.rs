//! Calls that were let through and must end before they do by themselves.

use crate::denial::{Denial, Reason};
use crate::gateway::call::Call;
use crate::gateway::{Gateway, Polled};

impl Gateway {
    /// Refuses a call that was let through, where its credential, its own key for the provider or its model is revoked by now, or its
    /// key has left its feed, or the provider's key that is kept for it is disabled. True where it is; nothing more of it may go on
    /// then.
    pub fn revoke(&self, call: &mut Call, polled: &Polled, now_ms: u64) -> bool {
        let Polled { board, fed, provider_keys } = polled;
        let Some(found) = call.found.as_ref().filter(|_| call.is_let_through()) else { return false };
        let (proven, principal) = (&found.who.proven, found.who.principal());
        let of_model = |model: &str| {
            let judged = self.rooms.revocations.judge_model(board, principal, model, now_ms);
            judged.err().and_then(|denial| denial.note().map(str::to_owned))
        };
        let revoked = self.rooms.revocations.revoked(board, principal, now_ms);
        let own_key = found.who.own_key.as_deref();
        let of_key = || self.rooms.revocations.revoked(board, own_key?.revocable(), now_ms);
        // One that is replaced goes on: the provider has taken it.
        let disabled = || {
            let id = own_key.filter(|key| key.is_of_feed())?.id();
            provider_keys.table()?.disables(id).then(|| format!("the entry `{id}` of the feed is disabled"))
        };
        let withdrawn = || self.rooms.identity.withdrawn(proven, fed);
        let Some(note) = revoked
            .or_else(of_key)
            .or_else(disabled)
            .or_else(withdrawn)
            .or_else(|| call.model().and_then(of_model))
        else {
            return false;
        };
        call.refused(Denial::new(Reason::RevokedInFlight).with_note(note));
        true
    }
}
