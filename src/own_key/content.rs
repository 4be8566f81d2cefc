//! What is sealed, as the claims of a JWT (RFC 7519).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::unique_json;

/// What is sealed. It has no `Debug`, because it holds the provider's key.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) iss: String,
    pub(super) jti: String,
    pub(super) iat: u64,
    pub(super) exp: u64,
    pub(super) tenant: String,
    pub(super) sub: String,
    pub(super) sub_iss: String,
    pub(super) upstreams: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) models: Option<Vec<String>>,
    pub(super) key: String,
}

impl Content {
    /// `None` where the bytes are not exactly these claims.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let content = Self::deserialize(Value::Object(unique_json::object(bytes)?)).ok()?;
        let texts = [&content.jti, &content.tenant, &content.sub, &content.sub_iss];
        let is_whole = texts.iter().all(|text| !text.is_empty()) && is_key(&content.key);
        is_whole.then_some(content)
    }
}

/// True for what every provider's key is made of, and a header can carry.
pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
