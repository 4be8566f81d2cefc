//! Another limit for one descriptor, until a point in time.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::config::values::Timestamp;

/// Another limit for exactly one descriptor of a quota. It ends by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The values that the expressions of the quota's `per` give, in their order: texts, whole numbers, `true` or `false`.
    /// The text `"7"` and the number `7` are two values.
    pub per: Vec<DescriptorValue>,
    /// Takes the place of the quota's limit.
    pub limit: u64,
    /// From then on the quota's own limit holds again.
    pub until: Timestamp,
    /// Why, for whoever reads this later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One value of a descriptor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DescriptorValue {
    Text(String),
    /// From the smallest that CEL has to the largest.
    Number(i128),
    Boolean(bool),
}

impl DescriptorValue {
    /// As one text that no other value shares.
    pub fn encoded(self) -> String {
        match self {
            Self::Text(mut text) => {
                text.insert(0, 's');
                text
            }
            Self::Number(number) => format!("i{number}"),
            Self::Boolean(value) => format!("b{value}"),
        }
    }
}

impl fmt::Display for DescriptorValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "{text}"),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Boolean(value) => write!(formatter, "{value}"),
        }
    }
}

impl<'de> Deserialize<'de> for DescriptorValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;

        impl Visitor<'_> for Scalar {
            type Value = DescriptorValue;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, a whole number, `true` or `false`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<DescriptorValue, E> {
                Ok(DescriptorValue::Text(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<DescriptorValue, E> {
                Ok(DescriptorValue::Number(number.into()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<DescriptorValue, E> {
                Ok(DescriptorValue::Number(number.into()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<DescriptorValue, E> {
                Ok(DescriptorValue::Boolean(value))
            }
        }

        deserializer.deserialize_any(Scalar)
    }
}

impl Serialize for DescriptorValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i128(*number),
            Self::Boolean(value) => serializer.serialize_bool(*value),
        }
    }
}
