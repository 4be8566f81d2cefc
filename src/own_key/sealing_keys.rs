//! The key that seals, and those that open too while keys are rotated.

use super::jwe::Parts;
use super::key_sources::{places, read};
use super::sealing_key::SealingKey;
use crate::config::{self, ConfigError, Tokens};
use crate::identity::SEALED_PREFIX;
use crate::secret::{Environment, Secret};
use crate::unique_json;

/// A longer value is refused unread; what is sealed is at most 4 KiB.
const LONGEST: usize = 8 * 1024;

/// The keys of one configuration.
#[derive(Debug)]
pub(super) struct SealingKeys {
    /// Seals, and opens. `None` where the environment has no such key.
    own: Option<SealingKey>,
    /// Those of the others that the environment has.
    others: Vec<SealingKey>,
}

/// Why a value cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    /// It was not sealed by one of the keys, or for one.
    Invalid,
    /// There is no key here at all.
    NoKey,
}

impl SealingKeys {
    /// # Errors
    /// A key that cannot be used, that has another one's name, or that signs tokens too.
    pub(super) fn compile(
        section: &config::OwnKeys,
        tokens: Option<&Tokens>,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let own = ("own_keys.sealing_key", &section.sealing_key);
        let others = ("own_keys.other_sealing_keys", section.other_sealing_keys.as_slice());
        let all = places(own, others, "whose last sealed key is over")?;
        let mut names: Vec<String> = Vec::new();
        let mut compiled = Vec::new();
        for (at, source) in all {
            let key = read(source, &at, environment, SealingKey::parse)?;
            if let Some(key) = &key {
                require_other_than_signing(key, &at, tokens, environment)?;
                if names.iter().any(|name| name == key.id()) {
                    let why = format!(
                        "has the `kid` `{}` of another sealing key, so that a sealed key could not tell which it has; give each its own",
                        key.id()
                    );
                    return Err(ConfigError::new(at, why));
                }
                names.push(key.id().to_owned());
            }
            compiled.push(key);
        }
        let mut compiled = compiled.into_iter();
        Ok(Self { own: compiled.next().flatten(), others: compiled.flatten().collect() })
    }

    /// The names of all of them.
    pub(super) fn ids(&self) -> Vec<&str> {
        self.own.iter().chain(&self.others).map(SealingKey::id).collect()
    }

    /// Seals a text by the present key; `None` where there is none.
    pub(super) fn seal(&self, text: &[u8], entropy: &[u8; 16]) -> Option<Secret> {
        let jwe = self.own.as_ref()?.seal(text, entropy)?;
        Some(Secret::new(format!("{SEALED_PREFIX}{jwe}")))
    }

    /// What was sealed, and the name of the key that did it.
    pub(super) fn open(&self, value: &[u8]) -> Result<(Vec<u8>, &str), Unopened> {
        if self.own.is_none() && self.others.is_empty() {
            return Err(Unopened::NoKey);
        }
        self.find(value).ok_or(Unopened::Invalid)
    }

    fn find(&self, value: &[u8]) -> Option<(Vec<u8>, &str)> {
        let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= LONGEST)?;
        let parts = Parts::read(text.strip_prefix(SEALED_PREFIX)?)?;
        let header = unique_json::object(&parts.header)?;
        let key = self.own.iter().chain(&self.others).find(|key| key.wrote(&header))?;
        Some((key.open(parts)?, key.id()))
    }
}

/// Whoever could make tokens must not be able to open keys, nor the other way round.
fn require_other_than_signing(
    key: &SealingKey,
    at: &str,
    tokens: Option<&Tokens>,
    environment: Environment<'_>,
) -> Result<(), ConfigError> {
    for source in tokens.iter().flat_map(|tokens| [&tokens.signing_key].into_iter().chain(&tokens.other_key))
    {
        let signing = source.read("tokens.signing_key", environment)?;
        if signing.is_some_and(|signing| key.is_also(&signing)) {
            let why = "is a key that signs tokens too; make one of its own with `claimgate key sealing`";
            return Err(ConfigError::new(at, why));
        }
    }
    Ok(())
}
