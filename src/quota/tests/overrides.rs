//! Another limit for one descriptor holds for exactly that one, and until its time.

use serde_json::{Value, json};

use super::{Envoy, by, header, quota, rate_headers};
use crate::config::Quota;
use crate::policy::fixture::{Case, NOW_MS};

/// What [`NOW_MS`] is.
const SECOND: u64 = 1000;

fn until(seconds: u64) -> String {
    let at = i64::try_from((NOW_MS / SECOND).saturating_add(seconds)).unwrap();
    chrono::DateTime::from_timestamp(at, 0).unwrap().to_rfc3339()
}

/// A quota of two requests a minute with one override, which ends in ten seconds.
fn overridden(per: Value, values: Value, limit: u64) -> Quota {
    let entry = json!({ "per": values, "limit": limit, "until": until(10), "reason": "a launch" });
    quota("q", json!({ "limit": 2, "per": per, "overrides": [entry] }))
}

#[test]
fn exactly_the_named_descriptor_has_another_limit() {
    let per_two = json!(["principal.subject", "principal.key.labels.plan"]);
    let two = |subject: &str, plan: &str| {
        Case::with_key(json!({ "service_account": subject, "labels": { "plan": plan } }))
    };
    let numbered = json!(["int(principal.key.labels.plan)"]);
    let truth = json!(["principal.key.labels.plan == '7'"]);
    for (per, values, case, passing, note) in [
        (json!(["principal.subject"]), json!(["x"]), by("x"), 5, "its subject"),
        (json!(["principal.subject"]), json!(["x"]), by("y"), 2, "another"),
        (json!(["principal.subject"]), json!(["sx"]), by("x"), 2, "a text that only looks like its own"),
        (per_two.clone(), json!(["x", "pro"]), two("x", "pro"), 5, "both values"),
        (per_two.clone(), json!(["x", "pro"]), two("x", "free"), 2, "one of them"),
        (per_two, json!(["pro", "x"]), two("x", "pro"), 2, "the other way round"),
        (numbered.clone(), json!([7]), two("x", "7"), 5, "a number"),
        (numbered.clone(), json!([-7]), two("x", "-7"), 5, "one below 0"),
        (numbered, json!(["7"]), two("x", "7"), 2, "the text that spells it"),
        (truth.clone(), json!([true]), two("x", "7"), 5, "a truth"),
        (truth, json!([false]), two("x", "7"), 2, "the other one"),
    ] {
        let envoy = Envoy::new(&[overridden(per, values, 5)]);
        assert_eq!(envoy.passing(&case, 9), passing, "{note}");
    }
}

#[test]
fn it_ends_by_itself_and_what_was_spent_stays() {
    let mut case = by("x");
    for (limit, at_first, at_last, note) in [
        (5, 5, 0, "more: what was spent under it is over the limit after it"),
        (1, 1, 1, "less: the rest of the limit is there after it"),
        (0, 0, 2, "none at all"),
    ] {
        let envoy = Envoy::new(&[overridden(json!(["principal.subject"]), json!(["x"]), limit)]);
        case.now_ms = NOW_MS;
        assert_eq!(envoy.passing(&case, at_first), at_first, "{note}");
        case.now_ms = NOW_MS + 10 * SECOND - 1;
        assert!(envoy.admit(&case).is_err(), "{note}: a millisecond before its end");
        case.now_ms = NOW_MS + 10 * SECOND;
        assert_eq!(envoy.passing(&case, 9), at_last, "{note}: at its end");
    }
}

#[test]
fn answers_tell_the_limit_of_the_moment() {
    let envoy = Envoy::new(&[overridden(json!(["principal.subject"]), json!(["x"]), 5)]);
    let mut case = by("x");
    for (at_ms, limit, remaining) in [(0, "5", "4"), (10 * SECOND - 1, "5", "3")] {
        case.now_ms = NOW_MS + at_ms;
        let admission = envoy.admit(&case).unwrap();
        assert_eq!(header(&rate_headers(&admission), "x-ratelimit-limit-requests"), Some(limit));
        assert_eq!(header(&rate_headers(&admission), "x-ratelimit-remaining-requests"), Some(remaining));
    }
    case.now_ms = NOW_MS + 10 * SECOND;
    let answer = super::answer(&envoy.admit(&case).unwrap_err());
    assert_eq!(header(&answer.headers, "x-ratelimit-limit-requests"), Some("2"));
    assert_eq!(header(&answer.headers, "x-ratelimit-remaining-requests"), Some("0"));
}

#[test]
fn tokens_and_requests_in_flight_are_overridden_too() {
    let entry = json!({ "per": ["x"], "limit": 5, "until": until(10) });
    for (change, note) in [
        (json!({ "unit": "tokens", "limit": 2, "reserve": 1, "overrides": [entry] }), "model tokens"),
        (json!({ "unit": "microdollars", "limit": 2, "reserve": 1, "overrides": [entry] }), "money"),
        (
            json!({ "unit": "concurrency", "limit": 2, "window": null, "window_kind": null, "overrides": [entry] }),
            "requests in flight",
        ),
    ] {
        let quota = quota("q", change);
        let envoy = Envoy::new(&[quota]);
        let size = super::Size { may_be_unpriced: true, ..super::Size::default() };
        let passing = |case: &Case| (0..9).filter(|_| envoy.admit_sized(case, &size).is_ok()).count();
        assert_eq!((passing(&by("x")), passing(&by("y"))), (5, 2), "{note}");
    }
}

#[test]
fn the_bundle_says_what_was_written() {
    let written = json!({
        "id": "q", "unit": "requests", "limit": 2, "window": "month", "time_zone": "Europe/Berlin",
        "per": ["principal.subject", "1", "true"], "mode": "enforce", "durability": "process",
        "overrides": [{ "per": ["x", -7, true], "limit": 9, "until": "2030-01-01T00:00:00Z", "reason": "a launch" }],
    });
    let quota: Quota = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&quota).unwrap(), written);
    for value in [json!(1.5), json!(null), json!(["x"]), json!({})] {
        let mut wrong = written.clone();
        wrong["overrides"][0]["per"][0] = value.clone();
        let error = serde_json::from_value::<Quota>(wrong).unwrap_err().to_string();
        assert!(error.contains("text, a whole number, `true` or `false`"), "{value}: {error}");
    }
}
