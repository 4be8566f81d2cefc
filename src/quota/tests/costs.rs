//! Quotas of what only the provider's answer states: what is held before it comes, and what is charged then.

use serde_json::{Value, json};

use super::{Contended, Envoy, answer, by, header, quota, rate_headers};
use crate::denial::Reason;
use crate::ledger::{Ledger, MemoryStore};
use crate::policy::fixture::{Case, merged};
use crate::quota::{Cost, Size};

fn tokens(change: Value) -> crate::config::Quota {
    quota("q", merged(json!({ "unit": "tokens", "limit": 1000, "reserve": 400 }), change))
}

fn cost(input: u64, output: u64) -> Cost {
    Cost {
        input: Some(input),
        output: Some(output),
        total: Some(input.saturating_add(output)),
        ..Cost::NOTHING
    }
}

/// What is shown to be left after a request that holds as much as it may.
fn left(envoy: &Envoy<MemoryStore>, case: &Case) -> Option<String> {
    let mut admission = envoy.admit(case).ok()?;
    let left = header(&rate_headers(&admission), "x-ratelimit-remaining-tokens").map(str::to_owned);
    envoy.quotas.settle(admission.take_held(), Cost::NOTHING, envoy.context(case.now_ms));
    left
}

#[test]
fn a_request_holds_what_it_may_cost_and_is_charged_what_it_cost() {
    let (envoy, case) = (Envoy::new(&[tokens(json!({}))]), by("x"));
    let mut held: Vec<_> = (0..2).map(|_| envoy.admit(&case).unwrap()).collect();
    let denial = envoy.admit(&case).unwrap_err();
    assert_eq!((denial.reason(), denial.rule()), (Reason::QuotaExceeded, Some("q")), "800 are held");
    let refused = answer(&denial);
    assert_eq!(header(&refused.headers, "x-ratelimit-remaining-tokens"), Some("200"));
    assert_eq!(header(&refused.headers, "x-ratelimit-limit-tokens"), Some("1000"));
    assert_eq!(header(&refused.headers, "retry-after"), Some("1"));
    let mut settle = |cost| {
        let held = held.pop().unwrap().take_held();
        assert!(envoy.quotas.settle(held, cost, envoy.context(case.now_ms)).is_empty());
    };
    settle(cost(100, 20));
    assert_eq!(left(&envoy, &case).as_deref(), Some("80"), "120 are spent and 400 held beside its own 400");
    settle(cost(0, 0));
    assert_eq!(left(&envoy, &case).as_deref(), Some("480"), "what cost nothing is charged nothing");
}

#[test]
fn the_estimate_is_of_what_is_known_and_bounded() {
    let size = |body_bytes, max_tokens| Size { body_bytes, max_tokens, ..Size::default() };
    for (unit, size, held, note) in [
        ("tokens", size(None, None), 400, "nothing"),
        ("tokens", size(Some(40), Some(100)), 110, "the body and what it asks for"),
        ("tokens", size(Some(40), None), 400, "the body alone"),
        ("tokens", size(Some(4_000_000), Some(1)), 400, "a long body"),
        ("tokens", size(Some(0), Some(0)), 1, "never nothing"),
        ("input_tokens", size(Some(40), Some(300)), 10, "the body"),
        ("output_tokens", size(Some(40), Some(300)), 300, "what it asks for"),
        ("output_tokens", size(Some(40), Some(u64::MAX)), 400, "more than there is"),
    ] {
        let envoy = Envoy::new(&[tokens(json!({ "unit": unit }))]);
        let admission = envoy.admit_sized(&by("x"), &size).unwrap();
        let headers = rate_headers(&admission);
        let left = header(&headers, "x-ratelimit-remaining-tokens").unwrap();
        assert_eq!(1000 - left.parse::<u64>().unwrap(), held, "{unit}: {note}");
    }
}

#[test]
fn what_is_not_known_is_taken_to_be_what_was_held() {
    let seen = |total, is_whole| Cost { total, is_whole, ..Cost::UNKNOWN };
    for (cost, charged, note) in [
        (cost(5, 6), 11, "known"),
        (Cost::NOTHING, 0, "no answer, or a refusal"),
        (seen(Some(50), false), 400, "less was seen when it broke off"),
        (seen(Some(900), false), 900, "more was"),
        (seen(None, false), 400, "nothing was"),
        (seen(None, true), 400, "the whole answer, and it does not say"),
    ] {
        let (envoy, case) = (Envoy::new(&[tokens(json!({ "limit": 10_000 }))]), by("x"));
        let held = envoy.admit(&case).unwrap().take_held();
        envoy.quotas.settle(held, cost, envoy.context(case.now_ms));
        assert_eq!(left(&envoy, &case), Some((10_000 - charged - 400).to_string()), "{note}");
    }
}

