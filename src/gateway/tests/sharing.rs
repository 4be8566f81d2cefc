//! Quotas that the rate limit service counts for several Envoys: what it is asked, what comes of its answers and of its
//! silence, and what it is told.

mod failing;
mod reporting;
mod together;

use serde_json::{Value, json};

use super::reports::ending;
use super::{NOW_MS, Request, Scene, setting};
use crate::audit::AnsweredBy;
use crate::denial::Reason;
use crate::gateway::{Call, Ending, Known, Need, Outcome, Patience};
use crate::ledger::Store;
use crate::policy::fixture::{merged, moment};
use crate::quota::scripted::Scripted;
use crate::quota::{Ask, Batch};

const MINUTE: i32 = 2;
const HOUR: i32 = 3;

/// A quota of five requests a minute for all.
fn requests(change: Value) -> Value {
    let plain = json!({
        "id": "r", "engine": "global", "limit": 5, "window": "60s", "window_kind": "fixed", "per": ["'all'"],
    });
    merged(plain, change)
}

/// A quota of a thousand model tokens a minute for all, of which one request holds at most 400.
fn tokens(change: Value) -> Value {
    requests(merged(json!({ "id": "t", "unit": "tokens", "limit": 1000, "reserve": 400 }), change))
}

fn sharing(quotas: &[Value]) -> Value {
    json!({
        "quotas": quotas, "rate_limit_service": { "cluster": "rate-limit" },
        // So that a body is read only where a rule reads it.
        "metering": { "stream_usage": "as_asked" },
    })
}

fn envoy(quotas: &[Value]) -> Scene {
    Scene::new(sharing(quotas))
}

/// The service as the file for these quotas has it.
fn service() -> Scripted {
    Scripted::new(&[("r", 5, MINUTE), ("t", 1000, MINUTE)])
}

/// Sends a request, and asks `service` whatever is to be asked, with `now_ms` on both clocks.
fn sent_at(envoy: &Scene, service: &Scripted, request: &Request, now_ms: u64) -> (Call, Outcome) {
    let mut call = envoy.open(request);
    let known = Known { moment: moment(now_ms), ..envoy.known(request) };
    loop {
        match envoy.gateway.decide(&mut call, &known) {
            Outcome::Need(Need::RateLimit(ask)) => hear(envoy, service, &mut [(ask, &mut call)], now_ms),
            outcome => return (call, outcome),
        }
    }
}

/// Asks `service` for all of these calls at once.
fn hear(envoy: &Scene, service: &Scripted, asking: &mut [(Ask, &mut Call)], now_ms: u64) {
    let batch = batch(envoy, asking.iter().map(|(ask, _)| ask));
    let answers = batch.read(&service.answer(batch.message(), now_ms), now_ms).unwrap();
    assert_eq!(answers.len(), asking.len());
    for ((_, call), answer) in asking.iter_mut().zip(answers) {
        envoy.gateway.take_limits(call, Ok(answer));
    }
}

fn batch<'a>(envoy: &Scene, asks: impl Iterator<Item = &'a Ask> + Clone) -> Batch {
    Batch::of(envoy.gateway.rate_limit_service().unwrap(), asks)
}

fn sent(envoy: &Scene, service: &Scripted) -> Call {
    sent_at(envoy, service, &Request::chat(), NOW_MS).0
}

fn passes(envoy: &Scene, service: &Scripted) -> bool {
    sent(envoy, service).denial().is_none()
}

/// What the caller is told is left.
fn left(call: &Call, of: &str) -> Option<String> {
    setting(&call.answer_patch(std::iter::empty(), NOW_MS), &format!("x-ratelimit-remaining-{of}"))
}

/// The end of a call whose answer says that it cost `total`.
fn costing(total: u64) -> Ending {
    super::spending::costing(total, true)
}

fn settle(envoy: &Scene, call: &mut Call, ending: Ending) {
    envoy.gateway.settle_call(call, &mut ending.clone(), &envoy.store, &envoy.memory);
}

/// Reports what is owed; how many requests that took.
fn report(envoy: &Scene, service: &Scripted, now_ms: u64) -> usize {
    let next = || {
        let report = envoy.gateway.report_charges(&envoy.memory, now_ms)?;
        let answer = service.answer(report.message(), now_ms);
        let at = (&envoy.store as &dyn Store, &envoy.memory);
        envoy.gateway.charges_reported((report, now_ms), Ok(&answer), at, now_ms).unwrap();
        Some(())
    };
    std::iter::from_fn(next).count()
}

