//! The token for the provider, where its credential is one that is got.

use std::rc::Rc;

use crate::credentials::{Absence, Chosen, Token};
use crate::denial::{Denial, Reason};
use crate::gateway::stop::Stop;
use crate::gateway::{Gateway, Known, Need, Patience};
use crate::upstream::Attachment;

impl Gateway {
    /// The token that goes on; `None` where none does. It is looked for at each pass, since it is another one after a while, and
    /// before anything is spent, so that a request which waits for it in vain costs nothing.
    pub(super) fn token<'k>(
        &self,
        attachment: &Attachment,
        known: &Known<'k>,
    ) -> Result<Option<&'k Rc<Token>>, Stop> {
        let Some(&Chosen { index, .. }) = attachment.token() else { return Ok(None) };
        let (Some(credential), Some(slot)) = (self.rooms.credentials.get(index), known.tokens.get(index))
        else {
            return Err(Reason::UpstreamTokenUnavailable.into());
        };
        let denied = |reason| {
            let why = slot.failure().map_or("no token has come in time", |failure| &failure.why);
            Denial::new(reason).with_note(format!("credentials `{}`: {why}", credential.id()))
        };
        let now_ms = known.moment.unix_ms;
        match slot.usable(now_ms) {
            Ok(token) => Ok(Some(token)),
            Err(_) if credential.lacks_secret() => {
                let note =
                    format!("the environment of Envoy has no secret for credentials `{}`", credential.id());
                Err(Denial::new(Reason::ProviderCredentialMissing).with_note(note).into())
            }
            // Another worker may have got it, which the host finds out.
            Err(_) if known.patience == Patience::Left => Err(Stop::Need(Need::Token { credential: index })),
            Err(Absence::Refused) => Err(denied(Reason::UpstreamTokenRefused).into()),
            Err(Absence::Unavailable { retry_ms }) => {
                let seconds = retry_ms.saturating_sub(now_ms).div_ceil(1000).max(1);
                Err(denied(Reason::UpstreamTokenUnavailable).retry_after(seconds).into())
            }
            Err(Absence::Coming) => Err(denied(Reason::UpstreamTokenUnavailable).retry_after(1).into()),
        }
    }
}
