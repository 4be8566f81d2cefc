//! What the service is told of what requests have cost.

use serde_json::json;

use super::{costing, envoy, left, report, requests, sent, sent_at, service, settle, sharing, tokens};
use crate::gateway::tests::{NOW_MS, Request, Scene};
use crate::gateway::{Call, Ending};
use crate::ledger::Store;
use crate::policy::fixture::merged;
use crate::quota::scripted::Scripted;

fn spent(envoy: &Scene, service: &Scripted, costs: &[u64]) {
    let calls: Vec<Call> = costs.iter().map(|_| sent(envoy, service)).collect();
    for (mut call, cost) in calls.into_iter().zip(costs) {
        settle(envoy, &mut call, costing(*cost));
    }
}

fn total(service: &Scripted) -> u64 {
    service.counted().values().sum()
}

#[test]
fn costs_are_added_up_per_counter() {
    let quota = tokens(json!({ "limit": 100_000, "reserve": 10, "per": ["request.headers['x-n']"] }));
    let (scene, service) = (envoy(&[quota]), Scripted::new(&[("t", 100_000, 2)]));
    for (name, times) in [("a", 30), ("b", 20)] {
        for _ in 0..times {
            let (mut call, _) = sent_at(&scene, &service, &Request::chat().with("x-n", name), NOW_MS);
            settle(&scene, &mut call, costing(7));
        }
    }
    assert_eq!(scene.memory.unreported().len(), 2);
    service.take_requests();
    assert_eq!(report(&scene, &service, NOW_MS), 1);
    let counted: Vec<u64> = service.counted().into_values().collect();
    assert_eq!((counted.iter().max(), counted.iter().min()), (Some(&210), Some(&140)));
    assert!(scene.memory.unreported().is_empty() && report(&scene, &service, NOW_MS) == 0);
}

#[test]
fn what_could_not_be_reported_is_owed_until_it_is() {
    let (scene, service) = (envoy(&[tokens(json!({}))]), service());
    spent(&scene, &service, &[100, 50]);
    let at = (&scene.store as &dyn Store, &scene.memory);
    for answer in [Err("gRPC status 14".to_owned()), Ok(b"\xff".as_slice()), Ok(b"".as_slice())] {
        let lost = scene.gateway.report_charges(&scene.memory, NOW_MS).unwrap();
        assert!(scene.memory.unreported().is_empty(), "it is on its way");
        assert!(scene.gateway.charges_reported((lost, NOW_MS), answer, at, NOW_MS).is_err());
    }
    assert_eq!(
        left(&sent(&scene, &service), "tokens").as_deref(),
        Some("450"),
        "it counts here all the same"
    );
    assert_eq!((report(&scene, &service, NOW_MS), total(&service)), (1, 150));
}

#[test]
fn money_is_told_in_whole_hits_and_the_rest_is_owed() {
    let prices = json!({ "version": "v1", "models": [{ "model": "gpt-4o", "input": 1, "output": 1 }] });
    let quota = requests(json!({ "id": "m", "unit": "microdollars", "limit": 1_000_000, "reserve": 1000 }));
    let scene = Scene::new(merged(sharing(&[quota]), json!({ "prices": prices })));
    let service = Scripted::new(&[("m", 10_000, 2)]);
    spent(&scene, &service, &[250]);
    assert_eq!((report(&scene, &service, NOW_MS), total(&service)), (1, 2), "200 of 250 microdollars");
    assert_eq!(report(&scene, &service, NOW_MS), 0);
    spent(&scene, &service, &[60]);
    assert_eq!((report(&scene, &service, NOW_MS), total(&service)), (1, 3), "of the 110 that were owed");
    assert_eq!(
        (report(&scene, &service, NOW_MS + 60_000), total(&service)),
        (1, 4),
        "10 have waited for long"
    );
    assert!(scene.memory.unreported().is_empty());
}

#[test]
fn a_counter_that_the_service_does_not_know_is_not_told_of_for_ever() {
    let (scene, known) = (envoy(&[tokens(json!({}))]), service());
    spent(&scene, &known, &[100]);
    let lost = scene.gateway.report_charges(&scene.memory, NOW_MS).unwrap();
    let answer = Scripted::default().answer(lost.message(), NOW_MS);
    let at = (&scene.store as &dyn Store, &scene.memory);
    let told = scene.gateway.charges_reported((lost, NOW_MS), Ok(&answer), at, NOW_MS);
    assert_eq!(told.unwrap_err(), "the service does not know 1 of the counters that it was told of");
    assert_eq!((scene.memory.unreported().take_dropped(), scene.memory.unreported().len()), (1, 0));
    assert_eq!(left(&sent(&scene, &known), "tokens").as_deref(), Some("600"));
}

#[test]
fn what_one_report_cannot_take_comes_with_the_next() {
    let quota = tokens(json!({ "limit": 100_000, "reserve": 10, "per": ["request.headers['x-n']"] }));
    let (scene, service) = (envoy(&[quota]), Scripted::new(&[("t", 100_000, 2)]));
    for number in 0..450 {
        let request = Request::chat().with("x-n", &number.to_string());
        let (mut call, _) = sent_at(&scene, &service, &request, NOW_MS);
        settle(&scene, &mut call, costing(1));
    }
    assert_eq!((report(&scene, &service, NOW_MS), total(&service)), (3, 450));
}

#[test]
fn a_configuration_that_is_over_reports_what_is_left_or_drops_it() {
    let (scene, service) = (envoy(&[tokens(json!({}))]), service());
    spent(&scene, &service, &[5]);
    scene.memory.unreported().close();
    scene.memory.unreported().discard();
    assert_eq!((scene.memory.unreported().take_dropped(), report(&scene, &service, NOW_MS)), (1, 0));
}

#[test]
fn a_call_that_nobody_saw_the_end_of_costs_what_it_held() {
    let (scene, service) = (envoy(&[tokens(json!({}))]), service());
    let mut call = sent(&scene, &service);
    let gone = Ending { answered_by: crate::audit::AnsweredBy::Nobody, usage: None, ..costing(0) };
    settle(&scene, &mut call, gone);
    assert_eq!((report(&scene, &service, NOW_MS), total(&service)), (1, 400));
}
