//! Requests that go on with a token of the gateway's own, and those that wait for one.

use std::rc::Rc;

use serde_json::{Value, json};

use super::at_cluster::compiled;
use super::{BODY, KIB, Playing, Scene};
use crate::config::Config;
use crate::gateway::Gateway;
use crate::lifecycle::{Attempt, Delivery, HouseEvent, Part};
use crate::policy::fixture::merged;
use crate::secret::Secret;

const HOUR_S: u64 = 3600;
const MINUTE_MS: u64 = 60_000;

/// One upstream, whose credential is a token.
fn config(client: Value, change: Value) -> Value {
    let plain = json!({
        "endpoint": { "cluster": "login", "host": "login.example", "path": "/token", "timeout": "2s" },
        "client_id": "gate", "client_authentication": { "client_secret_post": { "env": "SECRET" } },
        "scope": "https://provider.example/.default",
    });
    let sections = json!({
        "credentials": [{ "id": "app", "oauth": merged(plain, client) }],
        "upstreams": [{ "cluster": "openai", "dialect": "openai", "credential": { "from": "app" } }],
    });
    merged(sections, change)
}

fn scene() -> Scene {
    Scene::new(config(json!({}), json!({})))
}

fn answer(token: &str, seconds: u64) -> String {
    json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds }).to_string()
}

impl Scene {
    /// Asks for what is due, and gets this token.
    fn gets(&self, token: &str, seconds: u64) {
        self.tick();
        self.answer_fetch("200", &answer(token, seconds));
    }

    fn asks(&self) -> usize {
        self.tick_after(1);
        self.house.take_fetches().len()
    }
}

#[test]
fn a_token_is_got_before_anybody_needs_it() {
    let scene = scene();
    scene.gets("token-1", HOUR_S);
    let mut playing = scene.chat(1).sends(BODY);
    playing.carries("token-1");
    assert_eq!(playing.passed, BODY.as_bytes());
    let record = playing.ends();
    assert_eq!(record["claimgate.upstream.credential.id"], "app");
    assert_eq!(record["claimgate.upstream.credential.kind"], "oauth");
    assert_eq!(record["claimgate.upstream.credential.token_id"].as_str().unwrap().len(), 8);
    assert_eq!(scene.house.counted("claimgate.credentials.app.fetches.outcome.ok"), 1);
    scene.tick();
    assert_eq!(scene.house.counted("claimgate.credentials.app.expires_in_seconds"), 3600);
}

#[test]
fn rules_see_which_credential_would_go_on() {
    for (expression, status) in [
        ("has(upstream.credential) && upstream.credential == 'app'", None),
        ("!has(upstream.credential)", Some(403)),
    ] {
        let rule = json!({ "policies": [{ "file": "r.cel", "expression": expression }] });
        let scene = Scene::new(config(json!({}), rule));
        scene.gets("token-1", HOUR_S);
        let playing = scene.chat(1).sends(BODY);
        assert_eq!(playing.exchange.refusal().map(|(status, _)| status), status, "{expression}");
    }
}

#[test]
fn those_who_come_first_wait_for_one_question() {
    let scene = scene();
    let mut waiting: Vec<_> = (1..=3).map(|id| scene.chat(id).sends(BODY)).collect();
    waiting.iter_mut().for_each(Playing::waits);
    scene.tick();
    scene.house.pass(70);
    scene.answer_fetch("200", &answer("token-1", HOUR_S));
    for playing in &mut waiting {
        playing.carries("token-1");
        assert_eq!(playing.passed, BODY.as_bytes());
        assert_eq!(playing.exchange.resumes(), 1);
        assert_eq!(playing.ends()["claimgate.upstream.credential.wait_ms"], 70);
    }
    assert_eq!(scene.held_bytes(), 0);
    assert_eq!(scene.asks(), 0);
}

#[test]
fn one_worker_asks_and_another_reads() {
    let first = scene();
    let second = Scene::beside(&first.shared, config(json!({}), json!({})));
    let mut waiting = second.chat(1).sends(BODY);
    first.tick();
    second.tick();
    assert!(second.house.take_fetches().is_empty(), "the lease is the first one's");
    first.answer_fetch("200", &answer("token-1", HOUR_S));
    // Whoever comes now does not even wait for a tick.
    second.chat(2).sends(BODY).carries("token-1");
    waiting.waits();
    second.tick_after(10);
    waiting.carries("token-1");
    assert_eq!((first.asks(), second.asks()), (0, 0));
}

