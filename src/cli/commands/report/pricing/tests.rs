//! What a record costs, worked out anew by the table that it was priced by.

use serde_json::json;

use super::Pricing;
use crate::audit::{Line, Price, Record, Spent};
use crate::cli::commands::report::billed_record::BilledRecord;
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
        let text = line.finish();
        let mut record = BilledRecord::read(text.as_bytes()).unwrap();
        let told = (record.microdollars, record.is_unpriced);
        (record.microdollars, record.is_unpriced) = (u64::MAX, true);
        pricing.reprice(&mut record);
        assert_eq!((record.microdollars, record.is_unpriced), told, "{note}: {text}");
        assert_eq!(record.microdollars, charge.microdollars.unwrap_or(0), "{note}");
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
        sealed_key_id: None,
        sealed_key_expires_at: None,
        client_address: None,
        upstream_wait_ms: None,
    }
}
