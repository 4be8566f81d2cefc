//! What a call holds of quotas, and what it is charged when it is over.

use serde_json::{Value, json};

use super::reports::ending;
use super::{NOW_MS, Request, Scene};
use crate::audit::AnsweredBy;
use crate::denial::Reason;
use crate::dialect::Counts;
use crate::gateway::Ending;
use crate::meter::Usage;
use crate::policy::fixture::merged;

pub(super) fn tokens(change: Value) -> Value {
    let plain = json!({ "id": "tokens", "unit": "tokens", "limit": 1000, "reserve": 400, "window": "60s", "per": ["'a'"] });
    // So that a body is read only where a rule reads it.
    json!({ "quotas": [merged(plain, change)], "metering": { "stream_usage": "as_asked" } })
}

/// A quota in money, and a model that has a price.
pub(super) fn money() -> Value {
    let prices = json!({ "version": "v1", "models": [{ "model": "gpt-4o", "input": 1, "output": 2 }] });
    merged(tokens(json!({ "unit": "microdollars" })), json!({ "prices": prices }))
}

/// The end of a call whose answer says that it cost `total`.
pub(super) fn costing(total: u64, is_complete: bool) -> Ending {
    let counts = Counts { input: Some(0), output: Some(total), total: Some(total), ..Counts::default() };
    let usage = Usage { counts, is_complete, ..Usage::default() };
    Ending { usage: Some(usage), now_ms: NOW_MS, ..ending() }
}

/// Sends `request`, which ends so, and returns what was left after it was let through.
fn sent(scene: &Scene, request: &Request, ending: &Ending) -> Option<String> {
    let (mut call, _) = scene.decide(request);
    let patch = call.answer_patch(std::iter::empty(), NOW_MS);
    // Once is enough.
    for _ in 0..2 {
        scene.gateway.settle_call(&mut call, &mut ending.clone(), &scene.store, &scene.memory);
    }
    super::setting(&patch, "x-ratelimit-remaining-tokens")
}

fn left(scene: &Scene) -> Option<String> {
    sent(scene, &Request::chat().body(""), &Ending { usage: None, now_ms: NOW_MS, ..ending() })
}

#[test]
fn a_call_is_charged_what_its_answer_says() {
    for (ended, charged, note) in [
        (costing(150, true), 150, "all that it says"),
        (costing(150, false), 400, "a part of what it may have cost"),
        (Ending { usage: None, ..ending() }, 0, "a refusal, or no answer"),
        (
            Ending { usage: None, answered_by: AnsweredBy::Nobody, ..ending() },
            400,
            "the caller left before the answer",
        ),
    ] {
        let scene = Scene::new(tokens(json!({})));
        assert_eq!(sent(&scene, &Request::chat(), &ended).as_deref(), Some("600"), "{note}");
        assert_eq!(left(&scene), Some((600 - charged).to_string()), "{note}");
    }
}

/// What the record says was charged, by quota.
fn charged(scene: &Scene, ended: &Ending) -> Vec<(String, String, u64)> {
    let (mut call, _) = scene.decide(&Request::chat());
    let mut ended = ended.clone();
    scene.gateway.settle_call(&mut call, &mut ended, &scene.store, &scene.memory);
    let record: Value = serde_json::from_str(&call.record(&ended)).unwrap();
    let items = record.get("claimgate.charged").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let item = |item| (text(item, "quota"), text(item, "unit"), item["amount"].as_u64().unwrap());
    items.iter().map(item).collect()
}

#[test]
fn the_record_tells_what_each_quota_was_charged() {
    let plain = json!({ "window": "60s", "per": ["'a'"], "limit": 4000 });
    let quota = |id: &str, change: Value| merged(merged(plain.clone(), json!({ "id": id })), change);
    let scene = Scene::new(json!({ "metering": { "stream_usage": "as_asked" }, "quotas": [
        quota("all", json!({})),
        quota("in-flight", json!({ "unit": "concurrency", "window": null })),
        quota("tokens", json!({ "unit": "tokens", "reserve": 400 })),
        quota("watched", json!({ "mode": "shadow", "unit": "output_tokens", "reserve": 10 })),
        quota("elsewhere", json!({ "when": "llm.operation == 'embeddings'" })),
    ] }));
    let nobody = Ending { usage: None, answered_by: AnsweredBy::Nobody, ..ending() };
    for (ended, tokens, watched, note) in [
        (costing(150, true), 150, 150, "all that the answer says"),
        (costing(150, false), 400, 150, "what was seen of it, and at least what was held"),
        (Ending { usage: None, ..ending() }, 0, 0, "a refusal of the provider's"),
        (nobody, 400, 10, "the caller left before the answer"),
    ] {
        let want =
            [("all", "requests", 1), ("tokens", "tokens", tokens), ("watched", "output_tokens", watched)];
        let want = want.map(|(quota, unit, amount)| (quota.to_owned(), unit.to_owned(), amount));
        assert_eq!(charged(&scene, &ended), want, "{note}");
    }
}