#[test]
fn requests_in_flight_are_counted() {
    let flights =
        quota("q", json!({ "unit": "concurrency", "limit": 2, "window": null, "window_kind": "sliding" }));
    let (envoy, case) = (Envoy::new(&[flights]), by("x"));
    let mut first = envoy.admit(&case).unwrap();
    assert!(first.rates().is_empty(), "no header tells of it");
    let _second = envoy.admit(&case).unwrap();
    assert_eq!(envoy.refusal(&case), Some((Reason::QuotaExceeded, "q".to_owned())));
    assert!(envoy.admit(&by("y")).is_ok(), "others have their own");
    envoy.quotas.settle(first.take_held(), cost(1, 1), envoy.context(case.now_ms));
    assert!(envoy.admit(&case).is_ok(), "one is over");
}

#[test]
fn a_request_that_another_quota_refuses_holds_nothing() {
    let narrow = quota("narrow", json!({ "limit": 1 }));
    for quotas in [vec![tokens(json!({})), narrow.clone()], vec![narrow, tokens(json!({}))]] {
        let (envoy, case) = (Envoy::new(&quotas), by("x"));
        let first = envoy.admit(&case).unwrap();
        let left = |name| header(&rate_headers(&first), name).map(str::to_owned);
        assert_eq!(left("x-ratelimit-remaining-tokens").as_deref(), Some("600"), "both are shown");
        assert_eq!(left("x-ratelimit-remaining-requests").as_deref(), Some("0"));
        for _ in 0..5 {
            assert_eq!(envoy.refusal(&case), Some((Reason::QuotaExceeded, "narrow".to_owned())));
        }
    }
}

#[test]
fn what_costs_nothing_or_what_nobody_sees() {
    let envoy = Envoy::new(&[tokens(json!({ "limit": 0 }))]);
    assert!(
        envoy.admit(&Case::sending("GET", "/v1/models", &[], json!({}))).is_ok(),
        "a list of models costs no model tokens"
    );
    let unseen = Size { is_unseen: true, ..Size::default() };
    let envoy = Envoy::new(&[tokens(json!({}))]);
    assert_eq!(envoy.admit_sized(&by("x"), &unseen).unwrap_err().reason(), Reason::UsageUnknowable);
    let shadow = Envoy::new(&[tokens(json!({ "mode": "shadow" }))]);
    let admission = shadow.admit_sized(&by("x"), &unseen).unwrap();
    assert_eq!(admission.shadow_denials(), ["q"], "a shadow refuses nobody");
}

#[test]
fn what_cannot_be_charged_now_is_owed() {
    let case = by("x");
    let envoy = Envoy::new(&[tokens(json!({}))]);
    let held = envoy.admit(&case).unwrap().take_held();
    let contended =
        Envoy::on(Contended(MemoryStore::new()), Ledger::with_bounds(4, 8192), &[tokens(json!({}))]);
    contended.ledger.prepare(&contended.store);
    let owed = contended.quotas.settle(held, cost(300, 0), contended.context(case.now_ms));
    assert_eq!(owed.len(), 1);
    assert!(envoy.quotas.collect(owed, envoy.context(case.now_ms)).is_empty());
    assert_eq!(left(&envoy, &case).as_deref(), Some("300"));
}

#[test]
fn what_came_from_a_cache_is_not_counted_where_the_unit_leaves_it_out() {
    let whole = Cost { cache_read: Some(150_000), ..cost(150_003, 500) };
    let broken_off = Cost { is_whole: false, ..whole };
    for (unit, cost, charged, note) in [
        ("tokens", whole, 150_503, "all"),
        ("input_tokens", whole, 150_003, "all input"),
        ("uncached_tokens", whole, 503, "fresh input and output"),
        ("uncached_input_tokens", whole, 3, "fresh input"),
        ("uncached_input_tokens", broken_off, 400, "at least what was held"),
        ("uncached_input_tokens", cost(7, 500), 7, "no cache is named"),
        ("uncached_tokens", Cost { cache_read: Some(9), ..cost(7, 0) }, 0, "never less than nothing"),
    ] {
        let envoy = Envoy::new(&[tokens(json!({ "unit": unit }))]);
        let case = by("x");
        let held = envoy.admit(&case).unwrap().take_held();
        let amounts: Vec<u64> = envoy.quotas.charged(&held, &cost).map(|charged| charged.amount).collect();
        assert_eq!(amounts, [charged], "{unit}: {note}");
    }
}