fn need(envoy: &Scene, call: &mut Call, request: &Request) -> Outcome {
    envoy.gateway.decide(call, &envoy.known(request))
}

/// What the call asks the service.
fn asked(envoy: &Scene, call: &mut Call, request: &Request) -> Ask {
    match need(envoy, call, request) {
        Outcome::Need(Need::RateLimit(ask)) => ask,
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_are_counted_for_all_envoys_at_once() {
    let (one, other, service) = (envoy(&[requests(json!({}))]), envoy(&[requests(json!({}))]), service());
    for (envoy, want) in [(&one, "4"), (&other, "3"), (&other, "2"), (&one, "1"), (&other, "0")] {
        assert_eq!(left(&sent(envoy, &service), "requests").as_deref(), Some(want));
    }
    for envoy in [&one, &other] {
        let call = sent(envoy, &service);
        let denial = call.denial().unwrap();
        assert_eq!((denial.reason(), denial.rule()), (Reason::QuotaExceeded, Some("r")));
        let answer = call.answer().unwrap();
        let header = |name: &str| answer.headers.iter().find(|(other, _)| other == name).unwrap().1.clone();
        assert_eq!(
            (header("retry-after"), header("x-ratelimit-remaining-requests")),
            ("60".into(), "0".into())
        );
    }
    assert_eq!(service.take_requests(), 7, "one question each");
    assert_eq!(report(&one, &service, NOW_MS), 0, "and nothing to tell");
    let (next, _) = sent_at(&one, &service, &Request::chat(), NOW_MS + 60_000);
    assert_eq!(left(&next, "requests").as_deref(), Some("4"), "a minute later");
}

#[test]
fn model_tokens_are_held_here_and_reported_when_they_are_known() {
    let (one, other, service) = (envoy(&[tokens(json!({}))]), envoy(&[tokens(json!({}))]), service());
    let mut first = sent(&one, &service);
    assert_eq!(left(&first, "tokens").as_deref(), Some("600"));
    let second = sent(&one, &service);
    assert_eq!(left(&second, "tokens").as_deref(), Some("200"));
    assert!(!passes(&one, &service), "there is no room for a third beside these two");
    assert_eq!(service.counted().values().sum::<u64>(), 0, "asking costs nothing");
    settle(&one, &mut first, costing(150));
    assert_eq!(left(&sent(&one, &service), "tokens").as_deref(), Some("50"), "what it cost is owed");
    assert_eq!(
        left(&sent(&other, &service), "tokens").as_deref(),
        Some("600"),
        "the other knows nothing of it"
    );
    assert_eq!(report(&one, &service, NOW_MS), 1);
    assert_eq!(service.counted().values().sum::<u64>(), 150);
    assert_eq!(left(&sent(&other, &service), "tokens").as_deref(), Some("50"), "now it does");
}

#[test]
fn an_answer_serves_further_requests_as_long_as_it_is_fresh() {
    for quota in
        [requests(json!({ "fresh_for": "1s" })), tokens(json!({ "fresh_for": "1s", "reserve": 200 }))]
    {
        let (one, service) = (envoy(std::slice::from_ref(&quota)), service());
        let passing = (0..10).filter(|_| passes(&one, &service)).count();
        assert_eq!((passing, service.take_requests()), (5, 1), "{quota}");
        sent_at(&one, &service, &Request::chat(), NOW_MS + 999);
        assert_eq!(service.take_requests(), 0);
        sent_at(&one, &service, &Request::chat(), NOW_MS + 1001);
        assert_eq!(service.take_requests(), 1, "it is too old");
    }
    // What was spent without a question is reported like all else.
    let (one, service) = (envoy(&[requests(json!({ "fresh_for": "1s" }))]), service());
    (0..3).for_each(|_| assert!(passes(&one, &service)));
    assert_eq!((report(&one, &service, NOW_MS), service.counted().values().sum::<u64>()), (1, 3));
}

#[test]
fn what_the_service_refuses_costs_nothing_in_the_quotas_of_this_envoy() {
    let own = json!({ "id": "own", "limit": 3, "window": "60s", "per": ["'all'"] });
    let held = json!({ "id": "held", "unit": "tokens", "limit": 900, "reserve": 400, "window": "60s", "per": ["'all'"] });
    let scene = envoy(&[requests(json!({})), own, held]);
    let full = Scripted::new(&[("r", 0, MINUTE)]);
    for _ in 0..5 {
        let call = sent(&scene, &full);
        assert_eq!(call.denial().and_then(|denial| denial.rule()), Some("r"));
    }
    assert_eq!(full.take_requests(), 5);
    let open = service();
    let call = sent(&scene, &open);
    assert_eq!((left(&call, "requests"), left(&call, "tokens")), (Some("2".into()), Some("500".into())));
}

#[test]
fn where_a_quota_of_this_envoy_refuses_nobody_is_asked() {
    let own = json!({ "id": "own", "limit": 1, "window": "60s", "per": ["'all'"] });
    let (scene, service) = (envoy(&[requests(json!({})), own]), service());
    assert!(passes(&scene, &service));
    for _ in 0..3 {
        let call = sent(&scene, &service);
        assert_eq!(call.denial().and_then(|denial| denial.rule()), Some("own"));
    }
    assert_eq!((service.take_requests(), service.counted().values().sum::<u64>()), (1, 1));
}

#[test]
fn nobody_is_asked_about_a_quota_that_does_not_apply() {
    for (quota, request, note) in [
        (requests(json!({ "when": "principal.tenant == 'globex'" })), Request::chat(), "its `when` is false"),
        (tokens(json!({})), Request::chat().at("GET", "/v1/models"), "nothing is metered"),
        (requests(json!({ "limit": 0 })), Request::chat(), "nothing is ever left"),
    ] {
        let (scene, service) = (envoy(&[quota]), service());
        sent_at(&scene, &service, &request, NOW_MS);
        assert_eq!(service.take_requests(), 0, "{note}");
    }
    assert!(
        Scene::new(json!({ "rate_limit_service": { "cluster": "c" } }))
            .gateway
            .rate_limit_service()
            .is_none()
    );
}

#[test]
fn several_quotas_are_one_question() {
    let (scene, service) = (envoy(&[requests(json!({})), tokens(json!({}))]), service());
    let call = sent(&scene, &service);
    assert_eq!((left(&call, "requests"), left(&call, "tokens")), (Some("4".into()), Some("600".into())));
    assert_eq!(service.take_requests(), 1);
    let keys: Vec<String> = service.counted().into_keys().collect();
    let at = NOW_MS / 60_000 * 60;
    assert_eq!(keys, [format!("claimgate_quota_r_per_all_{at}"), format!("claimgate_quota_t_per_all_{at}")]);
}

#[test]
fn a_walk_that_is_repeated_takes_nothing_twice() {
    let own = json!({ "id": "own", "limit": 9, "window": "60s", "per": ["'all'"] });
    let (scene, service, request) = (envoy(&[requests(json!({})), own]), service(), Request::chat());
    let mut call = scene.open(&request);
    let ask = asked(&scene, &mut call, &request);
    let spent = scene.spent();
    for _ in 0..3 {
        let again = need(&scene, &mut call, &request);
        assert!(matches!(&again, Outcome::Need(Need::RateLimit(other)) if *other == ask));
        assert_eq!(scene.spent(), spent);
    }
    hear(&scene, &service, &mut [(ask, &mut call)], NOW_MS);
    for _ in 0..3 {
        assert!(matches!(need(&scene, &mut call, &request), Outcome::Forward(_)));
    }
    assert_eq!(scene.spent(), spent);
    assert_eq!((left(&call, "requests").as_deref(), service.take_requests()), (Some("4"), 1));
}

#[test]
fn a_call_that_ends_while_the_service_is_asked_gives_back_what_it_took() {
    let own = json!({ "id": "own", "limit": 1, "window": "60s", "per": ["'all'"] });
    for reason in [None, Some(Reason::HoldTimeout)] {
        let (scene, service, request) =
            (envoy(&[requests(json!({})), own.clone()]), service(), Request::chat());
        let mut call = scene.open(&request);
        assert!(matches!(need(&scene, &mut call, &request), Outcome::Need(_)));
        if let Some(reason) = reason {
            scene.gateway.refuse(&mut call, reason);
        }
        settle(&scene, &mut call, Ending { answered_by: AnsweredBy::Nobody, ..ending() });
        assert!(passes(&scene, &service), "{reason:?}");
    }
}

#[test]
fn a_limit_that_is_an_expression_goes_along_with_the_question() {
    let quota = requests(json!({ "id": "cel", "limit": "principal.tenant == 'acme' ? 2 : 1" }));
    let (scene, service) = (envoy(&[quota]), service());
    assert_eq!((0..5).filter(|_| passes(&scene, &service)).count(), 2);
}

#[test]
fn a_limit_of_the_file_is_the_services_and_an_override_goes_along() {
    let other = json!([{ "per": ["all"], "limit": 2, "until": "2026-01-01T12:00:01Z" }]);
    for (change, now_ms, want, note) in [
        (json!({}), NOW_MS, 3, "the service's file has another limit than ours"),
        (json!({ "overrides": other }), NOW_MS, 2, "an override"),
        (json!({ "overrides": other }), NOW_MS + 1000, 3, "that is over"),
    ] {
        let (scene, service) = (envoy(&[requests(change)]), Scripted::new(&[("r", 3, MINUTE)]));
        let passes = |_: &usize| sent_at(&scene, &service, &Request::chat(), now_ms).0.denial().is_none();
        assert_eq!((0..9).filter(passes).count(), want, "{note}");
    }
}

#[test]
fn a_window_that_the_service_does_not_have_is_named() {
    let quota = requests(json!({ "id": "ten", "window": "10m", "limit": 2 }));
    let (scene, service) = (envoy(&[quota]), Scripted::new(&[("ten", 2, HOUR)]));
    let begins = NOW_MS / 600_000 * 600_000;
    for (at, want, note) in [
        (begins, Some("1"), "a window"),
        (begins + 599_999, Some("0"), "its end"),
        (begins + 600_000, Some("1"), "the next one, in the same hour"),
    ] {
        let (call, _) = sent_at(&scene, &service, &Request::chat(), at);
        assert_eq!(left(&call, "requests").as_deref(), want, "{note}");
    }
    let keys: Vec<String> = service.counted().into_keys().collect();
    assert!(keys[0].contains(&format!("_window_{}.000_", begins / 1000)), "{keys:?}");
}

#[test]
fn a_quota_in_shadow_is_asked_and_never_refuses() {
    let (scene, full) = (envoy(&[requests(json!({ "mode": "shadow" }))]), Scripted::new(&[("r", 0, MINUTE)]));
    let call = sent(&scene, &full);
    assert_eq!((call.denial().map(|denial| denial.reason()), call.shadow_denials()), (None, vec!["r"]));
    let (scene, unknown) = (envoy(&[requests(json!({ "mode": "shadow" }))]), Scripted::default());
    assert_eq!(sent(&scene, &unknown).shadow_denials(), ["r"]);
}

#[test]
fn a_token_of_the_gateway_gets_its_request_back() {
    let tokens =
        json!({ "tokens": { "issuer": "https://gateway.example/", "signing_key": { "env": "SIGNING" } } });
    let scene = Scene::new(merged(sharing(&[requests(json!({}))]), tokens));
    let wish = json!({ "requests": 1 });
    let token = super::minting::token(&scene, &super::minting::asking(Request::chat(), wish));
    let full = Scripted::new(&[("r", 0, MINUTE)]);
    let request = Request::bearing(&token);
    for _ in 0..3 {
        let (call, _) = sent_at(&scene, &full, &request, NOW_MS);
        assert_eq!(call.denial().and_then(|denial| denial.rule()), Some("r"));
    }
    let (call, _) = sent_at(&scene, &service(), &request, NOW_MS);
    assert!(call.denial().is_none(), "{:?}", call.denial());
}

#[test]
fn scripts_count_on_their_own() {
    let (scene, request) = (envoy(&[requests(json!({ "limit": 2 }))]), Request::chat());
    let alone = || {
        let mut call = scene.open(&request);
        assert!(matches!(need(&scene, &mut call, &request), Outcome::Need(Need::RateLimit(_))));
        call.count_alone();
        matches!(need(&scene, &mut call, &request), Outcome::Forward(_))
    };
    assert_eq!([alone(), alone(), alone()], [true, true, false]);
}

#[test]
fn a_call_without_patience_does_not_wait() {
    let (scene, request) = (envoy(&[requests(json!({}))]), Request::chat());
    let mut call = scene.open(&request);
    let known = Known { patience: Patience::Exhausted, ..scene.known(&request) };
    assert!(matches!(scene.gateway.decide(&mut call, &known), Outcome::Refuse));
    assert_eq!(call.denial().map(|denial| denial.reason()), Some(Reason::QuotaUnavailable));
}
