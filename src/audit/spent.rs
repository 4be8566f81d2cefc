//! What the provider's answer cost, as the record tells it.

use super::Line;
use crate::meter::{Unknown, Usage};

/// The part of a record that is there where an answer was metered. What a provider did not state is absent, and a 0 is a
/// 0.
#[derive(Clone, Debug)]
pub struct Spent<'a> {
    model: Option<&'a str>,
    finish_reasons: &'a [String],
    /// With what was read from a cache and written to one.
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    /// With what was spent on reasoning.
    output: Option<u64>,
    reasoning: Option<u64>,
    audio_input: Option<u64>,
    image_input: Option<u64>,
    audio_output: Option<u64>,
    image_output: Option<u64>,
    total: Option<u64>,
    /// Sound that is charged by its length, in milliseconds.
    audio_ms: Option<u64>,
    /// False where there may be more than this.
    is_complete: bool,
    /// Of a stream that is not complete: how many events went by.
    events: Option<u64>,
    unknown: Option<Unknown>,
    microdollars: Option<u64>,
    price_version: Option<&'a str>,
    /// True where there are prices, and none for this model.
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

    pub fn write(&self, line: &mut Line) {
        let finish_reasons: Vec<&str> = self.finish_reasons.iter().map(String::as_str).collect();
        line.put([
            ("gen_ai.response.model", self.model.into()),
            ("gen_ai.response.finish_reasons", finish_reasons.as_slice().into()),
            ("gen_ai.usage.input_tokens", self.input.into()),
            ("gen_ai.usage.cache_read.input_tokens", self.cache_read.into()),
            ("gen_ai.usage.cache_creation.input_tokens", self.cache_write.into()),
            ("gen_ai.usage.output_tokens", self.output.into()),
            ("gen_ai.usage.reasoning.output_tokens", self.reasoning.into()),
            ("claimgate.usage.audio_input_tokens", self.audio_input.into()),
            ("claimgate.usage.image_input_tokens", self.image_input.into()),
            ("claimgate.usage.audio_output_tokens", self.audio_output.into()),
            ("claimgate.usage.image_output_tokens", self.image_output.into()),
            ("claimgate.usage.total_tokens", self.total.into()),
            ("claimgate.usage.audio_ms", self.audio_ms.into()),
            ("claimgate.usage.complete", self.is_complete.into()),
            ("claimgate.usage.events", self.events.into()),
            ("claimgate.usage.unknown", self.unknown.map(Unknown::name).into()),
            ("claimgate.cost.microdollars", self.microdollars.into()),
            ("claimgate.cost.price_version", self.price_version.into()),
            ("claimgate.cost.unpriced", self.is_unpriced.then_some(true).into()),
        ]);
    }
}
