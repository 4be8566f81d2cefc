//! Calls that ask the service in one request.

use serde_json::json;

use super::{MINUTE, asked, batch, envoy, hear, need, requests, service};
use crate::gateway::tests::{NOW_MS, Request};
use crate::quota::scripted::Scripted;

#[test]
fn calls_that_ask_together_are_counted_as_if_each_had_come_alone() {
    let vip = requests(json!({
        "id": "vip", "limit": 2, "when": "has(request.headers.vip)", "per": ["request.headers.vip"],
    }));
    let scene = envoy(&[requests(json!({ "limit": 4 })), vip]);
    let service = Scripted::new(&[("r", 4, MINUTE), ("vip", 2, MINUTE)]);
    let requests = ["", "a", "a", "a", "", "b"].map(|vip| match vip {
        "" => Request::chat(),
        vip => Request::chat().with("vip", vip),
    });
    let mut calls: Vec<_> = requests.iter().map(|request| scene.open(request)).collect();
    let mut asking: Vec<_> =
        requests.iter().zip(&mut calls).map(|(request, call)| (asked(&scene, call, request), call)).collect();
    hear(&scene, &service, &mut asking, NOW_MS);
    assert_eq!(service.take_requests(), 1);
    let rules: Vec<_> = requests
        .iter()
        .zip(&mut calls)
        .map(|(request, call)| {
            need(&scene, call, request);
            call.denial().and_then(|denial| denial.rule()).map(str::to_owned)
        })
        .collect();
    let by = |rule: &str| Some(rule.to_owned());
    assert_eq!(
        rules,
        [None, None, None, by("vip"), by("r"), by("r")],
        "the third of `a`, then the limit of all"
    );
    assert_eq!(service.counted().values().sum::<u64>(), 6 + 4, "each counter, once for each call");
}

#[test]
fn an_answer_for_fewer_calls_than_asked_is_none_for_any() {
    let (scene, service, request) = (envoy(&[requests(json!({}))]), service(), Request::chat());
    let asks: Vec<_> = (0..2).map(|_| asked(&scene, &mut scene.open(&request), &request)).collect();
    let (one, both) = (batch(&scene, asks.iter().take(1)), batch(&scene, asks.iter()));
    let answer = service.answer(one.message(), NOW_MS);
    assert_eq!(one.read(&answer, NOW_MS).unwrap().len(), 1);
    assert_eq!(
        both.read(&answer, NOW_MS).unwrap_err(),
        "the answer tells of 1 counters, and 2 were asked for"
    );
}
