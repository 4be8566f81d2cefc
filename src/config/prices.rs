//! The section `prices`: what models cost.

mod tier_price;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::values::{Dollars, Factor, Timestamp};

pub use tier_price::{Above, TierPrice, TierPrices, TokenPrices};

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

/// What a model costs: dollars per million model tokens, unless a field says something else. Of the prices that fit a model, an
/// exact name goes before any pattern, then what is for this upstream before what is for all, then the longest pattern; of
/// those with the same one, the latest that is in force counts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
// It has more than a dozen fields: one for each unit that a provider sells.
pub struct Price {
    /// The name of a model, or a pattern such as `gpt-4o-mini*`.
    pub model: String,
    /// The clusters that this is the price at, such as those of a region. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<String>,
    pub input: Dollars,
    /// `0` where there is none, as of embeddings.
    pub output: Dollars,
    /// Of input that came from a cache. Default: as other input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Dollars>,
    /// Of input that was written to a cache. Default: as other input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Dollars>,
    /// Of input that was written to a cache for an hour. Default: as `cache_write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<Dollars>,
    /// Default: as other input; so for images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<Dollars>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_input: Option<Dollars>,
    /// Of sound that came from a cache. Default: as `cache_read`; so for images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_cache_read: Option<Dollars>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_cache_read: Option<Dollars>,
    /// Default: as other output; so for images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<Dollars>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_output: Option<Dollars>,
    /// Prices of requests with more input than so many model tokens: all tokens of such a request have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<Above>,
    /// By the service tier that served, such as `batch`, `flex`, `priority`, `fast`: a factor, or prices. A tier that is not
    /// listed costs as the standard one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<String, TierPrice>,
    /// By the place where it was served as the answer names it, such as `us`: a factor on model tokens.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inference_geo: BTreeMap<String, Factor>,
    /// Dollars per thousand calls of the provider's tools, and of what else is charged by the piece.
    #[serde(default, skip_serializing_if = "CallPrices::is_empty")]
    pub calls: CallPrices,
    /// Dollars per picture that was made, where that is charged by the piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_image: Option<Dollars>,
    /// Dollars per minute of sound, where that is charged by its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<Dollars>,
    /// Dollars per million characters of the text that is to be spoken, where speech is charged by these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_million_characters: Option<Dollars>,
    /// The price is in force from this time on. Default: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
}

impl Price {
    pub fn tokens(&self) -> TokenPrices {
        [
            Some(self.input),
            Some(self.output),
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

/// Dollars per thousand.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CallPrices {
    /// Searches of the web, each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_search: Option<Dollars>,
    /// Answers of Gemini for which Google was asked, however often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grounded_prompt: Option<Dollars>,
    /// Answers of Gemini that rest on Google's maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maps_prompt: Option<Dollars>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_search: Option<Dollars>,
    /// Containers that code ran in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_interpreter: Option<Dollars>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_generation: Option<Dollars>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_search: Option<Dollars>,
    /// What Cohere charges a ranking by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_unit: Option<Dollars>,
    /// Pages of a document that were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Dollars>,
    /// Answers, whatever they hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Dollars>,
}

impl CallPrices {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
