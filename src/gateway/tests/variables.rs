//! Named expressions, and the labels of records, over whole calls.

use serde_json::{Value, json};

use super::reports::ending;
use super::{Request, Scene, compiled, rule};
use crate::denial::Reason;

fn labels(scene: &Scene, request: &Request) -> Value {
    let (mut call, _) = scene.decide(request);
    let mut ending = ending();
    scene.gateway.settle_call(&mut call, &mut ending, &scene.store, &scene.memory);
    let record: Value = serde_json::from_str(&call.record(&ending)).unwrap();
    let labels = record["claimgate.labels"].clone();
    let is_long = |text: &Value| text.as_str().unwrap().len() > 1000;
    let has_long = labels.as_object().is_some_and(|labels| labels.values().any(is_long));
    assert_eq!(record["claimgate.cut"] == json!(["claimgate.labels"]), has_long);
    labels
}

#[test]
fn what_a_variable_reads_decides_as_if_the_rule_read_it() {
    let scene = Scene::new(json!({
        "variables": { "team": "principal.claims.team", "small": "llm.model.glob('*-mini')" },
        "policies": [rule("variables.small || variables.team == 'research'", json!({}))],
        "quotas": [],
    }));
    let token = |team: &str| scene.token(json!({ "team": team }));
    for (credential, model, want, note) in [
        (token("research"), "gpt-4o", None, "the team by its claim"),
        (
            token("sales"),
            "gpt-4o",
            Some(Reason::PolicyDenied),
            "another claim, and nothing else: not remembered as the first",
        ),
        (token("sales"), "gpt-4o-mini", None, "the model by the body"),
        (scene.token(json!({})), "gpt-4o", Some(Reason::PolicyError), "a team that is not there is an error"),
        (token("research"), "gpt-4o", None, "again"),
    ] {
        let body = json!({ "model": model, "messages": [] }).to_string();
        assert_eq!(scene.refusal(&Request::bearing(&credential).body(&body)), want, "{note}");
    }
}

#[test]
fn a_quota_counts_by_a_variable() {
    let quota = json!({ "id": "q", "limit": "variables.room", "window": "60s", "per": ["variables.team"] });
    let scene = Scene::new(json!({
        "variables": { "team": "principal.claims.team", "room": "variables.team == 'research' ? 2 : 1" },
        "quotas": [quota],
    }));
    let refusals = |team: &str| {
        let request = Request::bearing(&scene.token(json!({ "team": team })));
        (0..3).filter(|_| scene.refusal(&request) == Some(Reason::QuotaExceeded)).count()
    };
    assert_eq!((refusals("research"), refusals("sales")), (1, 2));
}

#[test]
fn a_record_tells_what_the_operator_has_it_tell() {
    let scene = Scene::new(json!({
        "variables": { "team": "principal.claims.team" },
        "record": { "labels": {
            "cost_center": "request.headers['x-cost-center']",
            "team": "variables.team",
            "seats": "principal.claims.seats * 2",
            "is_app": "has(principal.client)",
        } },
        "quotas": [],
    }));
    let asked = json!({ "record": { "labels": { "case": "request.body.metadata.case", "model": "llm.model" } }, "quotas": [] });
    let request = Request::chat().body(r#"{"model":"m","metadata":{"case":"c-1"}}"#);
    let want = json!({ "case": "c-1", "model": "m" });
    assert_eq!(labels(&Scene::new(asked), &request), want, "the body is read for them");

    let token = scene.token(json!({ "team": "research", "seats": 3 }));
    let request = Request::bearing(&token).with("x-cost-center", "4711");
    let all = json!({ "cost_center": "4711", "team": "research", "seats": "6", "is_app": "false" });
    assert_eq!(labels(&scene, &request), all);
    assert_eq!(
        labels(&scene, &Request::chat()),
        json!({ "is_app": "false" }),
        "what has no value is left out"
    );
    assert_eq!(labels(&scene, &Request::bearing("cgk_unknown")), Value::Null, "nobody is known");
    let long = labels(&scene, &request.with("x-cost-center", &"x".repeat(5000)));
    assert!(long["cost_center"].as_str().unwrap().len() <= 1024, "as long as any text of a record");
}

#[test]
fn what_cannot_be_named_or_told_is_an_error_with_its_place() {
    for (change, want) in [
        (
            json!({ "variables": { "team": "principal.clams" } }),
            "variables.team: `principal` has no field `clams`",
        ),
        (json!({ "variables": { "team": "source.address + 1" } }), "variables.team: "),
        (json!({ "variables": { "a-b": "1" } }), "variables.a-b: an expression cannot read this name"),
        (
            json!({ "record": { "labels": { "team": "variables.team" } } }),
            "record.labels.team: `variables` has no field `team`",
        ),
        (
            json!({ "record": { "labels": { "scopes": "principal.scopes" } } }),
            "record.labels.scopes: the expression gives `list`",
        ),
        (json!({ "record": { "labels": { "a b": "1" } } }), "record.labels.a b: write letters"),
        (
            json!({ "client_address": null, "keys": [], "record": { "labels": { "from": "source.address" } } }),
            "client_address: a rule, a quota or a label reads `source`",
        ),
    ] {
        let error = compiled(change).unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}");
    }
}
