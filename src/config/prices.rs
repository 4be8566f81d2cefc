//! The section `prices`: what model tokens cost.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::units::Timestamp;

/// What the providers charge, so that records and quotas can be in money.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Names this table in records, so that a bill can be told from one by another table.
    pub version: String,
    pub models: Vec<Price>,
    /// What becomes of a model without a price where a quota in microdollars applies.
    #[serde(default)]
    pub unpriced: Unpriced,
}

/// What a model's tokens cost, in dollars per million. Of the prices that fit a model, that with the longest pattern counts; of
/// those with the same one, the latest that is in force.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// A pattern of models, such as `gpt-4o-mini*`.
    pub model: String,
    pub input: Dollars,
    /// `0` where there is none, as of embeddings.
    pub output: Dollars,
    /// Of input that came from a cache. Default: as other input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Dollars>,
    /// Of input that was written to a cache. Default: as other input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Dollars>,
    /// Default: as other input; so for images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<Dollars>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_input: Option<Dollars>,
    /// Default: as other output; so for images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<Dollars>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_output: Option<Dollars>,
    /// The price is in force from this time on. Default: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
}

/// What becomes of a model without a price.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unpriced {
    /// Refused 403 `model_unpriced`.
    #[default]
    Deny,
    /// Let through for nothing, with `claimgate.cost.unpriced` in the record.
    Flag,
}

/// Dollars per million model tokens, in steps of a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dollars {
    millionths: u64,
}

impl Dollars {
    const MOST: f64 = 1_000_000.0;

    /// Of one model token, in millionths of a microdollar.
    pub fn per_token(self) -> u64 {
        // A dollar for a million is a microdollar for one.
        self.millionths
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Dollars;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("dollars per million model tokens, such as `2.5`")
            }

            fn visit_f64<E: de::Error>(self, dollars: f64) -> Result<Dollars, E> {
                match (0.0..=Dollars::MOST).contains(&dollars) {
                    // Below the bound the conversion is exact to a fraction of a step.
                    true => Ok(Dollars { millionths: (dollars * 1e6).round() as u64 }),
                    false => Err(E::custom(format_args!(
                        "`{dollars}` is no price; write dollars per million model tokens, from 0 to 1000000"
                    ))),
                }
            }

            fn visit_u64<E: de::Error>(self, dollars: u64) -> Result<Dollars, E> {
                self.visit_f64(dollars as f64)
            }

            fn visit_i64<E: de::Error>(self, dollars: i64) -> Result<Dollars, E> {
                self.visit_f64(dollars as f64)
            }
        }

        deserializer.deserialize_any(Number)
    }
}

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.millionths as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Dollars;

    #[test]
    fn prices_read_and_print() {
        for (number, millionths) in
            [(json!(2.5), 2_500_000), (json!(0.01875), 18_750), (json!(15), 15_000_000), (json!(0), 0)]
        {
            let read: Dollars = serde_json::from_value(number.clone()).unwrap();
            assert_eq!(read.per_token(), millionths);
            let printed = serde_json::to_value(read).unwrap();
            assert_eq!(printed.as_f64(), number.as_f64());
        }
        for (number, want) in
            [(json!(-1), "is no price"), (json!(1e9), "is no price"), (json!("2"), "such as `2.5`")]
        {
            let error = serde_json::from_value::<Dollars>(number).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