#[test]
fn the_same_verdict_goes_on_with_the_token_of_its_time() {
    let scene = scene();
    scene.gets("token-1", HOUR_S);
    scene.chat(1).sends(BODY).carries("token-1");
    // Seven to eight tenths of its life have passed.
    scene.house.pass(HOUR_S * 690);
    assert_eq!(scene.asks(), 0);
    scene.house.pass(HOUR_S * 110);
    scene.tick();
    scene.chat(2).sends(BODY).carries("token-1");
    scene.answer_fetch("200", &answer("token-2", HOUR_S));
    scene.chat(3).sends(BODY).carries("token-2");
}

#[test]
fn a_token_is_never_served_after_its_end() {
    let scene = scene();
    scene.gets("token-1", HOUR_S);
    scene.house.pass(HOUR_S * 1000 - 31_000);
    scene.tick();
    scene.answer_fetch("503", "");
    scene.chat(1).sends(BODY).carries("token-1");
    assert!(
        scene.house.logged().contains("credentials `app`: there is no new token: the endpoint answered 503")
    );
    scene.house.pass(1000);
    // The next try is not due yet.
    let playing = scene.chat(2).sends(BODY);
    playing.is_refused(503, "upstream_token_unavailable");
    assert_eq!(playing.ends()["claimgate.note"], "credentials `app`: the endpoint answered 503");
    scene.house.pass(MINUTE_MS);
    scene.gets("token-2", HOUR_S);
    assert!(scene.house.logged().contains("there is a new token again"));
    scene.chat(3).sends(BODY).carries("token-2");
}

#[test]
fn the_endpoints_timeout_ends_the_wait_and_nothing_is_spent() {
    let quota = json!({ "quotas": [{ "id": "q", "limit": 1, "window": "60s", "per": ["'all'"] }] });
    let scene = Scene::new(config(json!({}), quota));
    let mut playing = scene.chat(1).sends(BODY);
    scene.tick_after(1999);
    playing.waits();
    scene.tick_after(1);
    playing.is_refused(503, "upstream_token_unavailable");
    playing.ends();
    let token = scene.house.take_fetches()[0].token;
    scene.answer_token(token, "200", &answer("token-1", HOUR_S));
    scene.chat(2).sends(BODY).carries("token-1");
    scene.chat(3).sends(BODY).is_refused(429, "rate_limit_exceeded");
}

#[test]
fn a_refused_client_is_told_once_and_asked_for_once_a_minute() {
    let scene = scene();
    let waiting = scene.chat(1).sends(BODY);
    let error = json!({
        "error": "invalid_client", "error_codes": [7_000_215], "trace_id": "1f-2e", "correlation_id": "3d-4c",
        "error_description": "AADSTS7000215: the secret sk-SECRET is wrong",
    });
    scene.tick();
    scene.answer_fetch("401", &error.to_string());
    waiting.is_refused(503, "upstream_token_refused");
    assert_eq!(
        scene.house.logged(),
        "credentials `app`: there is no new token: the endpoint answered 401 `invalid_client`, AADSTS7000215: the client secret is wrong; is it the secret's value, and not its id? (trace_id 1f-2e, correlation_id 3d-4c)"
    );
    scene.chat(2).sends(BODY).is_refused(503, "upstream_token_refused");
    assert_eq!(scene.asks(), 0);
    scene.house.forget_log();
    scene.house.pass(MINUTE_MS * 6 / 5);
    scene.tick();
    scene.answer_fetch("401", &error.to_string().replace("1f-2e", "other"));
    assert_eq!(scene.house.logged(), "", "nothing has changed");
    assert_eq!(scene.house.counted("claimgate.credentials.app.fetches.outcome.refused"), 2);
    scene.tick_after(1000);
    assert_eq!(scene.house.counted("claimgate.credentials.app.failing_since_seconds"), 73);
}

#[test]
fn an_endpoint_that_fails_is_left_alone_longer_each_time() {
    let scene = scene();
    let (mut asked, mut waits) = (0, Vec::new());
    for second in 0..200 {
        scene.tick_after(1000);
        for fetch in scene.house.take_fetches() {
            asked += 1;
            waits.push(second);
            scene.answer_token(fetch.token, "500", "");
        }
    }
    assert!((7..=9).contains(&asked), "{waits:?}");
    let playing = scene.chat(1).sends(BODY);
    playing.is_refused(503, "upstream_token_unavailable");
    let seconds = playing.exchange.answer_header("retry-after").unwrap().parse::<u64>().unwrap();
    assert!((1..=72).contains(&seconds), "{seconds}");
}

