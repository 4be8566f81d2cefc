use serde_json::{Value, json};

use super::{Circumstances, Consumption, PriceTable};
use crate::config::{Factor, Prices};
use crate::dialect::{Counts, PaidCall, Run};

const NOW: u64 = 1_800_000_000;

fn table(models: Value) -> Result<PriceTable, String> {
    let prices: Prices = serde_json::from_value(json!({ "version": "v1", "models": models })).unwrap();
    PriceTable::compile(&prices).map_err(|error| error.to_string())
}

fn counts(input: u64, output: u64) -> Counts {
    Counts { input: Some(input), output: Some(output), ..Counts::default() }
}

#[test]
fn the_closest_price_in_force_counts() {
    let table = table(json!([
        { "model": "gpt-*", "input": 1, "output": 0 },
        { "model": "gpt-4o*", "input": 2, "output": 0 },
        { "model": "gpt-4o*", "input": 3, "output": 0, "from": "2026-01-01T00:00:00Z" },
        { "model": "gpt-4o*", "input": 4, "output": 0, "from": "2030-01-01T00:00:00Z" },
        { "model": "gpt-4o-mini", "input": 5, "output": 0 },
    ]))
    .unwrap();
    let of_a_million =
        |model: &str, at| table.rate(model, None, at)?.cost(&counts(1_000_000, 0), Factor::ONE);
    for (model, at, dollars, note) in [
        ("gpt-5", NOW, Some(1), "the widest"),
        ("gpt-4o-2024", NOW, Some(3), "a longer one, the latest in force"),
        ("gpt-4o-2024", 0, Some(2), "before that"),
        ("gpt-4o-2024", 1_900_000_000, Some(4), "after the next"),
        ("gpt-4o-mini", NOW, Some(5), "the longest"),
        ("claude", NOW, None, "none"),
    ] {
        assert_eq!(of_a_million(model, at), dollars.map(|dollars| dollars * 1_000_000), "{note}");
    }
}

#[test]
fn each_part_has_its_own_price() {
    let table = table(json!([{
        "model": "m", "input": 10, "output": 100, "cache_read": 1, "cache_write": 20,
        "audio_input": 40, "image_output": 400,
    }]))
    .unwrap();
    let rate = table.rate("m", None, NOW).unwrap();
    let parts =
        Counts { cache_read: Some(30), cache_write: Some(10), audio_input: Some(5), ..counts(100, 10) };
    for (counts, microdollars, note) in [
        (counts(100, 10), Some(2000), "input and output"),
        (
            parts,
            Some(55 * 10 + 30 + 200 + 200 + 1000),
            "of the input, what is priced apart is not counted twice",
        ),
        (Counts { image_output: Some(4), ..counts(0, 10) }, Some(600 + 1600), "of the output too"),
        (Counts { cache_read: Some(500), ..counts(100, 0) }, Some(500), "a part larger than the whole"),
        (Counts { output: None, ..counts(1, 0) }, Some(10), "input alone"),
        (
            Counts { total: Some(5), ..Counts::default() },
            Some(500),
            "nothing but a total: the dearer of both",
        ),
        (Counts::default(), None, "nothing at all"),
        (counts(0, 0), Some(0), "nothing"),
        (counts(u64::MAX, u64::MAX), Some(u64::MAX), "more than there is"),
    ] {
        assert_eq!(rate.cost(&counts, Factor::ONE), microdollars, "{note}");
    }
    let cheap = self::table(json!([{ "model": "m", "input": 0.01875, "output": 0 }])).unwrap();
    assert_eq!(
        cheap.rate("m", None, NOW).unwrap().cost(&counts(1, 0), Factor::ONE),
        Some(1),
        "a fraction is rounded up"
    );
}

#[test]
fn a_table_that_cannot_be_used_is_refused() {
    let price = |model: &str| json!({ "model": model, "input": 1, "output": 1 });
    for (models, want) in [
        (json!([]), "prices.models: the list is empty"),
        (json!([price(" ")]), "prices.models[0].model: an empty text"),
        (json!([price("a"), price("a")]), "prices.models[1]: `a` has another price from the same time on"),
    ] {
        let error = table(models).unwrap_err();
        assert!(error.starts_with(want), "{error}");
    }
}

/// What an answer of `m` costs.
fn charged(table: &PriceTable, counts: Counts, others: &[Run], served: [Option<&str>; 2]) -> Option<u64> {
    let [tier, geo] = served;
    let by = Circumstances {
        answered: Some("m"),
        asked: None,
        cluster: None,
        unix_seconds: NOW,
        multiplier: Factor::ONE,
    };
    table.charge(&Consumption { counts: &counts, others, tier, geo }, &by).microdollars
}

