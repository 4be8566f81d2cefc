//! Which errors of an authorization server are about the caller, and what the caller is told.
//!
//! What cannot be told apart is nobody's fault but this one question's, so that no caller's token is an outage of the others.

use serde_json::{Map, Value};

use super::Exchange;
use crate::config::ExchangeGrant;
use crate::credentials::answer::{ErrorAnswer, TokenAnswer};
use crate::denial::{Challenge, Denial, Reason};

/// RFC 6749 section 5.2, RFC 8693 section 2.2.2, OpenID Connect Core section 3.1.2.6.
const ABOUT_THE_CALLER: [&str; 7] = [
    "invalid_grant",
    "invalid_target",
    "access_denied",
    "consent_required",
    "interaction_required",
    "login_required",
    "account_selection_required",
];
/// Entra's codes of the same: the user's token is not good, or nobody has consented.
const CODES: [u64; 6] = [50_013, 500_131, 65_001, 53_003, 50_076, 50_079];
/// The errors that every caller would meet.
const ABOUT_THE_GATEWAY: [&str; 4] =
    ["invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"];
/// The longest text of `claims` that goes on to the caller.
const MAX_CLAIMS_BYTES: usize = 2048;

impl Exchange {
    /// Why the server refuses this caller, and one line of it for the operator; `None` where that is not what it says.
    pub(super) fn refusal(&self, answer: TokenAnswer<'_>) -> Option<(Denial, String)> {
        if !(400..500).contains(&answer.status) {
            return None;
        }
        let said = ErrorAnswer::read(answer.body);
        let error = said.error()?;
        // Of who acts as its own client, Entra says `invalid_grant` or `interaction_required`, and why by the code.
        let is_of_subject = ABOUT_THE_CALLER.contains(&error)
            || said.codes().any(|code| CODES.contains(&code))
            // RFC 8693 section 2.2.2 has this for a token that is not accepted.
            || (error == "invalid_request" && self.entry.grant == ExchangeGrant::TokenExchange);
        if !is_of_subject || ABOUT_THE_GATEWAY.contains(&error) {
            return None;
        }
        let why = said.why(answer.status);
        if let (Some(uri), Some(claims)) = (&self.entry.authorization_uri, claims(said.object())) {
            let challenge = Challenge { authorization_uri: uri.clone(), claims: claims.to_owned() };
            let denial = Denial::new(Reason::ExchangeInteractionRequired).challenging(challenge);
            return Some((denial.with_note(format!("credentials `{}`: {why}", self.id)), why));
        }
        let mut detail = format!("it says `{error}`");
        if let Some(meaning) = said.meaning() {
            detail.push_str(&format!(": {meaning}"));
        }
        let denial = Denial::new(Reason::ExchangeRefused).with_detail(detail);
        Some((denial.with_note(format!("credentials `{}`: {why}", self.id)), why))
    }
}

/// True where every caller would get this answer: the server refuses the gateway, or wants to be left alone.
pub(super) fn is_of_all(answer: TokenAnswer<'_>) -> bool {
    let said = ErrorAnswer::read(answer.body);
    answer.status == 429
        || (answer.status == 503 && answer.retry_after.is_some())
        || (answer.status != 200 && said.error().is_some_and(|error| ABOUT_THE_GATEWAY.contains(&error)))
}

/// What more the server wants to know of the user: a JSON object, as a text.
fn claims(answer: &Map<String, Value>) -> Option<&str> {
    let claims = answer.get("claims").and_then(Value::as_str)?;
    let is_object = claims.len() <= MAX_CLAIMS_BYTES
        && serde_json::from_str::<Value>(claims).is_ok_and(|claims| claims.is_object());
    is_object.then_some(claims)
}

/// True where it can stand in a challenge.
pub(super) fn is_authorization_uri(uri: &str) -> bool {
    let rest = uri.strip_prefix("https://").unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\,".contains(&byte))
}
