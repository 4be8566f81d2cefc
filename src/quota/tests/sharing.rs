//! Quotas that the rate limit service counts, as they are written.

use serde_json::{Value, json};

use super::quota;
use crate::config::{RateLimitService, Span};
use crate::expression::Engine;
use crate::quota::{QuotaSet, Service};

fn service(change: Value) -> Result<Service, String> {
    let section = json!({ "cluster": "rate-limit" });
    let section: RateLimitService = serde_json::from_value(super::merged(section, change)).unwrap();
    Service::compile(&section, Span::from_seconds(5)).map_err(|error| error.to_string())
}

fn refusal(change: Value, service: Option<Service>) -> Option<String> {
    let quotas = [quota("tried", change)];
    QuotaSet::compile(&quotas, service, &Engine::new().unwrap()).err().map(|error| error.to_string())
}

#[test]
fn what_the_service_cannot_do_is_refused_with_the_way_round() {
    let service = service(json!({})).ok();
    for (change, want) in [
        (json!({}), None),
        (json!({ "window": "10m" }), None),
        (json!({ "window": "7d" }), None),
        (json!({ "window": "day", "window_kind": null }), None),
        (json!({ "window": "day", "window_kind": null, "time_zone": "UTC" }), None),
        (
            json!({ "window": "day", "window_kind": null, "time_zone": "Europe/Berlin" }),
            Some("quotas[0].window: the rate limit service has no calendar but the days of UTC"),
        ),
        (
            json!({ "window": "month", "window_kind": null }),
            Some(
                "quotas[0].window: the rate limit service has no calendar but the days of UTC, so it cannot keep this `month`",
            ),
        ),
        (json!({ "unit": "tokens", "on_failure": "local", "fresh_for": "1s" }), None),
        (json!({ "unit": "microdollars", "limit": 400_000_000_000_u64 }), None),
        (
            json!({ "unit": "concurrency", "window": null }),
            Some("quotas[0].engine: the rate limit service counts within windows and takes nothing back"),
        ),
        (
            json!({ "window_kind": "sliding" }),
            Some("quotas[0].window_kind: the rate limit service has fixed windows alone; write `fixed`"),
        ),
        (
            json!({ "window": "61s" }),
            Some("quotas[0].window: the rate limit service cannot keep a window of `61s`"),
        ),
        (
            json!({ "limit": 4_294_967_295_u64 }),
            Some("quotas[0].limit: `4294967295` is more than 4294967294, the most"),
        ),
        (
            json!({ "unit": "microdollars", "limit": 500_000_000_000_u64 }),
            Some("quotas[0].limit: `500000000000` is more than 429496729400"),
        ),
        (
            json!({ "durability": "process" }),
            Some("quotas[0].durability: these counters outlive Envoy's process"),
        ),
        (json!({ "fresh_for": "61s" }), Some("quotas[0].fresh_for: `61s` is longer than 1m, or than")),
        (
            json!({ "window": "1s", "fresh_for": "2s" }),
            Some("quotas[0].fresh_for: `2s` is longer than 1m, or than the window"),
        ),
    ] {
        let mut shared = change.clone();
        shared["engine"] = json!("global");
        let refused = refusal(shared, service.clone());
        match (refused, want) {
            (None, None) => {}
            (Some(refused), Some(want)) => assert!(refused.starts_with(want), "{change}: {refused}"),
            (refused, _) => panic!("{change}: {refused:?}"),
        }
    }
}

#[test]
fn what_belongs_to_the_service_needs_one() {
    let service = service(json!({})).ok();
    for (change, service, want) in [
        (json!({ "engine": "global" }), None, "quotas[0].engine: there is no `rate_limit_service`"),
        (json!({ "on_failure": "local" }), service.clone(), "quotas[0].on_failure: this belongs to"),
        (json!({ "fresh_for": "1s" }), service.clone(), "quotas[0].fresh_for: this belongs to"),
    ] {
        let refused = refusal(change, service).unwrap();
        assert!(refused.starts_with(want), "{refused}");
    }
}

#[test]
fn the_section_is_checked() {
    for (change, want) in [
        (json!({}), None),
        (json!({ "timeout": "4999ms", "charge_every": "60s" }), None),
        (json!({ "cluster": "" }), Some("rate_limit_service.cluster: `` must have 1 to 100 letters")),
        (json!({ "cluster": "a".repeat(101) }), Some("rate_limit_service.cluster: `aaa")),
        (json!({ "cluster": "käse" }), Some("rate_limit_service.cluster: `käse`")),
        (json!({ "domain": "a_b" }), Some("rate_limit_service.domain: `a_b` must have letters")),
        (json!({ "domain": "" }), Some("rate_limit_service.domain: ``")),
        (json!({ "timeout": "5s" }), Some("rate_limit_service.timeout: `5s` must be at most 10s, and less")),
        (json!({ "charge_every": "9ms" }), Some("rate_limit_service.charge_every: `9ms` is not between")),
        (json!({ "charge_every": "61s" }), Some("rate_limit_service.charge_every: `61s` is not between")),
    ] {
        let refused = service(change.clone()).err();
        match (&refused, want) {
            (None, None) => {}
            (Some(refused), Some(want)) => assert!(refused.starts_with(want), "{change}: {refused}"),
            _ => panic!("{change}: {refused:?}"),
        }
    }
}
