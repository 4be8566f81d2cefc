//! What is sealed in an entry.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::own_key::content::is_key;
use crate::own_key::terms::Terms;
use crate::unique_json;

/// What is sealed. It has no `Debug`, because it holds the provider's key.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedContent {
    pub(super) id: String,
    pub(super) tenant: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) issuer: Option<String>,
    pub(super) upstreams: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) models: Option<Vec<String>>,
    pub(super) key: String,
}

impl FeedContent {
    /// `None` where the bytes are not exactly this.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let content = Self::deserialize(Value::Object(unique_json::object(bytes)?)).ok()?;
        is_key(&content.key).then_some(content)
    }

    pub(super) fn terms(&self) -> Terms<'_> {
        Terms {
            id: &self.id,
            tenant: &self.tenant,
            subject: self.subject.as_deref(),
            issuer: self.issuer.as_deref(),
            upstreams: &self.upstreams,
            models: self.models.as_deref(),
        }
    }
}
