//! What a record's answer costs by another price table, worked out as the gateway does.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::entry::{Entry, Text};
use crate::cli::document::{Finding, ReadError, Segment, attempt_all, read_document, read_node};
use crate::config::{Factor, Prices};
use crate::dialect::{Calls, Counts, PaidCall, Run};
use crate::meter::{Usage, bytes_of};
use crate::price::{Circumstances, PriceTable};

/// A price table from a file.
#[derive(Debug)]
pub(super) struct Pricing(PriceTable);

/// A file with the section `prices`, such as a whole configuration.
#[derive(Deserialize)]
struct PricesFile {
    prices: Prices,
}

/// What of a record entered its price.
#[derive(Debug, Deserialize)]
struct Metered<'a> {
    #[serde(rename = "claimgate.upstream.cluster", borrow)]
    cluster: Option<Cow<'a, str>>,
    #[serde(rename = "gen_ai.request.model", borrow)]
    asked: Option<Cow<'a, str>>,
    #[serde(rename = "gen_ai.response.model", borrow)]
    answered: Option<Cow<'a, str>>,
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
    multiplier: Option<Factor>,
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

impl Pricing {
    pub(super) fn read(file: &Path) -> Result<Self, Vec<Finding>> {
        let document = read_document(file).map_err(|finding| vec![finding])?;
        let compile = |node: &_| {
            let PricesFile { prices } = read_node(node)?;
            PriceTable::compile(&prices)
                .map_err(|error| ReadError { path: Segment::parse(&error.at), why: error.why })
        };
        attempt_all(file, document, compile).map(Self)
    }

    /// Puts what a record's answer costs by this table in the place of what it cost; a record that cannot be read keeps that.
    pub(super) fn reprice(&self, entry: &mut Entry<'_>) {
        let Ok(metered) = serde_json::from_slice::<Metered<'_>>(entry.text) else { return };
        let Some(usage) = metered.usage() else { return };
        let circumstances = Circumstances {
            answered: metered.answered.as_deref(),
            asked: metered.asked.as_deref(),
            cluster: metered.cluster.as_deref(),
            unix_seconds: u64::try_from(entry.time.timestamp()).unwrap_or(0),
            multiplier: metered.multiplier.unwrap_or(Factor::ONE),
        };
        let charge = self.0.charge(&usage.consumption(&usage.at_least()), &circumstances);
        entry.microdollars = charge.microdollars.unwrap_or(0);
        entry.is_unpriced = charge.is_unpriced;
        entry.price_version = Some(Text::from(self.0.version().to_owned()));
    }
}