#[test]
fn what_was_cached_costs_by_medium_and_lifetime() {
    let table = table(json!([{
        "model": "m", "input": 10, "output": 100, "cache_read": 1, "cache_write": 12.5, "cache_write_1h": 20,
        "audio_input": 40, "audio_cache_read": 4,
    }]))
    .unwrap();
    for (counts, microdollars, note) in [
        (
            Counts { cache_write: Some(30), cache_write_hour: Some(20), ..counts(100, 0) },
            70 * 10 + 125 + 20 * 20,
            "written for five minutes and for an hour",
        ),
        (
            Counts { cache_read: Some(50), audio_input: Some(60), cached_audio: Some(50), ..counts(100, 0) },
            40 * 10 + 10 * 40 + 50 * 4,
            "cached sound is no fresh sound",
        ),
        (
            Counts { cache_read: Some(100), image_input: Some(70), ..counts(100, 0) },
            100,
            "all was cached, images too",
        ),
    ] {
        assert_eq!(charged(&table, counts, &[], [None; 2]), Some(microdollars), "{note}");
    }
}

#[test]
fn long_requests_cost_more_for_all_their_tokens() {
    let table = table(json!([{
        "model": "m", "input": 1, "output": 10, "cache_read": 0.5,
        "above": [{ "input_tokens": 200, "input": 2, "output": 15 }, { "input_tokens": 500, "input": 4 }],
        "tiers": {
            "flex": 0.5,
            "priority": { "input": 3, "above": [{ "input_tokens": 200, "input": 6 }] },
        },
    }]))
    .unwrap();
    let run = |input| Counts { longest_input: Some(200), ..counts(input, 0) };
    for (counts, tier, microdollars, note) in [
        (counts(200, 10), None, 200 + 100, "not above it"),
        (counts(201, 10), None, 402 + 150, "above it"),
        (counts(501, 10), None, 2004 + 100, "above the highest, whose output costs as below"),
        (
            Counts { cache_read: Some(100), ..counts(300, 0) },
            None,
            400 + 50,
            "what is left out costs as below",
        ),
        (run(400), None, 400, "two runs, neither of which is above it"),
        (counts(300, 10), Some("flex"), 300 + 75, "half of it"),
        (counts(100, 10), Some("priority"), 300 + 100, "a tier with prices of its own"),
        (counts(300, 10), Some("priority"), 1800 + 150, "and above it"),
        (counts(100, 10), Some("standard"), 100 + 100, "the standard tier"),
        (counts(100, 10), Some("unheard-of"), 100 + 100, "a tier that is not listed"),
    ] {
        assert_eq!(charged(&table, counts, &[], [tier, None]), Some(microdollars), "{note}");
    }
}

#[test]
fn pieces_and_lengths_are_charged_beside_tokens() {
    let table = table(json!([{
        "model": "m", "input": 1, "output": 0, "per_image": 0.04, "per_minute": 0.006,
        "per_million_characters": 15, "inference_geo": { "us": 1.1 },
        "calls": { "web_search": 10, "request": 5, "page": 1 },
    }]))
    .unwrap();
    let with = |call, count, mut counts: Counts| {
        counts.calls.set(call, count);
        counts
    };
    let nothing = Counts::default();
    for (counts, geo, microdollars, note) in [
        (counts(1000, 0), None, Some(1000 + 5000), "an answer"),
        (with(PaidCall::WebSearch, 3, counts(1000, 0)), None, Some(36_000), "searches"),
        (
            with(PaidCall::WebSearch, 3, counts(1000, 0)),
            Some("us"),
            Some(36_100),
            "the place counts for tokens",
        ),
        (with(PaidCall::FileSearch, 3, counts(1000, 0)), None, Some(6000), "calls without a price"),
        (Counts { images: Some(2), ..nothing }, None, Some(85_000), "pictures"),
        (Counts { audio_ms: Some(1500), ..nothing }, None, Some(5150), "sound"),
        (Counts { characters: Some(44), ..nothing }, None, Some(5660), "what was spoken"),
        (with(PaidCall::Page, 2, nothing), None, Some(7000), "pages"),
        (with(PaidCall::WebSearch, 3, nothing), None, None, "calls that do not tell what the rest cost"),
    ] {
        assert_eq!(charged(&table, counts, &[], [None, geo]), microdollars, "{note}");
    }
}

