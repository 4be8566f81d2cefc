//! What a caller asks for: a key to be sealed, or a sealed one to be sealed anew.

use serde::Deserialize;

use super::content::is_key;
use crate::denial::{Denial, Reason};
use crate::identity::{ApiKey, MINTED_PREFIX, SEALED_PREFIX};
use crate::request::RequestHead;
use crate::secret::Secret;

/// The longest request, in bytes.
pub const LONGEST_REQUEST: u64 = 4 * 1024;

/// The longest list, and the longest item.
const MOST_ITEMS: usize = 64;
const LONGEST_ITEM: usize = 256;

const SHAPE: &str = "send JSON with `key`, `upstreams`, `expires_in` in seconds and, if it shall be for some models only, `models`; or with `sealed` alone";

/// What is asked for. Its `Debug` shows no key.
#[derive(Debug)]
pub enum SealRequest {
    /// To seal a provider's key.
    Seal { key: Secret, upstreams: Vec<String>, models: Option<Vec<String>>, lifetime_seconds: u64 },
    /// To seal what is sealed already by the present key.
    Reseal(Secret),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    key: Option<String>,
    upstreams: Option<Vec<String>>,
    expires_in: Option<u64>,
    models: Option<Vec<String>>,
    sealed: Option<String>,
}

impl SealRequest {
    /// # Errors
    /// What cannot be understood. Nothing of the body is said again: a key could stand anywhere in it.
    pub fn read(head: &RequestHead, body: &[u8]) -> Result<Self, Denial> {
        let media_type = head.text("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        let is_json = media_type.trim().eq_ignore_ascii_case("application/json");
        if !is_json || head.values("content-encoding").next().is_some() {
            return Err(Denial::new(Reason::BodyUnsupported)
                .with_detail("a key is sealed by `application/json` without a content encoding"));
        }
        let document = serde_json::from_slice(body).map_err(|_| invalid(SHAPE))?;
        match document {
            Document {
                key: Some(key),
                upstreams: Some(upstreams),
                expires_in: Some(lifetime_seconds),
                models,
                sealed: None,
            } => {
                require_key(&key)?;
                require_list("upstreams", &upstreams)?;
                models.iter().try_for_each(|models| require_list("models", models))?;
                Ok(Self::Seal { key: Secret::new(key), upstreams, models, lifetime_seconds })
            }
            Document { key: None, upstreams: None, expires_in: None, models: None, sealed: Some(sealed) } => {
                Ok(Self::Reseal(Secret::new(sealed)))
            }
            _ => Err(invalid(SHAPE)),
        }
    }
}

fn require_key(key: &str) -> Result<(), Denial> {
    if !is_key(key) {
        return Err(invalid("`key` must be visible ASCII without spaces"));
    }
    let is_ours =
        ApiKey::may_stand_in(key) || [MINTED_PREFIX, SEALED_PREFIX].iter().any(|own| key.starts_with(own));
    match is_ours {
        true => Err(invalid("`key` is a credential of this gateway; send the provider's")),
        false => Ok(()),
    }
}

fn require_list(name: &str, list: &[String]) -> Result<(), Denial> {
    let is_item = |item: &String| (1..=LONGEST_ITEM).contains(&item.len());
    match (1..=MOST_ITEMS).contains(&list.len()) && list.iter().all(is_item) {
        true => Ok(()),
        false => Err(invalid(format!(
            "`{name}` has no item, more than {MOST_ITEMS}, or one that is empty or of more than {LONGEST_ITEM} bytes"
        ))),
    }
}

pub(super) fn invalid(detail: impl Into<String>) -> Denial {
    Denial::new(Reason::ProviderKeyRequestInvalid).with_detail(detail)
}
