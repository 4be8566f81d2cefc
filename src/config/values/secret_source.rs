//! Where a secret comes from. The configuration holds names, never values.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::config::error::ConfigError;
use crate::secret::{Environment, Secret, is_variable};

/// Where a secret of the gateway's own comes from.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// From this environment variable.
    Env(String),
}

impl SecretSource {
    /// The secret; as [`read_secret`].
    pub fn read(&self, at: &str, environment: Environment<'_>) -> Result<Option<Secret>, ConfigError> {
        let Self::Env(name) = self;
        read_secret(name, at, environment)
    }
}

/// The secret in this environment variable; `None` where it is absent or empty, which refuses what needs it, not the
/// configuration: one missing secret must not take everything else down.
///
/// # Errors
/// What cannot be the name of a variable.
pub fn read_secret(
    name: &str,
    at: &str,
    environment: Environment<'_>,
) -> Result<Option<Secret>, ConfigError> {
    match is_variable(name) {
        true => Ok(environment(name).filter(|secret| !secret.expose().is_empty())),
        // The text is not quoted back: it may be the secret itself.
        false => Err(ConfigError::new(
            at,
            "not the name of an environment variable; write letters, digits and `_`: the configuration holds names, not values",
        )),
    }
}

/// By hand, because serde's own errors would quote a secret that somebody pasted here.
impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Name)
    }
}

struct Name;

impl<'de> Visitor<'de> for Name {
    type Value = SecretSource;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of an environment variable as `{env: NAME}`")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<SecretSource, E> {
        Err(E::custom(
            "write `{env: NAME}`, the name of an environment variable: the configuration holds names, not values",
        ))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
        let name = match map.next_key::<String>()?.as_deref() {
            Some("env") => map.next_value()?,
            _ => return Err(A::Error::custom("write `{env: NAME}`, and nothing else")),
        };
        match map.next_key::<String>()? {
            None => Ok(SecretSource::Env(name)),
            Some(_) => Err(A::Error::custom("write `{env: NAME}`, and nothing else")),
        }
    }
}
