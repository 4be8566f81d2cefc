//! What is unusual about a call, as rules, quotas and the record see it.

use serde_json::{Value, json};

use super::reports::ending;
use super::{NOW_MS, Request, Scene, compile, rule};
use crate::anomaly::Anomaly;
use crate::denial::Reason;
use crate::gateway::{Call, Ending};
use crate::identity::signing::RawSigner;
use crate::ledger::MemoryStore;
use crate::policy::fixture::{key_entry, merged};

const PERIOD_MS: u64 = 60_000;

/// A configuration with this rule, and a caller whose past is long enough at once.
fn ruled(expression: &str) -> Value {
    json!({
        "client_address": "peer",
        "anomalies": { "warm_up": 1, "memory": 1, "least_requests": 1 },
        "policies": [rule(expression, json!({}))],
        "quotas": [],
        // One without networks of its own.
        "keys": [key_entry(1, json!({ "tenant": "acme" }))],
    })
}

/// Sends a call in this period, and ends it.
fn sent(scene: &Scene, request: &Request, period: u64) -> Call {
    let now_ms = NOW_MS.saturating_add(period.saturating_mul(PERIOD_MS));
    let (mut call, _) = scene.decide_at(request, now_ms);
    let mut ended = Ending { now_ms, ..ending() };
    scene.gateway.settle_call(&mut call, &mut ended, &scene.store, &scene.memory);
    call
}

fn from(address: &str, model: &str) -> Request {
    let mut request = Request::chat().body(&json!({ "model": model, "messages": [] }).to_string());
    request.connection.source_address = Some(address.to_owned());
    request
}

fn reason(call: &Call) -> Option<Reason> {
    call.denial().map(|denial| denial.reason())
}

#[test]
fn a_rule_refuses_a_burst_and_not_the_usual() {
    let scene = Scene::new(ruled("principal.anomaly.request_rate < 3.0"));
    for _ in 0..4 {
        assert_eq!(reason(&sent(&scene, &Request::chat(), 0)), None, "there is no baseline yet");
    }
    let passed = (0..20).filter(|_| reason(&sent(&scene, &Request::chat(), 1)).is_none()).count();
    assert_eq!(passed, 11, "of four in a period, less than three times as many");
}

#[test]
fn a_rule_refuses_a_new_model_and_a_new_network() {
    let scene = Scene::new(ruled("!principal.anomaly.new_model && !principal.anomaly.new_network"));
    let here = "192.0.2.7";
    for (address, model, period, want, note) in [
        (here, "gpt-4o", 0, None, "there is no baseline yet"),
        (here, "gpt-4o", 1, None, "as before"),
        (here, "o1", 1, Some(Reason::PolicyDenied), "another model"),
        (here, "o1", 1, None, "which is known by now"),
        ("203.0.113.9", "o1", 1, Some(Reason::PolicyDenied), "another network"),
        ("203.0.113.7", "o1", 1, None, "which is known by now"),
    ] {
        assert_eq!(reason(&sent(&scene, &from(address, model), period)), want, "{note}");
    }
}

#[test]
fn refusals_raise_the_share_of_them() {
    let scene = Scene::new(ruled("principal.anomaly.denial_share < 0.5 && llm.model != 'o1'"));
    for _ in 0..12 {
        assert_eq!(reason(&sent(&scene, &from("192.0.2.7", "o1"), 0)), Some(Reason::PolicyDenied));
    }
    let call = sent(&scene, &Request::chat(), 0);
    assert_eq!(reason(&call), Some(Reason::PolicyDenied), "what was allowed before is refused now");
    let record: Value = serde_json::from_str(&call.record(&ending())).unwrap();
    assert_eq!(record["claimgate.anomalies"], json!({ "denial_share": 1.0 }));
}

#[test]
fn nothing_of_a_rule_that_reads_it_is_remembered() {
    let scene = Scene::new(ruled("principal.anomaly.request_rate < 3.0"));
    let list = Request::new("GET", "/v1/models").keyed(1);
    assert_eq!(reason(&sent(&scene, &list, 0)), None);
    let passed: Vec<bool> = (0..4).map(|_| reason(&sent(&scene, &list, 1)).is_none()).collect();
    assert_eq!(passed, [true, true, false, false]);
}

#[test]
fn a_quota_reads_it_too() {
    let quota = json!({ "id": "q", "window": "60s", "per": ["'a'"],
        "limit": "principal.anomaly.new_network ? 0 : 100" });
    let scene = Scene::new(merged(ruled("true"), json!({ "quotas": [quota] })));
    assert_eq!(reason(&sent(&scene, &from("192.0.2.7", "gpt-4o"), 0)), None);
    let elsewhere = from("203.0.113.9", "gpt-4o");
    assert_eq!(reason(&sent(&scene, &elsewhere, 1)), Some(Reason::QuotaExceeded));
}

#[test]
fn a_past_that_cannot_be_kept_refuses_where_a_rule_reads_it() {
    for (expression, want) in
        [("principal.anomaly.request_rate < 3.0", Some(Reason::PolicyError)), ("true", None)]
    {
        let mut scene = Scene::new(ruled(expression));
        // Its pages are missing.
        scene.store = MemoryStore::new();
        assert_eq!(reason(&sent(&scene, &Request::chat(), 0)), want, "{expression}");
    }
}

#[test]
fn an_address_that_a_header_gave_is_not_believed() {
    let forged = Request::chat().through_port(Some(0));
    let scene = Scene::new(ruled("!principal.anomaly.new_network"));
    assert_eq!(reason(&sent(&scene, &forged, 0)), Some(Reason::ClientAddressUntrusted));
    assert_eq!(reason(&sent(&Scene::new(ruled("true")), &forged, 0)), None, "nobody reads it");
}

#[test]
fn a_call_is_as_unusual_as_a_script_says() {
    let scene = Scene::new(ruled("principal.anomaly.token_rate < 3.0"));
    let request = Request::chat();
    let mut call = scene.open(&request);
    call.assume_anomaly(Anomaly { token_rate: 3.0, ..Anomaly::NONE });
    scene.gateway.decide(&mut call, &scene.known(&request));
    assert_eq!(reason(&call), Some(Reason::PolicyDenied));
}

#[test]
fn what_a_rule_reads_must_be_told() {
    let signer = RawSigner::generate("k");
    let compiled = |expression: &str, section: &str, value: Value| {
        let mut config = ruled(expression);
        config[section] = value;
        compile(&signer, config).err()
    };
    let reading = "principal.anomaly.request_rate < 3.0";
    for (section, value, at, note) in [
        ("anomalies", Value::Null, Some("anomalies"), "a rule reads what is not told"),
        ("client_address", Value::Null, Some("client_address"), "whose networks?"),
        ("anomalies", json!({ "period": "1ms" }), Some("anomalies.period"), "too short"),
        ("anomalies", json!({}), None, "right"),
    ] {
        let error = compiled(reading, section, value);
        assert_eq!(error.map(|error| error.at).as_deref(), at, "{note}");
    }
    let whole = compiled("'tenant' in principal", "anomalies", Value::Null);
    assert_eq!(whole, None, "the principal as a whole is without it");
    let misspelt = compiled("principal.anomaly.rate < 3.0", "quotas", json!([])).unwrap();
    assert!(misspelt.why.contains("`principal.anomaly` has no field `rate`"), "{misspelt}");
}
