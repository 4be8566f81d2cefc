//! What becomes of requests while the service says nothing, or what cannot be relied on.

use serde_json::{Value, json};

use super::{
    MINUTE, asked, batch, costing, envoy, left, need, report, requests, sent, sent_at, service, settle,
    tokens,
};
use crate::denial::Reason;
use crate::gateway::Call;
use crate::gateway::tests::reports::ending;
use crate::gateway::tests::{NOW_MS, Request, Scene};
use crate::quota::scripted::{Scripted, saying};

/// A request to which the service answers so.
fn answered(envoy: &Scene, answer: Result<&[u8], String>) -> Call {
    let request = Request::chat();
    let mut call = envoy.open(&request);
    let ask = asked(envoy, &mut call, &request);
    let batch = batch(envoy, std::iter::once(&ask));
    let answers = answer.and_then(|answer| batch.read(answer, NOW_MS));
    envoy.gateway.take_limits(&mut call, answers.map(|mut answers| answers.remove(0)));
    need(envoy, &mut call, &request);
    call
}

fn lost(envoy: &Scene) -> Call {
    answered(envoy, Err("gRPC status 14".to_owned()))
}

fn reason(call: &Call) -> Option<Reason> {
    call.denial().map(|denial| denial.reason())
}

fn counted_alone(call: &Call) -> Value {
    let record: Value = serde_json::from_str(&call.record(&ending())).unwrap();
    record["claimgate.counted_alone"].clone()
}

#[test]
fn an_answer_that_is_none_is_a_failure() {
    for (answer, note) in [
        (Err("gRPC status 14".to_owned()), "none at all"),
        (Ok(b"\xff\xff\xff".to_vec()), "no message"),
        (Ok(Vec::new()), "a message that says nothing"),
        (Ok(saying(1, 2)), "of more counters than were asked for"),
        (Ok(saying(0, 1)), "neither yes nor no"),
        (Ok(saying(9, 1)), "a word of another protocol"),
    ] {
        for quota in [requests, tokens] {
            let strict = envoy(&[quota(json!({}))]);
            let call = answered(&strict, answer.as_deref().map_err(Clone::clone));
            assert_eq!(reason(&call), Some(Reason::QuotaUnavailable), "{note}");
            let told = call.denial().unwrap().note().unwrap().to_owned();
            assert!(told.starts_with("the rate limit service: "), "{note}: {told}");
            let lenient = envoy(&[quota(json!({ "on_failure": "local" }))]);
            let call = answered(&lenient, answer.as_deref().map_err(Clone::clone));
            assert_eq!(reason(&call), None, "{note}");
        }
    }
}

#[test]
fn what_the_service_does_not_know_refuses_whatever_may_be_done_on_failure() {
    let hourly = Scripted::new(&[("r", 5, super::HOUR), ("t", 5, super::HOUR)]);
    for (service, want) in [
        (Scripted::default(), "the service has no limit for this quota"),
        (hourly, "the service does not count this quota by the minute"),
    ] {
        for quota in [requests(json!({ "on_failure": "local" })), tokens(json!({ "on_failure": "local" }))] {
            let call = sent(&envoy(&[quota]), &service);
            let denial = call.denial().unwrap();
            assert_eq!((denial.reason(), denial.note()), (Reason::QuotaUnconfigured, Some(want)));
            let answer = call.answer().unwrap();
            assert!(answer.headers.contains(&("x-should-retry".to_owned(), "false".to_owned())));
        }
    }
}

#[test]
fn a_quota_that_the_service_does_not_limit_passes() {
    let unlimited = Scripted::default().unlimited("r").unlimited("t");
    let scene = envoy(&[requests(json!({})), tokens(json!({}))]);
    let mut call = sent(&scene, &unlimited);
    assert_eq!((reason(&call), left(&call, "requests")), (None, None));
    settle(&scene, &mut call, costing(99));
    assert_eq!(report(&scene, &unlimited, NOW_MS), 0, "there is nothing to tell");
}

#[test]
fn an_envoy_that_is_left_alone_counts_under_the_same_limit() {
    let local = || json!({ "on_failure": "local" });
    let (scene, service) = (envoy(&[requests(local())]), service());
    let calls: Vec<Call> = (0..7).map(|_| lost(&scene)).collect();
    assert_eq!(calls.iter().filter(|call| reason(call).is_none()).count(), 5);
    let refused = calls[6].denial().unwrap();
    let note = "no rate limit service answered, so this Envoy counts alone";
    assert_eq!((refused.reason(), refused.note()), (Reason::QuotaExceeded, Some(note)));
    assert_eq!(counted_alone(&calls[0]), json!(["r"]));
    // The service is back: it is told, and asked again.
    assert_eq!((report(&scene, &service, NOW_MS), service.counted().values().sum::<u64>()), (1, 5));
    let (call, _) = sent_at(&scene, &service, &Request::chat(), NOW_MS);
    assert_eq!(reason(&call), Some(Reason::QuotaExceeded));
    assert!(counted_alone(&call).is_null());
}

#[test]
fn an_envoy_that_is_left_alone_goes_on_from_what_it_heard_last() {
    let (scene, service) = (envoy(&[tokens(json!({ "on_failure": "local" }))]), service());
    let other = envoy(&[tokens(json!({}))]);
    let mut elsewhere = sent(&other, &service);
    settle(&other, &mut elsewhere, costing(500));
    report(&other, &service, NOW_MS);
    let mut heard = sent(&scene, &service);
    assert_eq!(left(&heard, "tokens").as_deref(), Some("100"));
    settle(&scene, &mut heard, costing(0));
    let mut alone = lost(&scene);
    assert_eq!(left(&alone, "tokens").as_deref(), Some("100"), "of the 500 that were left then");
    settle(&scene, &mut alone, costing(300));
    assert_eq!(reason(&lost(&scene)), Some(Reason::QuotaExceeded), "200 are left");
    assert_eq!((report(&scene, &service, NOW_MS), service.counted().values().sum::<u64>()), (1, 800));
}

#[test]
fn one_quota_may_fail_strictly_beside_one_that_does_not() {
    let (strict, lenient) = (tokens(json!({})), requests(json!({ "on_failure": "local", "limit": 1 })));
    let scene = envoy(&[lenient, strict]);
    for _ in 0..3 {
        let call = lost(&scene);
        assert_eq!(call.denial().and_then(|denial| denial.rule()), Some("t"));
    }
    let open = Scripted::new(&[("r", 1, MINUTE), ("t", 1000, MINUTE)]);
    assert!(sent(&scene, &open).denial().is_none());
    assert_eq!(report(&scene, &open, NOW_MS), 0, "what was counted alone and refused is not reported");
}
