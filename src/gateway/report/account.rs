//! A provider that refuses the credential of its account, which is this gateway's and not the caller's.
//!
//! An SDK would tell its user that the user's key is wrong, and some programs throw that away then.

use crate::denial::{Answer, Denial, Reason};
use crate::gateway::Call;
use crate::request::Headers;

/// RFC 9110: only these two say that the credential is lacking or not valid. 403 says that it is known and may not do this,
/// which can be about what the caller asked for.
const ABOUT_THE_CREDENTIAL: [u32; 2] = [401, 407];

/// AWS answers 403 to a credential that is not valid, too, and tells it apart by a name in `x-amzn-errortype`.
const OF_AWS: [&str; 6] = [
    "UnrecognizedClientException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "InvalidClientTokenId",
];

impl Call {
    /// What takes the place of a provider's answer that is about the gateway's credential; `None` for any other answer. An open
    /// request has none of the gateway's, so that what the provider says of it is the caller's to know.
    pub fn answer_for_refused_credential(&mut self, status: u32, headers: &Headers) -> Option<Answer> {
        let is_about_it =
            ABOUT_THE_CREDENTIAL.contains(&status) || (status == 403 && is_named_by_aws(headers));
        // A key that the caller has brought is the caller's to know about, too, and so is the user whom its token was exchanged for.
        let is_the_callers = self.has_own_key() || self.has_user_token();
        if !is_about_it || !self.is_let_through() || self.is_open() || is_the_callers {
            return None;
        }
        let denial = Denial::new(Reason::UpstreamCredentialRefused)
            .with_note(format!("the provider answered {status}"));
        let answer = self.in_dialect(&denial);
        self.local_reply = Some(denial);
        Some(answer)
    }
}

/// What follows a colon is where the error is described.
fn is_named_by_aws(headers: &Headers) -> bool {
    let name = headers.text("x-amzn-errortype").and_then(|kind| kind.split(':').next());
    name.is_some_and(|name| OF_AWS.contains(&name))
}