#[test]
fn an_endpoint_may_ask_to_be_left_alone() {
    let scene = scene();
    scene.tick();
    let token = scene.house.take_fetches()[0].token;
    scene.house.deliver(&[(":status", "429"), ("retry-after", "300")], b"");
    scene.worker.on(HouseEvent::Fetched { token, delivery: Delivery { headers: 2, body_size: 0 } });
    scene.house.pass(MINUTE_MS * 5 - 1000);
    assert_eq!(scene.asks(), 0);
    scene.house.pass(1000);
    assert_eq!(scene.asks(), 1);
}

#[test]
fn a_cluster_that_is_not_there_is_told_once() {
    let scene = scene();
    scene.house.refuse_dispatch();
    let playing = scene.chat(1).sends(BODY);
    scene.tick();
    playing.is_refused(503, "upstream_token_unavailable");
    scene.tick_after(5000);
    assert_eq!(
        scene.house.logged(),
        "credentials `app`: there is no new token: cannot ask through the cluster `login`: BadArgument; is there such a cluster?"
    );
}

#[test]
fn an_answer_that_broke_off_is_a_failure() {
    let scene = scene();
    let playing = scene.chat(1).sends(BODY);
    scene.tick();
    let token = scene.house.take_fetches()[0].token;
    scene.worker.on(HouseEvent::Fetched { token, delivery: Delivery { headers: 0, body_size: 0 } });
    playing.is_refused(503, "upstream_token_unavailable");
    assert!(scene.house.logged().ends_with("the answer broke off"));
}

#[test]
fn a_token_that_the_provider_refuses_is_due_at_once_and_serves_on() {
    let scene = scene();
    scene.gets("token-1", HOUR_S);
    let refused = |id: u32| {
        let mut playing = scene.chat(id).sends(BODY);
        playing.carries("token-1");
        playing.answered("401", &[], true);
        assert_eq!(playing.ends()["error.type"], "upstream_credential_refused");
    };
    refused(1);
    assert_eq!(scene.asks(), 0, "it is new");
    scene.house.pass(MINUTE_MS);
    (2..10).for_each(refused);
    assert_eq!(scene.asks(), 1);
    assert_eq!(scene.house.counted("claimgate.credentials.app.made_due_by_401"), 1);
    refused(10);
    // The endpoint gives the same one again.
    scene.house.pass(2300);
    scene.gets("token-1", HOUR_S - 62);
    refused(11);
    assert_eq!(scene.asks(), 0, "once a minute");
}

#[test]
fn another_secret_makes_a_token_due_and_it_serves_on() {
    let first = scene();
    first.gets("token-1", HOUR_S);
    let other = json!({ "client_authentication": { "client_secret_post": { "env": "OTHER" } } });
    let next = Scene::beside(&first.shared, config(other, json!({})));
    next.chat(1).sends(BODY).carries("token-1");
    next.tick_after(1);
    next.answer_fetch("401", &json!({ "error": "invalid_client" }).to_string());
    next.chat(2).sends(BODY).carries("token-1");
    assert!(
        next.house.logged().ends_with("; the last token serves on while it lasts"),
        "{}",
        next.house.logged()
    );
}

#[test]
fn another_scope_never_meets_the_old_token() {
    let first = scene();
    first.gets("token-1", HOUR_S);
    for change in [
        json!({ "scope": "https://other.example/.default" }),
        json!({ "client_id": "other" }),
        json!({ "endpoint": { "cluster": "login", "host": "login.example", "path": "/other/token" } }),
        json!({ "parameters": { "audience": "other" } }),
    ] {
        let next = Scene::beside(&first.shared, config(change.clone(), json!({})));
        let mut playing = next.chat(1).sends(BODY);
        playing.waits();
        assert_eq!(next.asks(), 1, "{change}");
    }
}

#[test]
fn a_file_is_read_before_the_question_and_both_within_one_wait() {
    let proof = json!({ "client_authentication": { "client_assertion": { "file": "jwt" } } });
    let files = json!({ "files": [{ "id": "jwt", "cluster": "files", "path": "/jwt" }] });
    let scene = Scene::new(config(proof, files));
    let mut playing = scene.chat(1).sends(BODY);
    scene.tick();
    let (file, others) = (scene.house.take_fetches(), scene.asks());
    assert_eq!((file[0].path.as_str(), file.len(), others), ("/jwt", 1, 0));
    scene.answer_token(file[0].token, "200", "e.e.s");
    playing.waits();
    scene.answer_fetch("200", &answer("token-1", HOUR_S));
    playing.carries("token-1");
}

