//! API keys that come and go without a change of the configuration: documents of entries as under `keys`, polled.
//!
//! [`KeyFeeds`] are those of a configuration, [`FedKeys`] is what one worker holds of them. No key is known twice: a
//! document with an entry whose id or hash another key has is refused as a whole, and the last good one stays.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use super::table::KeyTable;
use crate::config::{
    ClientAddress, Config, ConfigError, Key, KeyFeed, PolledDocument, WhenStale, read_document, shared_keys,
};
use crate::denial::{Denial, Reason};
use crate::last_known_good::{self, LastKnownGood};

/// A longer document is refused. It holds 100,000 keys of 300 bytes; Envoy gives up an answer of more than 32 MiB.
pub const MAX_FEED_BYTES: usize = 30 * 1024 * 1024;

/// The keys of feeds as one worker has them.
pub type FedKeys = LastKnownGood<KeyTable>;

/// The feeds of one configuration.
#[derive(Debug, Default)]
pub struct KeyFeeds {
    feeds: Vec<KeyFeed>,
    client_address: Option<ClientAddress>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(deserialize_with = "shared_keys")]
    keys: Vec<Arc<Key>>,
}

impl KeyFeeds {
    /// # Errors
    /// Two feeds of one name or of one document, or times that cannot be kept.
    pub(in crate::identity) fn compile(config: &Config) -> Result<Self, ConfigError> {
        let (mut ids, mut documents) = (BTreeSet::new(), BTreeSet::new());
        for (index, feed) in config.key_feeds.iter().enumerate() {
            let at = |field: &str| format!("key_feeds[{index}].{field}");
            last_known_good::require_name(&feed.id, &at)?;
            last_known_good::require_pollable(&feed.remote, &at)?;
            if !ids.insert(feed.id.as_str()) {
                return Err(ConfigError::new(at("id"), format!("the feed `{}` is there twice", feed.id)));
            }
            let PolledDocument { cluster, host, path, .. } = &feed.remote;
            if !documents.insert((cluster, host, path)) {
                let why = "another feed has this document, and no key may be known twice; leave one out";
                return Err(ConfigError::new(at("remote"), why));
            }
        }
        Ok(Self { feeds: config.key_feeds.clone(), client_address: config.client_address })
    }

    pub fn is_empty(&self) -> bool {
        self.feeds.is_empty()
    }

    /// Places for the keys, none of which has come yet.
    pub fn none_fed(&self) -> FedKeys {
        FedKeys::empty(self.feeds.len())
    }

    /// Every feed: its index, its name and where it is.
    pub fn remotes(&self) -> impl Iterator<Item = (usize, &str, &PolledDocument)> {
        self.feeds.iter().enumerate().map(|(index, feed)| (index, feed.id.as_str(), &feed.remote))
    }

    /// True where a key of a feed may be bound to networks.
    pub(in crate::identity) fn may_ask_for_networks(&self) -> bool {
        !self.feeds.is_empty() && self.client_address.is_some()
    }

    /// Reads a newer document of the feed with this index.
    ///
    /// # Errors
    /// One line for the operator, also where a key of it is known from elsewhere.
    pub(in crate::identity) fn read(
        &self,
        feed: usize,
        document: &[u8],
        configured: &KeyTable,
        fed: &FedKeys,
    ) -> Result<KeyTable, String> {
        let keys = read_feed(document)?;
        let others = fed.contents().filter(|(other, _)| *other != feed);
        let others = others.map(|(other, table)| (format!("in the feed `{}`", self.name(other)), table));
        let known: Vec<_> = others.chain([("in the configuration".to_owned(), configured)]).collect();
        for (index, key) in keys.iter().enumerate() {
            let common = known.iter().find_map(|(place, table)| Some((place, table.field_in_common(key)?)));
            if let Some((place, field)) = common {
                return Err(format!("keys[{index}].{field}: `{}` has the {field} of a key {place}", key.id));
            }
        }
        KeyTable::compile(&keys, self.client_address).map_err(|error| error.to_string())
    }

    /// # Errors
    /// A feed that is too old to say whether one of its keys is still good.
    pub(super) fn require_fresh(&self, fed: &FedKeys, feed: usize, now_ms: u64) -> Result<(), Denial> {
        let strict = self.feeds.get(feed).filter(|feed| feed.when_stale == WhenStale::Deny);
        let Some(KeyFeed { id, remote, .. }) = strict else { return Ok(()) };
        let checked_ms = fed.checked_ms(feed);
        match (last_known_good::is_stale(remote, checked_ms, now_ms), checked_ms) {
            (false, _) => Ok(()),
            (true, None) => Err(unavailable(format!("the feed `{id}` has not come yet"))),
            (true, Some(_)) => Err(unavailable(format!("the feed `{id}` is older than its `max_age`"))),
        }
    }

    /// # Errors
    /// Any feed that is too old to say whether a key that nobody knows is one of its own.
    pub(super) fn require_all_fresh(&self, fed: &FedKeys, now_ms: u64) -> Result<(), Denial> {
        (0..self.feeds.len()).try_for_each(|feed| self.require_fresh(fed, feed, now_ms))
    }

    fn name(&self, feed: usize) -> &str {
        self.feeds.get(feed).map_or("", |feed| &feed.id)
    }
}

/// Reads the document that `claimgate key` writes: `{"keys": […]}`.
///
/// # Errors
/// One line with the place of what is wrong.
pub fn read_feed(document: &[u8]) -> Result<Vec<Arc<Key>>, String> {
    if document.len() > MAX_FEED_BYTES {
        return Err(format!("the document has more than {MAX_FEED_BYTES} bytes"));
    }
    Ok(read_document::<Document>(document)?.keys)
}

fn unavailable(note: String) -> Denial {
    Denial::new(Reason::KeyFeedUnavailable).with_note(note)
}

#[cfg(test)]
mod tests {
    use super::{MAX_FEED_BYTES, read_feed};

    #[test]
    fn a_document_is_read_whole_or_not_at_all() {
        assert_eq!(read_feed(br#"{"keys":[]}"#).map(|keys| keys.len()), Ok(0));
        for (document, why) in [
            ("[]", "invalid length"),
            (r#"{"keys":[{}]}"#, "keys[0]: missing field"),
            (r#"{"keys":[],"revoked":[]}"#, "revoked: unknown field"),
            (r#"{"keys":[]} x"#, "trailing"),
            ("<html>", "expected value"),
            ("", "EOF"),
        ] {
            let error = read_feed(document.as_bytes()).unwrap_err();
            assert!(error.contains(why) && !error.contains('\n'), "{document}: {error}");
        }
        let long = format!("{{\"keys\":[]{}}}", " ".repeat(MAX_FEED_BYTES));
        assert!(read_feed(long.as_bytes()).unwrap_err().contains("more than"));
    }
}