impl Metered<'_> {
    /// What the meter had read; `None` where it read nothing.
    fn usage(&self) -> Option<Usage> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Pricing;
    use crate::audit::{Line, Price, Record, Spent};
    use crate::cli::commands::report::entry::Entry;
    use crate::config::Factor;
    use crate::dialect::{Counts, PaidCall, Run};
    use crate::meter::Usage;
    use crate::price::{Circumstances, PriceTable};

    /// What Envoy's record says, and what the report makes of it with the same table.
    #[test]
    fn a_record_tells_all_that_its_price_rests_on() {
        let prices = json!({ "version": "v1", "models": [
            {
                "model": "own", "input": 1.7, "output": 9.3, "cache_read": 0.13, "cache_write": 2.1,
                "cache_write_1h": 3.3, "audio_input": 31, "audio_cache_read": 3.1, "image_input": 1.9,
                "audio_output": 77, "image_output": 40, "per_image": 0.013, "per_minute": 0.0061, "per_million_characters": 15.7,
                "above": [{ "input_tokens": 1000, "input": 3.4, "cache_write_1h": 7.7 }],
                "tiers": { "flex": 0.5, "fast": { "input": 11 } }, "inference_geo": { "us": 1.1 },
                "calls": { "web_search": 10, "page": 1.5, "request": 0.3 },
            },
            { "model": "other*", "input": 5.1, "output": 25.3, "cache_write_1h": 9.9 },
        ] });
        let table = PriceTable::compile(&serde_json::from_value(prices).unwrap()).unwrap();
        let pricing = Pricing(table);
        let mut counts = Counts {
            input: Some(977),
            cache_read: Some(311),
            cache_write: Some(113),
            cache_write_hour: Some(71),
            output: Some(401),
            reasoning: Some(17),
            audio_input: Some(101),
            image_input: Some(59),
            cached_audio: Some(37),
            cached_image: Some(11),
            audio_output: Some(13),
            image_output: Some(7),
            total: Some(1378),
            longest_input: None,
            audio_ms: Some(7919),
            images: Some(3),
            characters: Some(4093),
            calls: Default::default(),
        };
        counts.calls.set(PaidCall::WebSearch, 5);
        counts.calls.set(PaidCall::Page, 2);
        let long = Counts { input: Some(4001), total: Some(4402), ..counts };
        let other = Counts {
            input: Some(503),
            cache_write: Some(97),
            cache_write_hour: Some(89),
            output: Some(211),
            longest_input: Some(503),
            ..Counts::default()
        };
        let others = [Run { model: "other-1".to_owned(), counts: other }];
        let total_only = Counts { total: Some(77), ..Counts::default() };
        for (counts, others, tier, geo, is_complete, events, factor, note) in [
            (counts, &[][..], None, None, true, 0, 1.0, "all kinds of tokens and pieces"),
            (long, &[], None, None, true, 0, 1.0, "a long request"),
            (Counts { longest_input: Some(900), ..long }, &[], None, None, true, 0, 1.0, "of several runs"),
            (
                long,
                &others,
                Some("flex"),
                Some("us"),
                true,
                0,
                1.25,
                "a tier, a place, an upstream, another model",
            ),
            (counts, &others, Some("fast"), None, true, 0, 0.9, "a tier with prices of its own"),
            (Counts { output: None, ..counts }, &[], None, None, false, 57, 1.0, "a stream that broke off"),
            (total_only, &[], None, None, true, 0, 1.0, "nothing but a total"),
            (Counts::default(), &[], None, None, false, 0, 1.0, "nothing"),
        ] {
            let usage = Usage {
                counts,
                others: others.to_vec(),
                tier: tier.map(str::to_owned),
                geo: geo.map(str::to_owned),
                is_complete,
                events,
                // Of the text of a request that was answered whole nothing is charged.
                asked: Some(77),
                text_bytes: events * 10,
                model: Some("own".to_owned()),
                ..Usage::default()
            };
            let multiplier: Factor = serde_json::from_value(json!(factor)).unwrap();
            let by = Circumstances {
                answered: Some("own"),
                asked: None,
                cluster: None,
                unix_seconds: 1_800_000_000,
                multiplier,
            };
            let charge = pricing.0.charge(&usage.consumption(&usage.at_least()), &by);
            let price = Price { charge, version: "v1".to_owned(), multiplier };
            let mut line = Line::with_room(64);
            plain_record().write(&mut line);
            Spent { usage: &usage, price: Some(&price) }.write(&mut line);
            let record = line.finish();
            let mut entry = Entry::read(record.as_bytes()).unwrap();
            let told = (entry.microdollars, entry.is_unpriced);
            (entry.microdollars, entry.is_unpriced) = (u64::MAX, true);
            pricing.reprice(&mut entry);
            assert_eq!((entry.microdollars, entry.is_unpriced), told, "{note}: {record}");
            assert_eq!(entry.microdollars, charge.microdollars.unwrap_or(0), "{note}");
        }
    }

    fn plain_record() -> Record<'static> {
        Record {
            time: "2026-11-29T12:00:00.000Z".to_owned(),
            decision: crate::audit::Decision::Allow,
            reason: None,
            rule: None,
            note: None,
            decision_id: "d",
            request_id: "r",
            answered_by: crate::audit::AnsweredBy::Provider,
            error_type: None,
            aborted: false,
            duration_ms: 1,
            shadow_denials: Vec::new(),
            counted_alone: Vec::new(),
            provider_request_id: None,
            status: Some(200),
            token_id: None,
            token_subject: None,
            token_expires_at: None,
            client_address: None,
        }
    }
}