#[test]
fn each_run_costs_what_its_model_does() {
    let table = table(json!([
        { "model": "m", "input": 1, "output": 10, "above": [{ "input_tokens": 100, "input": 100 }] },
        { "model": "dear", "input": 5, "output": 50 },
    ]))
    .unwrap();
    let run = |model: &str, counts| Run { model: model.to_owned(), counts };
    let by = Circumstances {
        answered: Some("m"),
        asked: None,
        cluster: None,
        unix_seconds: NOW,
        multiplier: Factor::ONE,
    };
    for (others, microdollars, is_unpriced, note) in [
        (vec![], 100 + 100, false, "one run"),
        (vec![run("dear", counts(60, 4))], 40 + 60 + 300 + 200, false, "another model's"),
        (vec![run("unheard-of", counts(60, 4))], 40 + 60 + 60 + 40, true, "one without a price"),
    ] {
        let all = counts(100, 10);
        let consumption = Consumption { counts: &all, others: &others, tier: None, geo: None };
        let charge = table.charge(&consumption, &by);
        assert_eq!((charge.microdollars, charge.is_unpriced), (Some(microdollars), is_unpriced), "{note}");
    }
}

#[test]
fn an_exact_name_goes_before_any_pattern_and_an_upstream_before_all() {
    let table = table(json!([
        { "model": "gpt-4o-mini*", "input": 1, "output": 0 },
        { "model": "gpt-4o-mini", "input": 2, "output": 0 },
        { "model": "*", "input": 3, "output": 0, "upstreams": ["eu"] },
        { "model": "claude-sonnet*", "input": 4, "output": 0 },
        { "model": "*", "input": 5, "output": 0 },
    ]))
    .unwrap();
    for (model, cluster, price, note) in [
        ("gpt-4o-mini", None, 2, "an exact name, though the pattern is longer"),
        ("gpt-4o-mini", Some("eu"), 2, "an exact name, though it is for all upstreams"),
        ("gpt-4o-mini-2024", None, 1, "the pattern"),
        ("claude-sonnet-4", Some("eu"), 3, "what is for this upstream"),
        ("claude-sonnet-4", Some("us"), 4, "what is for all"),
        ("o1", Some("us"), 5, "the widest"),
    ] {
        let rate = table.rate(model, cluster, NOW).unwrap();
        assert_eq!(rate.cost(&counts(1, 0), Factor::ONE), Some(price), "{note}");
    }
}

#[test]
fn an_upstream_multiplies_and_rounds_once() {
    let table =
        table(json!([{ "model": "m", "input": 0.15, "output": 0.6, "tiers": { "flex": 0.5 } }])).unwrap();
    let factor = |number: f64| serde_json::from_value::<Factor>(json!(number)).unwrap();
    for (number, tier, microdollars) in
        [(1.0, None, 8), (1.1, None, 9), (0.0, None, 0), (1.1, Some("flex"), 5)]
    {
        let by = Circumstances {
            answered: None,
            asked: Some("m"),
            cluster: None,
            unix_seconds: NOW,
            multiplier: factor(number),
        };
        let counts = counts(10, 10);
        let charge = table.charge(&Consumption { counts: &counts, others: &[], tier, geo: None }, &by);
        assert_eq!(charge.microdollars, Some(microdollars), "{number} {tier:?}");
    }
}

#[test]
fn a_model_is_priced_under_each_of_its_names_and_the_fullest_first() {
    let table = table(json!([
        { "model": "claude-haiku-4-5*", "input": 1, "output": 0 },
        { "model": "eu.anthropic.claude-haiku-4-5*", "input": 2, "output": 0 },
        { "model": "claude-opus-4-1-20250805", "input": 3, "output": 0 },
        { "model": "claude-opus-4-1@20250805", "input": 4, "output": 0, "upstreams": ["vertex"] },
        { "model": "Gemini-2.5-Pro", "input": 5, "output": 0 },
    ]))
    .unwrap();
    for (model, cluster, price, note) in [
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", None, Some(1), "an inference profile"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", None, Some(2), "a region with a price of its own"),
        ("claude-haiku-4-5@20251001", None, Some(1), "Vertex's date"),
        ("claude-haiku-4-5@default", None, Some(1), "the latest"),
        ("claude-opus-4-1@20250805", None, Some(3), "Vertex's name for its maker's"),
        ("claude-opus-4-1@20250805", Some("vertex"), Some(4), "by Vertex's own name"),
        ("google/gemini-2.5-pro", None, Some(5), "in OpenAI's words"),
        ("GEMINI-2.5-PRO", None, Some(5), "in another case"),
        ("someone/gemini-2.5-pro", None, None, "somebody else's"),
        ("gemini-2.5-pro@001", None, None, "a version that is no date"),
    ] {
        let rate = table.rate(model, cluster, NOW).map(|rate| rate.cost(&counts(1, 0), Factor::ONE));
        assert_eq!(rate.flatten(), price, "{note}");
    }
}
