//! A provider that refuses the credential of its account, which is this gateway's and not the caller's.
//!
//! An SDK would tell its user that the user's key is wrong, and some programs throw that away then.

use crate::credentials::{Spell, Supply, refuses_credential};
use crate::denial::{Answer, Denial, Reason};
use crate::gateway::{Call, Gateway};
use crate::request::Headers;
use crate::upstream::Attachment;

impl Gateway {
    /// What a provider's answer means for the key that went on, where it is one of several.
    pub fn spell(&self, call: &Call, status: u32, headers: &Headers) -> Option<Spell> {
        self.rooms.credentials.pool(call.picked()?.pool)?.spell(status, headers)
    }

    /// The key of this name, where it is one of those that the filter on the cluster chose among.
    pub fn pool_member(&self, call: &Call, name: &str) -> Option<String> {
        let chosen = call.attachment().and_then(Attachment::chosen)?;
        let Supply::Key(index) = chosen.supply else { return None };
        let pool = self.rooms.credentials.pool(index)?;
        let member = pool.members().iter().find(|member| member.name() == name);
        member.map(|member| member.name().to_owned())
    }
}

impl Call {
    /// What takes the place of a provider's answer that is about the gateway's credential; `None` for any other answer. An open
    /// request has none of the gateway's, so that what the provider says of it is the caller's to know.
    pub fn answer_for_refused_credential(&mut self, status: u32, headers: &Headers) -> Option<Answer> {
        let is_about_it = refuses_credential(status, headers);
        // A key that the caller has brought is the caller's to know about, too, and so is the user whom its token was exchanged for.
        let is_the_callers = self.has_own_key() || self.has_user_token();
        if !is_about_it || !self.is_let_through() || self.is_open() || is_the_callers {
            return None;
        }
        let denial = Denial::new(Reason::UpstreamCredentialRefused)
            .with_note(format!("the provider answered {status}"));
        let chosen = self.attachment().and_then(Attachment::chosen);
        let has_others = chosen.is_some_and(|chosen| matches!(chosen.supply, Supply::Key(_)));
        // The next request goes on with another key.
        let denial = if has_others { denial.retry_after(1) } else { denial };
        let answer = self.in_dialect(&denial);
        self.local_reply = Some(denial);
        Some(answer)
    }
}
