//! The pairs by which a feed is opened: the present one, and others while it is rotated.

use super::entry::LONGEST_JWE;
use super::pair::FeedPrivateKey;
use crate::config::{self, ConfigError};
use crate::own_key::jwe::Parts;
use crate::own_key::key_sources::{places, read};
use crate::own_key::sealing_keys::Unopened;
use crate::secret::Environment;
use crate::unique_json;

/// Those that the environment has.
#[derive(Debug)]
pub(super) struct FeedKeys(Vec<FeedPrivateKey>);

impl FeedKeys {
    /// # Errors
    /// A key that cannot be used, or has the name of another one, `taken` included.
    pub(super) fn compile(
        section: &config::ProviderKeyFeed,
        taken: &[&str],
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let own = ("own_keys.feed.key", &section.key);
        let others = ("own_keys.feed.other_keys", section.other_keys.as_slice());
        let mut keys: Vec<FeedPrivateKey> = Vec::new();
        for (at, source) in places(own, others, "that no entry is sealed for any more")? {
            let Some(key) = read(source, &at, environment, FeedPrivateKey::parse)? else { continue };
            if taken.contains(&key.id()) || keys.iter().any(|other| other.id() == key.id()) {
                let why =
                    format!("has the `kid` `{}` of another key of `own_keys`; give each its own", key.id());
                return Err(ConfigError::new(at, why));
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// The names of all of them.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(FeedPrivateKey::id)
    }

    /// What is sealed, and the name of the key that it is sealed for.
    pub(super) fn open(&self, jwe: &str) -> Result<(Vec<u8>, &str), Unopened> {
        match self.0.is_empty() {
            true => Err(Unopened::NoKey),
            false => self.find(jwe).ok_or(Unopened::Invalid),
        }
    }

    fn find(&self, jwe: &str) -> Option<(Vec<u8>, &str)> {
        let parts = Parts::read(Some(jwe).filter(|jwe| jwe.len() <= LONGEST_JWE)?)?;
        let header = unique_json::object(&parts.header)?;
        let (key, sender) = self.0.iter().find_map(|key| Some((key, key.sender(&header)?)))?;
        Some((key.open(parts, &sender)?, key.id()))
    }
}
