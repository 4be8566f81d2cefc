//! A provider's own question for a short-lived token, and the answer in its shape.
//!
//! Of a session, a token can hold the caller to its model alone. The rest comes back in the answer and is not kept: a
//! client may change it once the session runs, at the provider too.

use serde_json::{Map, Value, json};

use super::denials::invalid;
use super::grant::Grant;
use super::token_request::{Manner, TokenRequest};
use crate::config::{Timestamp, read_document};
use crate::denial::{Denial, Reason};
use crate::dialect::TokenShape;
use crate::identity::Limits;
use crate::request::RequestHead;

/// What a token in such a shape is good for, as in `llm.operation`.
const REALTIME: &str = "realtime";
const LIVE: &str = "live";

/// Stands before the token in the name of Gemini's.
const AUTH_TOKENS: &str = "auth_tokens/";

impl TokenRequest {
    /// Reads a provider's own question.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn read_shape(
        shape: TokenShape,
        head: &RequestHead,
        body: &[u8],
        now_seconds: u64,
    ) -> Result<Self, Denial> {
        if head.values("content-encoding").next().is_some() || Manner::of(head) != Some(Manner::Secrets) {
            return Err(Denial::new(Reason::BodyUnsupported)
                .with_detail("ask for this token by `application/json`, without a content encoding"));
        }
        let document: Map<String, Value> = match body.trim_ascii().is_empty() {
            true => Map::new(),
            false => read_document(body).map_err(invalid)?,
        };
        match shape {
            TokenShape::AuthToken => of_gemini(&document, now_seconds),
            TokenShape::ClientSecret => {
                let session = match document.get("session") {
                    None => Map::new(),
                    Some(Value::Object(session)) => session.clone(),
                    Some(_) => return Err(invalid("`session` is not an object")),
                };
                of_openai(shape, document.get("expires_after"), session)
            }
            TokenShape::Session | TokenShape::TranscriptionSession => {
                let expires_after =
                    document.get("client_secret").and_then(|secret| secret.get("expires_after"));
                of_openai(shape, expires_after, document.clone())
            }
            TokenShape::Foreign => Err(Reason::ProviderTokenRefused.into()),
        }
    }
}

fn of_openai(
    shape: TokenShape,
    expires_after: Option<&Value>,
    session: Map<String, Value>,
) -> Result<TokenRequest, Denial> {
    let lifetime = match expires_after.and_then(|after| after.get("seconds")) {
        None => None,
        Some(seconds) => {
            Some(seconds.as_u64().ok_or_else(|| invalid("`expires_after.seconds` is not a whole number"))?)
        }
    };
    Ok(TokenRequest {
        lifetime_seconds: lifetime,
        limits: limits(REALTIME, model(session.get("model"))?, None),
        session: Some(session.into()),
        shape: Some(shape),
        ..TokenRequest::default()
    })
}

/// `uses` is one where it says nothing, and 0 for any number.
fn of_gemini(document: &Map<String, Value>, now_seconds: u64) -> Result<TokenRequest, Denial> {
    let mut lifetime = None;
    for name in ["expireTime", "newSessionExpireTime"] {
        let Some(time) = document.get(name) else { continue };
        let time = time.as_str().ok_or_else(|| "it is not a text".to_owned()).and_then(Timestamp::parse);
        let time = time.map_err(|why| invalid(format!("`{name}`: {why}")))?;
        let seconds = u64::try_from(time.unix_seconds()).unwrap_or(0).saturating_sub(now_seconds);
        lifetime = Some(lifetime.map_or(seconds, |other: u64| other.min(seconds)));
    }
    let uses = match document.get("uses") {
        None => Some(1),
        Some(uses) => match uses.as_u64().ok_or_else(|| invalid("`uses` is not a whole number"))? {
            0 => None,
            uses => Some(uses),
        },
    };
    let setup = document.get("bidiGenerateContentSetup");
    let setup = setup.map(|setup| setup.get("setup").unwrap_or(setup));
    let model = model(setup.and_then(|setup| setup.get("model")))?;
    let model = model.map(|model| model.strip_prefix("models/").unwrap_or(&model).to_owned());
    Ok(TokenRequest {
        lifetime_seconds: lifetime,
        limits: limits(LIVE, model, uses),
        shape: Some(TokenShape::AuthToken),
        ..TokenRequest::default()
    })
}

fn model(named: Option<&Value>) -> Result<Option<String>, Denial> {
    match named {
        None | Some(Value::Null) => Ok(None),
        // In a token, `*` would stand for any text.
        Some(Value::String(model)) if !model.is_empty() && !model.contains('*') => Ok(Some(model.clone())),
        Some(_) => Err(invalid("the session's `model` is not the name of a model")),
    }
}

fn limits(operation: &str, model: Option<String>, requests: Option<u64>) -> Limits {
    Limits { models: model.map(|model| vec![model]), operations: Some(vec![operation.to_owned()]), requests }
}

/// The body of the answer.
pub(super) fn body(shape: TokenShape, asked: &TokenRequest, grant: &Grant, token: &str) -> Value {
    let expires_at = grant.expires_at;
    let mut session = asked.session.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    session.insert("id".to_owned(), format!("sess_{}", grant.principal.credential_id).into());
    let kind = match shape {
        TokenShape::TranscriptionSession => "realtime.transcription_session",
        _ => "realtime.session",
    };
    session.insert("object".to_owned(), kind.into());
    match shape {
        TokenShape::AuthToken => {
            let name = format!("{AUTH_TOKENS}{token}");
            let ends = Timestamp::at(expires_at).to_string();
            let uses = asked.limits.requests.unwrap_or(0);
            json!({ "name": name, "expireTime": ends, "newSessionExpireTime": ends, "uses": uses })
        }
        TokenShape::Session | TokenShape::TranscriptionSession => {
            let secret = json!({ "value": token, "expires_at": expires_at });
            session.insert("client_secret".to_owned(), secret);
            session.into()
        }
        TokenShape::ClientSecret | TokenShape::Foreign => {
            session.entry("type").or_insert_with(|| "realtime".into());
            json!({ "value": token, "expires_at": expires_at, "session": session })
        }
    }
}
