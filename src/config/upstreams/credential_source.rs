//! Where one tenant's credential comes from: a variable's name, or `{from: …}`.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

/// Where one credential comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// This environment variable.
    Env(String),
    /// The entry of this id in `credentials`.
    From(String),
}

impl Serialize for CredentialSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Env(name) => serializer.serialize_str(name),
            Self::From(id) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("from", id)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for CredentialSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Source)
    }
}

struct Source;

impl<'de> Visitor<'de> for Source {
    type Value = CredentialSource;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of an environment variable, or `{from: ID}`")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<CredentialSource, E> {
        Ok(CredentialSource::Env(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CredentialSource, A::Error> {
        const SHAPE: &str = "write the name of an environment variable, or `{from: ID}`, and nothing else";
        let source = match map.next_key::<String>()?.as_deref() {
            Some("from") => CredentialSource::From(map.next_value()?),
            _ => return Err(A::Error::custom(SHAPE)),
        };
        match map.next_key::<String>()? {
            None => Ok(source),
            Some(_) => Err(A::Error::custom(SHAPE)),
        }
    }
}