#[test]
fn a_call_that_was_refused_is_charged_nothing() {
    let quotas = json!([{ "id": "none", "limit": 0, "window": "60s", "per": ["'a'"] }]);
    assert_eq!(charged(&Scene::new(json!({ "quotas": quotas })), &ending()), []);
}

#[test]
fn a_stream_that_breaks_off_is_charged_by_its_events() {
    let streamed = |events: u64, stated: Option<u64>| {
        let mut ended = costing(0, false);
        let usage = ended.usage.as_mut().unwrap();
        usage.counts = Counts { output: stated, total: stated, ..Counts::default() };
        usage.events = events;
        ended
    };
    for (ended, charged, note) in [
        (streamed(3, None), 400, "fewer events than it held"),
        (streamed(500, None), 500, "more events than it held"),
        (streamed(500, Some(550)), 550, "what it said itself"),
    ] {
        let scene = Scene::new(tokens(json!({})));
        sent(&scene, &Request::chat(), &ended);
        assert_eq!(left(&scene), Some((600 - charged).to_string()), "{note}");
    }
}

#[test]
fn what_envoy_answers_costs_something_where_the_provider_may_have_done_the_work() {
    for (status, details, charged) in [
        (504, "upstream_response_timeout", 400),
        (503, "upstream_reset_before_response_started{connection_termination}", 400),
        (503, "upstream_reset_before_response_started{remote_connection_failure}", 0),
        (503, "no_healthy_upstream", 0),
    ] {
        let scene = Scene::new(tokens(json!({})));
        let (mut call, _) = scene.decide(&Request::chat());
        call.answer_for_envoy(status, details);
        let mut ended = Ending { usage: None, answered_by: AnsweredBy::Envoy, ..ending() };
        scene.gateway.settle_call(&mut call, &mut ended, &scene.store, &scene.memory);
        assert_eq!(left(&scene), Some((600 - charged).to_string()), "{details}");
    }
}

#[test]
fn a_call_that_is_refused_under_way_is_charged_all_the_same() {
    let scene = Scene::new(tokens(json!({})));
    let (mut call, _) = scene.decide(&Request::chat());
    scene.gateway.refuse(&mut call, Reason::RouteChanged);
    scene.gateway.settle_call(&mut call, &mut costing(70, true), &scene.store, &scene.memory);
    assert_eq!(left(&scene).as_deref(), Some("530"));
}

#[test]
fn a_body_that_is_read_anyway_tells_what_it_asks_for() {
    let rules = json!({ "policies": [super::rule("llm.model == 'gpt-4o'", json!({}))] });
    let scene = Scene::new(merged(tokens(json!({})), rules));
    let body = r#"{"model":"gpt-4o","max_tokens":100,"messages":[]}"#;
    let request = Request::chat().body(body);
    let estimate = 100 + body.len() / 4;
    assert_eq!(sent(&scene, &request, &costing(0, true)), Some((1000 - estimate).to_string()));
}

#[test]
fn a_quota_of_model_tokens_needs_metering() {
    let ignored = json!({ "metering": { "usage": "ignore" } });
    let signer = crate::identity::signing::RawSigner::generate("k");
    let error = super::compile(&signer, merged(tokens(json!({})), ignored.clone())).unwrap_err();
    assert_eq!(error.at, "metering.usage");
    assert!(super::compile(&signer, ignored).is_ok(), "requests are counted without");
}

