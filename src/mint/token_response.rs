//! A token in the shape that was asked for.
//!
//! OpenAI's "Create client secret" has `value` and `expires_at` (Unix seconds); OAuth has `access_token` and `expires_in`
//! (RFC 6749 section 5.1, RFC 8693 section 2.2.1), and tells a token that is bound to a key by its type (RFC 9449 section 5).

use serde_json::{Map, Value, json};

use super::grant::Grant;
use super::shape;
use super::token_request::{ACCESS_TOKEN, Manner, TokenRequest};
use crate::denial::Answer;
use crate::secret::Secret;

/// The answer that hands the token over.
pub fn answer(asked: &TokenRequest, grant: &Grant, token: &Secret, now_seconds: u64) -> Answer {
    let token = String::from_utf8_lossy(token.expose());
    let body = match (asked.shape, asked.manner) {
        (Some(shape), _) => shape::body(shape, asked, grant, &token),
        (None, Manner::Secrets) => secret(asked, grant, &token),
        (None, Manner::OAuth) => {
            let mut body = json!({
                "access_token": token,
                "token_type": if grant.principal.binding.names_keys() { "DPoP" } else { "Bearer" },
                "expires_in": grant.expires_at.saturating_sub(now_seconds),
                "scope": grant.principal.scopes.join(" "),
            });
            if let (Some(_), Some(body)) = (&asked.subject, body.as_object_mut()) {
                body.insert("issued_token_type".to_owned(), ACCESS_TOKEN.into());
            }
            body
        }
    };
    Answer::handing_over(&body)
}

fn secret(asked: &TokenRequest, grant: &Grant, token: &str) -> Value {
    let mut body = Map::new();
    body.insert("value".to_owned(), token.into());
    body.insert("expires_at".to_owned(), grant.expires_at.into());
    body.insert("id".to_owned(), grant.principal.credential_id.as_str().into());
    body.insert("scopes".to_owned(), grant.principal.scopes.clone().into());
    if let Ok(Value::Object(limits)) = serde_json::to_value(&asked.limits) {
        body.extend(limits);
    }
    body.extend(grant.principal.tenant.as_ref().map(|tenant| ("tenant".to_owned(), tenant.as_str().into())));
    let bound_by: Vec<_> = grant.principal.binding.kinds().collect();
    if !bound_by.is_empty() {
        body.insert("bound_by".to_owned(), bound_by.into());
    }
    body.extend(asked.session.as_ref().map(|session| ("session".to_owned(), session.clone())));
    body.into()
}
