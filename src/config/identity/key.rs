//! The section `keys`: who may call with a static credential.
//!
//! It is built to hold 100,000 keys in a wasm VM, whose memory never shrinks: they are read one by one, texts that
//! keys have in common are stored once, and whoever needs a key later shares it instead of making another.

use std::fmt;
use std::sync::Arc;

use hashbrown::HashSet;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::labels::Labels;
use super::possession::BoundTo;
use crate::config::values::{KeyHash, Timestamp};

/// One API key. Several live keys of one service account overlap while they rotate.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
// It has more than a dozen fields: one for each field that an operator writes.
pub struct Key {
    /// Names the key in audit records and rules; unique.
    pub id: Box<str>,
    /// `sha256:` and the 64 hex digits of SHA-256 over the whole key, as `claimgate key new` prints it.
    pub hash: KeyHash,
    /// The unit of billing the key belongs to.
    pub project: Arc<str>,
    /// The non-human identity the key belongs to; becomes `principal.subject`.
    pub service_account: Arc<str>,
    /// The isolation boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub scopes: Box<[Arc<str>]>,
    /// Free text for rules, as `principal.key.labels`.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The key is refused before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The key is refused from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The networks the key may be used from; empty means any. Needs `client_address`.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub cidrs: Box<[Box<str>]>,
    /// Who may use the key. Absent: whoever bears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_to: Option<Box<BoundTo>>,
    /// Refuses the key as `credential_revoked` without forgetting it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// Reads a list of keys that share what they have in common.
///
/// # Errors
/// Those of the deserializer, at the first key of the wrong shape.
pub fn shared_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<Key>>, D::Error> {
    deserializer.deserialize_seq(SharedKeys)
}

struct SharedKeys;

impl<'de> Visitor<'de> for SharedKeys {
    type Value = Vec<Arc<Key>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut texts = Texts::default();
        let mut keys = Vec::new();
        while let Some(mut key) = list.next_element::<Key>()? {
            key.texts_mut().for_each(|text| texts.share(text));
            keys.push(Arc::new(key));
        }
        Ok(keys)
    }
}

impl Key {
    /// The texts that other keys may have too.
    fn texts_mut(&mut self) -> impl Iterator<Item = &mut Arc<str>> {
        [&mut self.project, &mut self.service_account]
            .into_iter()
            .chain(&mut self.tenant)
            .chain(&mut self.scopes)
            .chain(self.labels.texts_mut())
    }
}

/// Texts that many keys have in common, each stored once.
#[derive(Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    fn share(&mut self, text: &mut Arc<str>) {
        let shared = self.0.get_or_insert(Arc::clone(text));
        *text = Arc::clone(shared);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{Key, shared_keys};

    fn key(id: &str, change: Value) -> Value {
        let hash = format!("sha256:{}", "0".repeat(64));
        let mut key = json!({ "id": id, "hash": hash, "project": "search", "service_account": "indexer" });
        key.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        key
    }

    #[test]
    fn what_keys_have_in_common_is_stored_once() {
        let fields = || json!({ "tenant": "acme", "scopes": ["chat"], "labels": { "team": "search" } });
        let mut keys = shared_keys(json!([key("a", fields()), key("b", fields())])).unwrap();
        let mut texts = keys.iter_mut().map(|key| Arc::get_mut(key).unwrap().texts_mut());
        let (first, second) = (texts.next().unwrap(), texts.next().unwrap());
        let pairs: Vec<_> = first.zip(second).collect();
        assert_eq!(pairs.len(), 6);
        for (first, second) in &pairs {
            assert!(Arc::ptr_eq(first, second), "{first} is stored twice");
        }
        assert!(Arc::ptr_eq(pairs[0].0, pairs[5].0), "a label's value is the name of the project too");
    }

    #[test]
    fn a_key_is_written_as_it_was_read() {
        for (change, note) in [
            (json!({}), "the fields it must have"),
            (
                json!({
                    "tenant": "acme", "scopes": ["chat", "embed"], "labels": { "plan": "pro", "team": "" },
                    "created_at": "2026-01-01T00:00:00Z", "not_before": "2026-01-02T00:00:00Z",
                    "expires_at": "2026-01-03T00:00:00Z", "cidrs": ["10.0.0.0/8"], "disabled": true,
                }),
                "all it can have",
            ),
        ] {
            let written = key("a", change);
            let read: Key = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), written, "{note}");
        }
    }
}
