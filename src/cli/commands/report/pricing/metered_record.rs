//! What of an audit record entered its price.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::Factor;
use crate::dialect::{Calls, Counts, PaidCall, Run};
use crate::meter::{Usage, bytes_of};

/// The members of a record that its price was worked out from.
#[derive(Debug, Deserialize)]
// It has more than a dozen fields: one for each member of the line.
pub(super) struct MeteredRecord<'a> {
    #[serde(rename = "claimgate.upstream.cluster", borrow)]
    pub(super) cluster: Option<Cow<'a, str>>,
    #[serde(rename = "gen_ai.request.model", borrow)]
    pub(super) asked: Option<Cow<'a, str>>,
    #[serde(rename = "gen_ai.response.model", borrow)]
    pub(super) answered: Option<Cow<'a, str>>,
    #[serde(rename = "gen_ai.usage.input_tokens")]
    input: Option<u64>,
    #[serde(rename = "gen_ai.usage.cache_read.input_tokens")]
    cache_read: Option<u64>,
    #[serde(rename = "gen_ai.usage.cache_creation.input_tokens")]
    cache_write: Option<u64>,
    #[serde(rename = "claimgate.usage.cache_creation_1h_input_tokens")]
    cache_write_hour: Option<u64>,
    #[serde(rename = "gen_ai.usage.output_tokens")]
    output: Option<u64>,
    #[serde(rename = "claimgate.usage.audio_input_tokens")]
    audio_input: Option<u64>,
    #[serde(rename = "claimgate.usage.image_input_tokens")]
    image_input: Option<u64>,
    #[serde(rename = "claimgate.usage.cached_audio_input_tokens")]
    cached_audio: Option<u64>,
    #[serde(rename = "claimgate.usage.cached_image_input_tokens")]
    cached_image: Option<u64>,
    #[serde(rename = "claimgate.usage.audio_output_tokens")]
    audio_output: Option<u64>,
    #[serde(rename = "claimgate.usage.image_output_tokens")]
    image_output: Option<u64>,
    #[serde(rename = "claimgate.usage.total_tokens")]
    total: Option<u64>,
    #[serde(rename = "claimgate.usage.longest_input_tokens")]
    longest_input: Option<u64>,
    #[serde(rename = "claimgate.usage.audio_ms")]
    audio_ms: Option<u64>,
    #[serde(rename = "claimgate.usage.images")]
    images: Option<u64>,
    #[serde(rename = "claimgate.usage.input_characters")]
    characters: Option<u64>,
    #[serde(rename = "claimgate.usage.calls", default)]
    calls: BTreeMap<String, u64>,
    #[serde(rename = "claimgate.usage.other_models", default)]
    others: Vec<Other>,
    #[serde(rename = "claimgate.usage.service_tier")]
    tier: Option<String>,
    #[serde(rename = "claimgate.usage.inference_geo")]
    geo: Option<String>,
    /// Absent where nothing was metered.
    #[serde(rename = "claimgate.usage.complete")]
    is_complete: Option<bool>,
    #[serde(rename = "claimgate.usage.events", default)]
    events: u64,
    /// What was taken in the place of figures that the answer did not tell.
    #[serde(rename = "claimgate.usage.estimated_input_tokens")]
    estimated_input: Option<u64>,
    #[serde(rename = "claimgate.usage.estimated_output_tokens")]
    estimated_output: Option<u64>,
    #[serde(rename = "claimgate.cost.multiplier")]
    pub(super) multiplier: Option<Factor>,
}

/// What another model took of an answer.
#[derive(Debug, Deserialize)]
struct Other {
    model: String,
    input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation_1h_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    longest_input_tokens: Option<u64>,
}

impl MeteredRecord<'_> {
    /// What the meter had read; `None` where it read nothing.
    pub(super) fn usage(&self) -> Option<Usage> {
        let mut calls = Calls::default();
        for call in PaidCall::ALL {
            self.calls.get(call.name()).into_iter().for_each(|count| calls.set(call, *count));
        }
        let counts = Counts {
            input: self.input,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            cache_write_hour: self.cache_write_hour,
            output: self.output,
            // It costs as other output.
            reasoning: None,
            audio_input: self.audio_input,
            image_input: self.image_input,
            cached_audio: self.cached_audio,
            cached_image: self.cached_image,
            audio_output: self.audio_output,
            image_output: self.image_output,
            total: self.total,
            longest_input: self.longest_input,
            audio_ms: self.audio_ms,
            images: self.images,
            characters: self.characters,
            calls,
        };
        Some(Usage {
            counts,
            others: self.others.iter().map(Other::run).collect(),
            tier: self.tier.clone(),
            geo: self.geo.clone(),
            is_complete: self.is_complete?,
            events: self.events,
            text_bytes: bytes_of(self.estimated_output.unwrap_or(0).saturating_sub(self.output.unwrap_or(0))),
            asked: self.estimated_input,
            unknown: None,
            model: None,
            finish_reasons: Vec::new(),
        })
    }
}

impl Other {
    fn run(&self) -> Run {
        let counts = Counts {
            input: self.input_tokens,
            cache_read: self.cache_read_input_tokens,
            cache_write: self.cache_creation_input_tokens,
            cache_write_hour: self.cache_creation_1h_input_tokens,
            output: self.output_tokens,
            longest_input: self.longest_input_tokens,
            ..Counts::default()
        };
        Run { model: self.model.clone(), counts }
    }
}