#[test]
fn a_body_that_grows_too_long_meanwhile_is_refused() {
    let scene = Scene::new(config(
        json!({}),
        merged(
            super::unread(),
            json!({
                "upstreams": [{ "cluster": "openai", "dialect": "openai", "credential": { "from": "app" }, "tenant": "acme" }],
            }),
        ),
    ));
    let mut playing = scene.chat(1).begins(false);
    playing.waits();
    playing.chunk(&vec![b' '; 128 * KIB], false);
    playing.waits();
    playing.chunk(b" ", false);
    playing.is_refused(503, "upstream_token_unavailable");
    assert_eq!(scene.held_bytes(), 0);
}

#[test]
fn no_more_wait_than_may() {
    let room = json!({ "held_bytes": "64MiB", "held_bytes_per_caller": "64MiB" });
    let scene = Scene::new(config(json!({}), room));
    let mut waiting: Vec<_> = (0..1000).map(|id| scene.chat(id).sends(BODY)).collect();
    scene.chat(1000).sends(BODY).is_refused(503, "upstream_token_unavailable");
    waiting.iter_mut().for_each(Playing::waits);
    scene.gets("token-1", HOUR_S);
    for _ in 0..1000 / 32 {
        scene.tick_after(1);
    }
    waiting.iter_mut().for_each(|playing| playing.carries("token-1"));
}

#[test]
fn a_clouds_identity_goes_to_that_clouds_services() {
    let azure = json!({ "metadata": { "azure": { "cluster": "imds", "resource": "r" } } });
    let google = json!({ "metadata": { "google": { "cluster": "gce" } } });
    let key = json!({ "google_key": { "key": { "env": "ABSENT" } } });
    let keys = json!({ "keys": { "access_key_id": { "env": "A" }, "secret_access_key": { "env": "B" } } });
    let bedrock = json!({ "bedrock_key": { "region": "r", "aws": keys } });
    for (kind, dialect, suits) in [
        (&azure, "azure", true),
        (&azure, "openai", true),
        (&azure, "bedrock", false),
        (&azure, "gemini", false),
        (&google, "gemini", true),
        (&google, "azure", false),
        (&key, "bedrock", false),
        (&bedrock, "bedrock", true),
        (&bedrock, "openai", true),
        (&bedrock, "gemini", false),
    ] {
        let entry = merged(kind.clone(), json!({ "id": "app" }));
        let upstream = json!({ "cluster": "c", "dialect": dialect, "credential": { "from": "app" } });
        let sections = json!({ "credentials": [entry], "upstreams": [upstream] });
        let read = Config::from_json(super::config(sections).to_string().as_bytes()).unwrap();
        let environment = |name: &str| (name != "ABSENT").then(|| Secret::new("s"));
        let told = Gateway::compile(&read, &environment).err().map(|error| error.to_string());
        let at = "upstreams[0].credential.from: what `app` gets (";
        assert_eq!(told.is_none(), suits, "{kind} {dialect}: {told:?}");
        assert!(told.is_none_or(|told| told.starts_with(at)), "{kind} {dialect}");
    }
}

#[test]
fn a_configuration_that_ends_finishes_what_it_has_asked() {
    let scene = scene();
    let mut playing = scene.chat(1).sends(BODY);
    scene.tick();
    scene.worker.on(HouseEvent::Closing);
    assert!(!scene.worker.is_over());
    scene.answer_fetch("200", &answer("token-1", HOUR_S));
    playing.carries("token-1");
    assert!(scene.worker.is_over());
}

#[test]
fn at_the_cluster_each_attempt_has_the_token_of_its_time() {
    let scene = Scene::new(config(json!({}), json!({ "attach": "at_cluster" })));
    let mut attempt = Attempt::new(Rc::new(compiled(&scene)));
    let mut playing = scene.chat(1).sends(BODY);
    playing.waits();
    scene.gets("token-1", HOUR_S);
    playing.settle();
    assert_eq!(playing.exchange.header(Part::RequestHeaders, "authorization"), None, "not in the chain");
    attempt.request_headers(&*scene.house, &*playing.exchange);
    playing.carries("token-1");
    scene.house.pass(HOUR_S * 850);
    scene.gets("token-2", HOUR_S);
    attempt.request_headers(&*scene.house, &*playing.exchange);
    playing.carries("token-2");
    scene.house.pass(HOUR_S * 1000);
    attempt.request_headers(&*scene.house, &*playing.exchange);
    assert!(playing.exchange.refusal().is_some(), "an ended one is never sent");
}
