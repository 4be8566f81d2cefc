//! What is found when the configuration loads, each with its path and the remedy.

use serde_json::{Value, json};

use super::quota;
use crate::expression::Engine;
use crate::quota::QuotaSet;

fn compiled(change: Value) -> Result<QuotaSet, String> {
    let quotas = [quota("first", json!({})), quota("tried", change)];
    QuotaSet::compile(&quotas, None, &Engine::new().unwrap()).map_err(|error| error.to_string())
}

#[test]
fn a_quota_that_cannot_be_kept_is_refused() {
    for (change, want, note) in [
        (json!({ "id": "first" }), "quotas[1].id: the quota `first` is listed twice", "one id twice"),
        (json!({ "window": "999ms" }), "quotas[1].window: `999ms` is not between", "too short a window"),
        (
            json!({ "window": "32d", "durability": "process" }),
            "quotas[1].window: `32d` is not between",
            "too long a window",
        ),
        (
            json!({ "window": "61m" }),
            "quotas[1].durability: the window `61m` is longer than an hour",
            "a window that outlives many a process",
        ),
        (
            json!({ "window": "day", "window_kind": null }),
            "quotas[1].durability: the window `day` is longer than an hour",
            "a day of the calendar, which outlives many a process too",
        ),
        (
            json!({ "window": "day", "durability": "process" }),
            "quotas[1].window_kind: a window of the calendar starts anew with its day, week or month; leave this out",
            "a calendar that would slide",
        ),
        (
            json!({ "time_zone": "Europe/Berlin" }),
            "quotas[1].time_zone: only a calendar has a time zone; leave this out",
            "a time zone of what is a minute everywhere",
        ),
        (
            json!({ "unit": "concurrency", "window": null, "time_zone": "UTC" }),
            "quotas[1].time_zone: only a calendar has a time zone; leave this out",
            "a time zone of the moment",
        ),
        (
            json!({ "overrides": [{ "per": ["x", 7], "limit": 9, "until": "2030-01-01T00:00:00Z" }] }),
            "quotas[1].overrides[0].per: the quota's `per` has 1 entries and this has 2; write one value for each",
            "an override of a descriptor that there cannot be",
        ),
        (
            json!({ "overrides": [
                { "per": ["x"], "limit": 9, "until": "2030-01-01T00:00:00Z" },
                { "per": ["y"], "limit": 9, "until": "2030-01-01T00:00:00Z" },
                { "per": ["x"], "limit": 8, "until": "2031-01-01T00:00:00Z" },
            ] }),
            "quotas[1].overrides[2].per: `x` has an override already; keep one of them",
            "two overrides of one descriptor",
        ),
        (json!({ "window": null }), "quotas[1].window: `requests` are counted within a window", "no window"),
        (
            json!({ "unit": "concurrency" }),
            "quotas[1].window: requests in flight are counted at each moment",
            "a window of what has none",
        ),
        (
            json!({ "unit": "concurrency", "window": null, "refused_as": "budget" }),
            "quotas[1].refused_as: requests in flight end soon, so that a retry helps; leave this out",
            "a budget that is there again with the next answer",
        ),
        (
            json!({ "reserve": 5 }),
            "quotas[1].reserve: what one request costs in `requests` is known",
            "a reserve",
        ),
        (
            json!({ "unit": "tokens", "reserve": 0 }),
            "quotas[1].reserve: `0` would let everybody",
            "no reserve",
        ),
        (json!({ "per": [] }), "quotas[1].per: the list is empty", "nobody who shares it"),
        (
            json!({ "per": ["principal.subject", "principal.sbject"] }),
            "quotas[1].per[1]: `principal` has no field",
            "a misspelt field",
        ),
        (json!({ "per": ["principal.scopes"] }), "quotas[1].per[0]: the expression gives `list`", "a list"),
        (json!({ "limit": "principal.subject" }), "quotas[1].limit: the expression gives `string`", "a text"),
        (json!({ "limit": "0 - 1" }), "quotas[1].limit: the number is negative", "a negative number"),
        (json!({ "limit": "1.5" }), "quotas[1].limit: the expression gives `float`", "half a request"),
        (json!({ "limit": "(" }), "quotas[1].limit:1:", "no CEL"),
        (
            json!({ "when": "principal.subject" }),
            "quotas[1].when: the expression gives `string`",
            "no boolean",
        ),
        (
            json!({ "when": "principal.sbject == 'a'" }),
            "quotas[1].when: `principal` has no field",
            "a misspelt field in `when`",
        ),
    ] {
        let error = compiled(change).unwrap_err();
        assert!(error.starts_with(want), "{note}: {error}");
    }
    for (change, note) in [
        (json!({ "window": "1h" }), "an hour"),
        (json!({ "window": "31d", "durability": "process" }), "31 days, knowingly"),
        (
            json!({ "window": "month", "window_kind": null, "time_zone": "Europe/Berlin", "durability": "process" }),
            "a month of the calendar",
        ),
        (json!({ "limit": "principal.key.labels.plan == 'pro' ? 100 : 10" }), "a label that only some have"),
    ] {
        assert!(compiled(change).is_ok(), "{note}");
    }
}

#[test]
fn an_entry_says_what_it_may_hold() {
    for (change, want) in [
        (json!({ "limit": -1 }), "`-1` is negative; a limit is 0 or more"),
        (json!({ "limit": 1.5 }), "a whole number or a CEL expression"),
        (json!({ "window": "0s" }), "`0s` is not a window"),
        (json!({ "durability": "cluster" }), "unknown variant `cluster`"),
        (json!({ "burst": 3 }), "unknown field `burst`"),
        (json!({ "unit": "dollars" }), "unknown variant `dollars`"),
    ] {
        let entry = crate::policy::fixture::merged(
            json!({ "id": "q", "limit": 1, "window": "60s", "per": ["'a'"] }),
            change,
        );
        let error = serde_json::from_value::<crate::config::Quota>(entry).unwrap_err().to_string();
        assert!(error.contains(want), "{want}: {error}");
    }
}

#[test]
fn all_that_quotas_read_is_known() {
    let quotas =
        compiled(json!({ "per": ["principal.tenant"], "when": "llm.stream", "limit": "llm.max_tokens" }))
            .unwrap();
    for (variable, field, read) in [
        ("principal", "tenant", true),
        ("principal", "subject", true),
        ("llm", "stream", true),
        ("llm", "max_tokens", true),
        ("llm", "model", false),
    ] {
        assert_eq!(quotas.reads().field(variable, field), read, "{variable}.{field}");
    }
}
