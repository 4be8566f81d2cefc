//! What the provider's answer cost, as the record tells it.

use super::Line;
use crate::meter::{Unknown, Usage};

/// The part of a record that is there where an answer was metered. What a provider did not state is absent, and a 0 is a
/// 0.
#[derive(Clone, Copy, Debug)]
pub struct Spent<'a> {
    pub usage: &'a Usage,
    pub price: Option<&'a Price>,
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

impl Spent<'_> {
    pub fn write(&self, line: &mut Line) {
        let Self { usage, price } = self;
        let counts = &usage.counts;
        let finish_reasons: Vec<&str> = usage.finish_reasons.iter().map(String::as_str).collect();
        // Of a stream that is not complete.
        let events = Some(usage.events).filter(|events| !usage.is_complete && *events > 0);
        // There are prices, and none for this model.
        let is_unpriced = price.is_some_and(|price| price.is_unpriced);
        line.put([
            ("gen_ai.response.model", usage.model.as_deref().into()),
            ("gen_ai.response.finish_reasons", finish_reasons.as_slice().into()),
            // With what was read from a cache and written to one.
            ("gen_ai.usage.input_tokens", counts.input.into()),
            ("gen_ai.usage.cache_read.input_tokens", counts.cache_read.into()),
            ("gen_ai.usage.cache_creation.input_tokens", counts.cache_write.into()),
            // With what was spent on reasoning.
            ("gen_ai.usage.output_tokens", counts.output.into()),
            ("gen_ai.usage.reasoning.output_tokens", counts.reasoning.into()),
            ("claimgate.usage.audio_input_tokens", counts.audio_input.into()),
            ("claimgate.usage.image_input_tokens", counts.image_input.into()),
            ("claimgate.usage.audio_output_tokens", counts.audio_output.into()),
            ("claimgate.usage.image_output_tokens", counts.image_output.into()),
            ("claimgate.usage.total_tokens", counts.total.into()),
            // Sound that is charged by its length, in milliseconds.
            ("claimgate.usage.audio_ms", counts.audio_ms.into()),
            // False where there may be more than this.
            ("claimgate.usage.complete", usage.is_complete.into()),
            ("claimgate.usage.events", events.into()),
            ("claimgate.usage.unknown", usage.unknown.map(Unknown::name).into()),
            ("claimgate.cost.microdollars", price.and_then(|price| price.microdollars).into()),
            ("claimgate.cost.price_version", price.map(|price| price.version.as_str()).into()),
            ("claimgate.cost.unpriced", is_unpriced.then_some(true).into()),
        ]);
    }
}