#[test]
fn money_is_counted_by_the_price_of_the_model_that_answered() {
    let prices = |unpriced: &str| {
        json!({ "version": "v1", "unpriced": unpriced, "models": [
            { "model": "gpt-4o", "input": 1, "output": 2 }, { "model": "gpt-4o-2024*", "input": 1, "output": 10 },
        ] })
    };
    let money = |unpriced| {
        merged(
            tokens(json!({ "unit": "microdollars", "reserve": 400 })),
            json!({ "prices": prices(unpriced) }),
        )
    };
    let answered_by = |model: Option<&str>| {
        let mut ended = costing(30, true);
        ended.usage.as_mut().unwrap().model = model.map(str::to_owned);
        ended
    };
    for (unpriced, model, answered, want, cost, note) in [
        ("deny", "gpt-4o", Some("gpt-4o-2024-08-06"), None, Some(300), "the model that answered"),
        ("deny", "gpt-4o", Some("other"), None, Some(60), "the one asked for, where that one has no price"),
        ("deny", "gpt-4o", None, None, Some(60), "where the answer names none"),
        ("deny", "o1", None, Some(Reason::ModelUnpriced), None, "one without a price"),
        ("flag", "o1", None, None, None, "one without a price, let through"),
    ] {
        let scene = Scene::new(money(unpriced));
        let request = Request::chat().body(&json!({ "model": model, "messages": [] }).to_string());
        let (mut call, _) = scene.decide(&request);
        assert_eq!(call.denial().map(|denial| denial.reason()), want, "{note}");
        if want.is_some() {
            continue;
        }
        let mut ended = answered_by(answered);
        scene.gateway.settle_call(&mut call, &mut ended, &scene.store, &scene.memory);
        let record: Value = serde_json::from_str(&call.record(&ended)).unwrap();
        assert_eq!(record["claimgate.cost.microdollars"].as_u64(), cost, "{note}");
        assert_eq!(record["claimgate.cost.price_version"], "v1", "{note}");
        assert_eq!(record["claimgate.cost.unpriced"], if cost.is_none() { json!(true) } else { Value::Null });
    }
    let signer = crate::identity::signing::RawSigner::generate("k");
    let error = super::compile(&signer, tokens(json!({ "unit": "microdollars" }))).unwrap_err();
    assert_eq!(error.at, "prices");
}

#[test]
fn what_entered_a_price_is_in_the_record() {
    let prices = json!({ "version": "v1", "models": [
        { "model": "gpt-4o", "input": 1, "output": 2, "tiers": { "flex": 0.5 }, "calls": { "web_search": 10 } },
        { "model": "helper", "input": 1, "output": 100 },
        { "model": "gpt-4o", "input": 1, "output": 20, "upstreams": ["eu"] },
    ] });
    let upstreams = json!([
        { "cluster": "openai", "dialect": "openai", "tenant": "acme", "credential": { "env": "ACME" } },
        { "cluster": "eu", "dialect": "openai", "tenant": "acme", "credential": { "env": "ACME" }, "price_multiplier": 1.1 },
    ]);
    let scene = Scene::new(merged(
        tokens(json!({ "unit": "microdollars", "limit": 1_000_000 })),
        json!({ "prices": prices, "upstreams": upstreams }),
    ));
    let mut served = costing(100, true);
    let usage = served.usage.as_mut().unwrap();
    usage.tier = Some("flex".to_owned());
    usage.counts.calls.set(crate::dialect::PaidCall::WebSearch, 2);
    let took = Counts { output: Some(10), total: Some(10), ..Counts::default() };
    usage.others = vec![crate::dialect::Run { model: "helper".to_owned(), counts: took }];
    for (cluster, cost, multiplier, note) in [
        (
            "openai",
            90 + 1000 + 20_000,
            Value::Null,
            "half of 90 times 2, the other model's 10, and two searches",
        ),
        ("eu", 3080, json!(1.1), "90 times 20 and 10 times 100, and a tenth more"),
    ] {
        let (mut call, _) = scene.decide(&Request::chat().to(Some(cluster)));
        let mut ended = served.clone();
        scene.gateway.settle_call(&mut call, &mut ended, &scene.store, &scene.memory);
        let record: Value = serde_json::from_str(&call.record(&ended)).unwrap();
        assert_eq!(record["claimgate.cost.microdollars"], cost, "{note}");
        assert_eq!(record["claimgate.cost.multiplier"], multiplier, "{note}");
        assert_eq!(record["claimgate.usage.service_tier"], "flex");
        assert_eq!(record["claimgate.usage.calls"], json!({ "web_search": 2 }));
        let others = json!([{ "model": "helper", "output_tokens": 10 }]);
        assert_eq!(record["claimgate.usage.other_models"], others);
        assert_eq!(record["claimgate.charged"][0]["amount"], cost, "the quota is charged the same");
    }
    let unknown = json!({ "version": "v1", "models": [
        { "model": "a", "input": 1, "output": 2 }, { "model": "b", "input": 1, "output": 2, "upstreams": ["nowhere"] },
    ] });
    let signer = crate::identity::signing::RawSigner::generate("k");
    let error = super::compile(&signer, json!({ "prices": unknown })).unwrap_err();
    assert_eq!(error.at, "prices.models[1].upstreams");
}
