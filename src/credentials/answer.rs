//! What a token endpoint or a metadata server has answered (RFC 6749 section 5.1).

pub(super) mod retry_after;
mod provider_error;

use serde_json::{Map, Value};

pub(super) use provider_error::ErrorAnswer;
use provider_error::setback;

use super::failure::Setback;
use super::token::Life;
use crate::secret::Secret;
use crate::unique_json;

/// The longest answer that is read, in bytes.
pub const MAX_TOKEN_ANSWER_BYTES: usize = 64 * 1024;
/// The longest token that goes into a header.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const OK: u32 = 200;

/// An answer as it came.
#[derive(Clone, Copy, Debug)]
pub struct TokenAnswer<'a> {
    pub status: u32,
    /// The value of `Retry-After`, where there is one.
    pub retry_after: Option<&'a str>,
    pub body: &'a [u8],
}

/// The token and its life.
pub(super) fn read(answer: TokenAnswer<'_>) -> Result<(Secret, Life), Setback> {
    token(&object(answer)?)
}

/// The answer of a success.
pub(super) fn object(answer: TokenAnswer<'_>) -> Result<Map<String, Value>, Setback> {
    unique_json::object(body(answer)?).ok_or_else(|| unusable("it is not one JSON object"))
}

pub(super) fn token(object: &Map<String, Value>) -> Result<(Secret, Life), Setback> {
    let token = object.get("access_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| unusable("it has no `access_token`"))?;
    if !(1..=MAX_TOKEN_BYTES).contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unusable("its `access_token` cannot be a header's value"));
    }
    // RFC 6749 section 5.1: in any case.
    let is_bearer = |kind: &Value| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !object.get("token_type").is_none_or(is_bearer) {
        return Err(unusable("its `token_type` is not `Bearer`"));
    }
    let field =
        |name| seconds(object, name).map_err(|()| unusable(&format!("its `{name}` is no number of seconds")));
    let life = Life {
        expires_in_s: field("expires_in")?,
        expires_on_s: field("expires_on")?,
        refresh_in_s: field("refresh_in")?,
    };
    Ok((Secret::new(token), life))
}

/// The body of a success.
pub(super) fn body(TokenAnswer { status, retry_after, body }: TokenAnswer<'_>) -> Result<&[u8], Setback> {
    match status {
        OK => Ok(body),
        status => Err(setback(status, body, retry_after.and_then(retry_after::of_seconds))),
    }
}

pub(super) fn unusable(why: &str) -> Setback {
    Setback::unavailable(format!("the endpoint's answer is of no use: {why}"))
}

/// A whole number, which metadata servers write as a text.
fn seconds(object: &Map<String, Value>, name: &str) -> Result<Option<u64>, ()> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => number.as_u64().map(Some).ok_or(()),
        Some(Value::String(digits)) => digits.parse().map(Some).map_err(|_| ()),
        Some(_) => Err(()),
    }
}
