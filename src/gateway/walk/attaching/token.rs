//! The token for the provider, where its credential is one that is got.
//!
//! It is looked for at each pass, since it is another one after a while, and before anything is spent, so that a request which
//! waits for it in vain costs nothing.

use std::rc::Rc;

use crate::credentials::{
    Absence, CredentialIndex, ExchangeIndex, Exchanged, Failure, FailureKind, Supply, Token,
};
use crate::denial::{Denial, Reason};
use crate::gateway::call::AccessRequest;
use crate::gateway::stop::Stop;
use crate::gateway::{Call, Gateway, Known, Memory, Need, Patience};
use crate::identity;

/// A caller's token that the provider has refused is got anew if it is older than this.
const DISTRUST_MS: u64 = 60_000;

impl Gateway {
    pub(super) fn own_token(&self, index: CredentialIndex, known: &Known<'_>) -> Result<Rc<Token>, Stop> {
        let (Some(credential), Some(slot)) = (self.rooms.credentials.get(index), known.tokens.get(index))
        else {
            return Err(Reason::UpstreamTokenUnavailable.into());
        };
        let now_ms = known.moment.unix_ms;
        let absence = match slot.usable(now_ms) {
            Ok(token) => return Ok(Rc::clone(token)),
            Err(_) if credential.lacks_secret() => return Err(lacks_secret(credential.id()).into()),
            // Another worker may have got it, which the host finds out.
            Err(_) if known.patience == Patience::Left => {
                return Err(Stop::Need(Need::Token { credential: index }));
            }
            Err(absence) => absence,
        };
        let failure = slot.failure().filter(|_| absence != Absence::Coming);
        Err(absent(credential.id(), failure, now_ms).into())
    }

    /// What the caller's own token was exchanged for.
    pub(super) fn exchanged_token(
        &self,
        index: ExchangeIndex,
        request: AccessRequest<'_>,
        known: &Known<'_>,
    ) -> Result<Rc<Token>, Stop> {
        let exchange = self.rooms.credentials.exchange(index).ok_or(Reason::UpstreamTokenUnavailable)?;
        let names = &known.memory.brought.exchanged;
        let presented = identity::find(request.head())?;
        let question = exchange.question(index, (request.principal(), &presented), names)?;
        let now_ms = known.moment.unix_ms;
        match names.get(question.name, |exchanged| exchanged.holds(now_ms)) {
            Some(Exchanged::Token(token)) => Ok(token),
            Some(Exchanged::Refused { denial, .. }) => Err((*denial).into()),
            Some(Exchanged::Failed { failure, .. }) => {
                Err(absent(exchange.id(), Some(&failure), now_ms).into())
            }
            None if exchange.lacks_secret() => Err(lacks_secret(exchange.id()).into()),
            None if known.patience == Patience::Left => Err(Stop::Need(Need::UserToken(question))),
            None => Err(absent(exchange.id(), None, now_ms).into()),
        }
    }

    /// Forgets what a caller's token was exchanged for, where the provider has refused that: it is got anew, at most once a
    /// minute, and nobody else is concerned.
    pub fn forget_exchanged(&self, call: &Call, memory: &Memory, now_ms: u64) {
        let forget = || {
            let (chosen, token) = call.upstream_token()?;
            let Supply::UserToken(index) = chosen.supply else { return None };
            let exchange = self.rooms.credentials.exchange(index)?;
            let presented = identity::find(call.head()).ok()?;
            let caller = (call.principal()?, &presented);
            let question = exchange.question(index, caller, &memory.brought.exchanged).ok()?;
            (now_ms.saturating_sub(token.asked_ms()) >= DISTRUST_MS).then_some(question.name)
        };
        if let Some(name) = forget() {
            memory.brought.exchanged.forget(name);
        }
    }
}

fn lacks_secret(id: &str) -> Denial {
    let note = format!("the environment of Envoy has no secret for credentials `{id}`");
    Denial::new(Reason::ProviderCredentialMissing).with_note(note)
}

/// Why there is no token; `None` where it has not come in time.
fn absent(id: &str, failure: Option<&Failure>, now_ms: u64) -> Denial {
    let why = failure.map_or("no token has come in time", |failure| &failure.why);
    let reason = match failure.map(|failure| failure.kind) {
        Some(FailureKind::Refused) => Reason::UpstreamTokenRefused,
        Some(FailureKind::Unavailable) | None => Reason::UpstreamTokenUnavailable,
    };
    let denial = Denial::new(reason).with_note(format!("credentials `{id}`: {why}"));
    match reason {
        Reason::UpstreamTokenRefused => denial,
        _ => {
            let wait_ms = failure.map_or(0, |failure| failure.retry_ms.saturating_sub(now_ms));
            denial.retry_after(wait_ms.div_ceil(1000).max(1))
        }
    }
}
