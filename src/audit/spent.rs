//! What the provider's answer cost, as the record has it.

use super::Line;
use super::line::Value;
use crate::config::Factor;
use crate::dialect::Run;
use crate::meter::{Unknown, Usage};
use crate::price::Charge;

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
    pub charge: Charge,
    /// Of the price table.
    pub version: String,
    /// Of the upstream.
    pub multiplier: Factor,
}

impl Spent<'_> {
    pub fn write(&self, line: &mut Line) {
        let Self { usage, price } = self;
        let counts = &usage.counts;
        let finish_reasons: Vec<&str> = usage.finish_reasons.iter().map(String::as_str).collect();
        // Of a stream that is not complete.
        let events = Some(usage.events).filter(|events| !usage.is_complete && *events > 0);
        // There are prices, and none for this model.
        let is_unpriced = price.is_some_and(|price| price.charge.is_unpriced);
        let multiplier = price.map(|price| price.multiplier).filter(|factor| !factor.is_one());
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
            ("claimgate.usage.total_tokens", counts.total.into()),
            ("claimgate.usage.service_tier", usage.tier.as_deref().into()),
            ("claimgate.usage.inference_geo", usage.geo.as_deref().into()),
            // False where there may be more than this.
            ("claimgate.usage.complete", usage.is_complete.into()),
            ("claimgate.usage.events", events.into()),
            ("claimgate.usage.unknown", usage.unknown.map(Unknown::name).into()),
            ("claimgate.cost.microdollars", price.and_then(|price| price.charge.microdollars).into()),
            ("claimgate.cost.price_version", price.map(|price| price.version.as_str()).into()),
            (
                "claimgate.cost.multiplier",
                multiplier.map_or(Value::Absent, |factor| Value::Written(factor.to_string())),
            ),
            ("claimgate.cost.unpriced", is_unpriced.then_some(true).into()),
        ]);
        if !usage.is_complete {
            write_estimate(usage, line);
        }
        if counts.has_parts() || !usage.others.is_empty() {
            write_parts(usage, line);
        }
    }
}

/// What is charged in the place of what was not stated.
fn write_estimate(usage: &Usage, line: &mut Line) {
    let (stated, taken) = (&usage.counts, usage.at_least());
    let estimated = |stated: Option<u64>, taken: Option<u64>| taken.filter(|taken| stated != Some(*taken));
    line.put([
        ("claimgate.usage.estimated_input_tokens", estimated(stated.input, taken.input).into()),
        ("claimgate.usage.estimated_output_tokens", estimated(stated.output, taken.output).into()),
    ]);
}

/// What few answers have.
fn write_parts(usage: &Usage, line: &mut Line) {
    let counts = &usage.counts;
    line.put([
        // Of what was written to a cache, what is kept for an hour.
        ("claimgate.usage.cache_creation_1h_input_tokens", counts.cache_write_hour.into()),
        ("claimgate.usage.audio_input_tokens", counts.audio_input.into()),
        ("claimgate.usage.image_input_tokens", counts.image_input.into()),
        // Of these two, what was read from a cache.
        ("claimgate.usage.cached_audio_input_tokens", counts.cached_audio.into()),
        ("claimgate.usage.cached_image_input_tokens", counts.cached_image.into()),
        ("claimgate.usage.audio_output_tokens", counts.audio_output.into()),
        ("claimgate.usage.image_output_tokens", counts.image_output.into()),
        // Where the model ran several times.
        ("claimgate.usage.longest_input_tokens", counts.longest_input.into()),
        // Sound that is charged by its length, in milliseconds.
        ("claimgate.usage.audio_ms", counts.audio_ms.into()),
        ("claimgate.usage.images", counts.images.into()),
        // Of the text that was to be spoken.
        ("claimgate.usage.input_characters", counts.characters.into()),
        ("claimgate.usage.calls", calls(usage)),
    ]);
    if !usage.others.is_empty() {
        // What other models took of all this.
        line.put_list("claimgate.usage.other_models", usage.others.iter().map(members_of));
    }
}

/// How often tools of the provider's were called, by name.
fn calls(usage: &Usage) -> Value<'static> {
    const ROOM: usize = 32;
    let stated: Vec<_> = usage.counts.calls.stated().collect();
    if stated.is_empty() {
        return Value::Absent;
    }
    let mut line = Line::with_room(ROOM);
    line.put(stated.into_iter().map(|(call, count)| (call.name(), count.into())));
    Value::Written(line.finish())
}

fn members_of(run: &Run) -> [(&'static str, Value<'_>); 7] {
    let counts = &run.counts;
    [
        ("model", run.model.as_str().into()),
        ("input_tokens", counts.input.into()),
        ("cache_read_input_tokens", counts.cache_read.into()),
        ("cache_creation_input_tokens", counts.cache_write.into()),
        ("cache_creation_1h_input_tokens", counts.cache_write_hour.into()),
        ("output_tokens", counts.output.into()),
        ("longest_input_tokens", counts.longest_input.into()),
    ]
}
