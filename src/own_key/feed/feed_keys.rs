//! The pairs by which a feed is opened: the present one, and others while it is rotated.

use super::entry::LONGEST_JWE;
use super::pair::FeedPrivateKey;
use crate::config::{self, ConfigError, SecretSource};
use crate::own_key::jwe::Parts;
use crate::secret::Environment;
use crate::unique_json;

/// The most other ones.
const MOST_OTHERS: usize = 4;

/// Those that the environment has.
#[derive(Debug)]
pub(super) struct FeedKeys(Vec<FeedPrivateKey>);

/// Why a JWE cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    /// It is not one that was sealed for one of the keys.
    NotForUs,
    /// There is no key here at all.
    NoKey,
}

impl FeedKeys {
    /// # Errors
    /// A key that cannot be used, or has the name of another one, `taken` included.
    pub(super) fn compile(
        section: &config::ProviderKeyFeed,
        taken: &[&str],
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        if section.other_keys.len() > MOST_OTHERS {
            let why =
                format!("more than {MOST_OTHERS} keys; take out those that no entry is sealed for any more");
            return Err(ConfigError::new("own_keys.feed.other_keys", why));
        }
        let others = section.other_keys.iter().enumerate();
        let others = others.map(|(index, key)| (format!("own_keys.feed.other_keys[{index}]"), key));
        let mut keys: Vec<FeedPrivateKey> = Vec::new();
        for (at, source) in std::iter::once(("own_keys.feed.key".to_owned(), &section.key)).chain(others) {
            let SecretSource::Env(name) = source;
            let Some(jwk) = source.read(&at, environment)? else { continue };
            let key = FeedPrivateKey::parse(&jwk)
                .map_err(|why| ConfigError::new(&at, format!("the value of `{name}` {why}")))?;
            if taken.contains(&key.id()) || keys.iter().any(|other| other.id() == key.id()) {
                let why =
                    format!("has the `kid` `{}` of another key of `own_keys`; give each its own", key.id());
                return Err(ConfigError::new(at, why));
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// What is sealed, and the name of the key that it is sealed for.
    pub(super) fn open(&self, jwe: &str) -> Result<(Vec<u8>, &str), Unopened> {
        match self.0.is_empty() {
            true => Err(Unopened::NoKey),
            false => self.find(jwe).ok_or(Unopened::NotForUs),
        }
    }

    fn find(&self, jwe: &str) -> Option<(Vec<u8>, &str)> {
        let parts = Parts::read(Some(jwe).filter(|jwe| jwe.len() <= LONGEST_JWE)?)?;
        let header = unique_json::object(&parts.header)?;
        let (key, sender) = self.0.iter().find_map(|key| Some((key, key.sender(&header)?)))?;
        Some((key.open(parts, &sender)?, key.id()))
    }
}
