//! What an entry of `credentials` gives for the provider, whatever its kind.

use crate::credentials::Supply;
use crate::gateway::call::{AccessRequest, Supplied};
use crate::gateway::stop::Stop;
use crate::gateway::{Gateway, Known};
use crate::upstream::Attachment;

impl Gateway {
    /// What goes on; `None` where no entry gives it.
    pub(in crate::gateway::walk) fn supplied(
        &self,
        request: AccessRequest<'_>,
        attachment: &Attachment,
        known: &Known<'_>,
    ) -> Result<Option<Supplied>, Stop> {
        let Some(chosen) = attachment.chosen() else { return Ok(None) };
        Ok(Some(match chosen.supply {
            Supply::Token(index) => Supplied::Token(self.own_token(index, known)?),
            Supply::UserToken(index) => Supplied::Token(self.exchanged_token(index, request, known)?),
            Supply::Key(index) => Supplied::Key(self.member(index, request, known)?),
        }))
    }
}
