//! What the provider's answer cost, as the record tells it.

use serde::Serialize;

use crate::meter::{Unknown, Usage};

/// The part of a record that is there where an answer was metered. What a provider did not state is absent, and a 0 is a
/// 0.
#[derive(Clone, Debug, Serialize)]
pub struct Spent<'a> {
    #[serde(rename = "gen_ai.response.model", skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(rename = "gen_ai.response.finish_reasons", skip_serializing_if = "<[String]>::is_empty")]
    finish_reasons: &'a [String],
    /// With what was read from a cache and written to one.
    #[serde(rename = "gen_ai.usage.input_tokens", skip_serializing_if = "Option::is_none")]
    input: Option<u64>,
    #[serde(rename = "gen_ai.usage.cache_read.input_tokens", skip_serializing_if = "Option::is_none")]
    cache_read: Option<u64>,
    #[serde(rename = "gen_ai.usage.cache_creation.input_tokens", skip_serializing_if = "Option::is_none")]
    cache_write: Option<u64>,
    /// With what was spent on reasoning.
    #[serde(rename = "gen_ai.usage.output_tokens", skip_serializing_if = "Option::is_none")]
    output: Option<u64>,
    #[serde(rename = "gen_ai.usage.reasoning.output_tokens", skip_serializing_if = "Option::is_none")]
    reasoning: Option<u64>,
    #[serde(rename = "claimgate.usage.audio_input_tokens", skip_serializing_if = "Option::is_none")]
    audio_input: Option<u64>,
    #[serde(rename = "claimgate.usage.image_input_tokens", skip_serializing_if = "Option::is_none")]
    image_input: Option<u64>,
    #[serde(rename = "claimgate.usage.audio_output_tokens", skip_serializing_if = "Option::is_none")]
    audio_output: Option<u64>,
    #[serde(rename = "claimgate.usage.image_output_tokens", skip_serializing_if = "Option::is_none")]
    image_output: Option<u64>,
    #[serde(rename = "claimgate.usage.total_tokens", skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Sound that is charged by its length, in milliseconds.
    #[serde(rename = "claimgate.usage.audio_ms", skip_serializing_if = "Option::is_none")]
    audio_ms: Option<u64>,
    /// False where there may be more than this.
    #[serde(rename = "claimgate.usage.complete")]
    is_complete: bool,
    /// Of a stream that is not complete: how many events went by.
    #[serde(rename = "claimgate.usage.events", skip_serializing_if = "Option::is_none")]
    events: Option<u64>,
    #[serde(rename = "claimgate.usage.unknown", skip_serializing_if = "Option::is_none")]
    unknown: Option<Unknown>,
    #[serde(rename = "claimgate.cost.microdollars", skip_serializing_if = "Option::is_none")]
    microdollars: Option<u64>,
    #[serde(rename = "claimgate.cost.price_version", skip_serializing_if = "Option::is_none")]
    price_version: Option<&'a str>,
    /// True where there are prices, and none for this model.
    #[serde(rename = "claimgate.cost.unpriced", skip_serializing_if = "std::ops::Not::not")]
    is_unpriced: bool,
}

/// What an answer cost in money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// `None` where not enough is known.
    pub microdollars: Option<u64>,
    /// Of the price table.
    pub version: String,
    /// True where the table has no price for the model.
    pub is_unpriced: bool,
}

impl<'a> Spent<'a> {
    pub fn of(usage: &'a Usage, price: Option<&'a Price>) -> Self {
        let counts = &usage.counts;
        Self {
            model: usage.model.as_deref(),
            finish_reasons: &usage.finish_reasons,
            input: counts.input,
            cache_read: counts.cache_read,
            cache_write: counts.cache_write,
            output: counts.output,
            reasoning: counts.reasoning,
            audio_input: counts.audio_input,
            image_input: counts.image_input,
            audio_output: counts.audio_output,
            image_output: counts.image_output,
            total: counts.total,
            audio_ms: counts.audio_ms,
            is_complete: usage.is_complete,
            events: Some(usage.events).filter(|events| !usage.is_complete && *events > 0),
            unknown: usage.unknown,
            microdollars: price.and_then(|price| price.microdollars),
            price_version: price.map(|price| price.version.as_str()),
            is_unpriced: price.is_some_and(|price| price.is_unpriced),
        }
    }

    /// One object of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
