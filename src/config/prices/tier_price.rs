//! Prices that stand in place of others: of long requests, and of service tiers.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::config::values::{Dollars, Factor};

/// A struct with prices of model tokens, each of which may be left out.
macro_rules! token_prices {
    ($(#[$note:meta])* $name:ident { $($(#[$field_note:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$note])*
        #[derive(Clone, Debug, Deserialize, Serialize)]
        #[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_note])* pub $field: $type,)*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub input: Option<Dollars>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub output: Option<Dollars>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub cache_read: Option<Dollars>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub cache_write: Option<Dollars>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub cache_write_1h: Option<Dollars>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub audio_input: Option<Dollars>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub image_input: Option<Dollars>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub audio_cache_read: Option<Dollars>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub image_cache_read: Option<Dollars>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub audio_output: Option<Dollars>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub image_output: Option<Dollars>,
        }

        impl $name {
            /// In the order of [`TokenPrices`].
            pub fn tokens(&self) -> TokenPrices {
                [
                    self.input,
                    self.output,
                    self.cache_read,
                    self.cache_write,
                    self.cache_write_1h,
                    self.audio_input,
                    self.image_input,
                    self.audio_cache_read,
                    self.image_cache_read,
                    self.audio_output,
                    self.image_output,
                ]
            }
        }
    };
}

/// Prices of input, output, `cache_read`, `cache_write`, `cache_write_1h`, sound and images of input, of what was cached of
/// these, and of output.
pub type TokenPrices = [Option<Dollars>; 11];

token_prices! {
    /// The prices of long requests. What is left out costs as in others.
    Above {
        /// More input than this, with what came from a cache and was written to one.
        input_tokens: u64,
    }
}

token_prices! {
    /// The prices of a service tier. What is left out costs as in the standard one.
    TierPrices {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        above: Vec<Above>,
    }
}

/// What a service tier costs.
#[derive(Clone, Debug)]
pub enum TierPrice {
    /// So many times what the standard one costs.
    Factor(Factor),
    Prices(Box<TierPrices>),
}

impl<'de> Deserialize<'de> for TierPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FactorOrPrices;

        impl<'de> Visitor<'de> for FactorOrPrices {
            type Value = TierPrice;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a factor, such as `0.5`, or prices, such as `{input: 2.5, output: 15}`")
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<TierPrice, E> {
                Factor::read(number).map(TierPrice::Factor)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<TierPrice, E> {
                self.visit_f64(number as f64)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<TierPrice, E> {
                self.visit_f64(number as f64)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TierPrice, A::Error> {
                TierPrices::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(TierPrice::Prices)
            }
        }

        deserializer.deserialize_any(FactorOrPrices)
    }
}

impl Serialize for TierPrice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Factor(factor) => factor.serialize(serializer),
            Self::Prices(prices) => prices.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::TierPrice;

    #[test]
    fn a_tier_has_a_factor_or_prices() {
        for (written, want) in [
            (json!(0.5), json!(0.5)),
            (json!(2), json!(2.0)),
            (
                json!({ "input": 3.5, "above": [{ "input_tokens": 200, "input": 7 }] }),
                json!({ "input": 3.5, "above": [{ "input_tokens": 200, "input": 7.0 }] }),
            ),
        ] {
            let read: TierPrice = serde_json::from_value(written).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), want);
        }
        for (written, want) in [
            (json!(-1), "is no factor"),
            (json!("2"), "a factor, such as `0.5`, or prices"),
            (json!({ "inputs": 1 }), "unknown field `inputs`"),
        ] {
            let error = serde_json::from_value::<TierPrice>(written).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
