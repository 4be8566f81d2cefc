//! Several keys for one provider: what its answers make of them, in the listener's chain and at the cluster.

use std::rc::Rc;

use serde_json::{Value, json};

use super::at_cluster::compiled;
use super::{BODY, Playing, Scene};
use crate::lifecycle::{Attempt, Attribute, Exchange, HouseEvent, Item, Next, Part};
use crate::policy::fixture::{key, merged};

const MINUTE_MS: u64 = 60_000;

fn config(change: Value) -> Value {
    let sections = json!({
        "credentials": [{ "id": "keys", "pool": { "members": [{ "env": "A" }, { "env": "B" }] } }],
        "upstreams": [{ "cluster": "openai", "dialect": "openai", "credential": { "from": "keys" } }],
    });
    merged(sections, change)
}

fn at_cluster() -> Value {
    config(json!({ "attach": "at_cluster" }))
}

impl Playing<'_> {
    /// Which key goes on.
    fn key(&self) -> String {
        assert_eq!(self.exchange.refusal(), None);
        let credential = self.exchange.header(Part::RequestHeaders, "authorization").unwrap();
        credential.strip_prefix("Bearer sk-").unwrap().to_owned()
    }
}

/// The key of the next request, and what the provider answered it.
fn asks(scene: &Scene, id: u32, status: &str, headers: &[(&str, &str)]) -> (String, Value) {
    let playing = scene.chat(id).sends(BODY);
    let key = playing.key();
    assert!(playing.answered(status, headers, true));
    (key, playing.ends())
}

/// One attempt that the filter on the cluster sees, and which key it takes.
fn attempts(scene: &Scene, playing: &Playing<'_>, attempt: &mut Attempt) -> Option<String> {
    playing.exchange.remove_header(Part::RequestHeaders, "authorization");
    let next = attempt.request_headers(&*scene.house, &*playing.exchange);
    (next == Next::Continue).then(|| playing.key())
}

fn gets(scene: &Scene, playing: &Playing<'_>, attempt: &Attempt, headers: &[(&str, &str)]) {
    playing.exchange.put(Part::ResponseHeaders, headers);
    assert_eq!(attempt.response_headers(&*scene.house, &*playing.exchange), Next::Continue);
}

#[test]
fn a_key_that_is_held_back_rests() {
    let scene = Scene::new(config(json!({})));
    let beside = Scene::beside(&scene.shared, config(json!({})));
    let (first, record) = asks(&scene, 1, "200", &[]);
    assert_eq!(record["claimgate.upstream.credential.id"], "keys");
    assert_eq!(record["claimgate.upstream.credential.kind"], "pool");
    assert_eq!(record["claimgate.upstream.credential.member"], first);
    let (held, record) = asks(&scene, 2, "429", &[("retry-after", "20")]);
    assert_eq!((held.as_str(), &record["http.response.status_code"]), (first.as_str(), &json!(429)));
    // In every worker, for as long as the provider says.
    for (scene, id) in [(&scene, 3), (&beside, 4)] {
        assert_ne!(asks(scene, id, "200", &[]).0, first);
    }
    let counted =
        |what: &str| scene.house.counted(&format!("claimgate.credentials.keys.member.{first}.{what}"));
    scene.tick();
    assert_eq!((counted("used"), counted("rested"), counted("resting"), counted("out")), (2, 1, 1, 0));
    scene.house.pass(20_000);
    scene.tick();
    assert_eq!(counted("resting"), 0);
    assert_eq!(asks(&scene, 5, "200", &[]).0, first);
    assert_eq!(scene.house.logged(), "");
}

#[test]
fn a_key_that_is_refused_is_left_out() {
    let scene = Scene::new(config(json!({})));
    let (first, record) = asks(&scene, 1, "401", &[]);
    // The caller is not told that its own credential is wrong.
    assert_eq!(record["error.type"], "upstream_credential_refused");
    assert_eq!(record["http.response.status_code"], 502);
    assert_eq!(record["claimgate.upstream.credential.member"], first);
    let told = format!(
        "credentials `keys`: the provider refuses the key in `{first}`; it is left out of such requests for 300 s"
    );
    assert_eq!(scene.house.logged().matches(&told).count(), 1);
    let (second, _) = asks(&scene, 2, "401", &[]);
    assert_ne!(second, first);
    let playing = scene.chat(3).sends(BODY);
    playing.is_refused(503, "upstream_pool_exhausted");
    assert_eq!(playing.exchange.answer_header("retry-after").as_deref(), Some("300"));
    let record = playing.ends();
    assert_eq!(record["claimgate.upstream.credential.member"], Value::Null);
    scene.tick();
    assert_eq!(scene.house.counted_under("claimgate.credentials.keys.member."), 2 + 2, "used, refused");
    scene.house.pass(5 * MINUTE_MS);
    assert_eq!(asks(&scene, 4, "200", &[]).0, first);
}

#[test]
fn one_caller_alone_leaves_no_key_out_for_others() {
    let scene = Scene::new(config(json!({})));
    asks(&scene, 1, "401", &[]);
    asks(&scene, 2, "401", &[]);
    scene.chat(3).sends(BODY).is_refused(503, "upstream_pool_exhausted");
    // Another caller finds out by itself, and what two have found holds for all.
    let other = |id| scene.bearing(id, &key(2)).sends(BODY);
    let found = other(4);
    let refused = found.key();
    assert!(found.answered("401", &[], true));
    assert_ne!(other(5).key(), refused);
    scene.tick();
    let out = |name: &str| scene.house.counted(&format!("claimgate.credentials.keys.member.{name}.out"));
    assert_eq!((out(&refused), out("A").saturating_add(out("B"))), (1, 1));
    // The next configuration begins its gauges anew.
    scene.worker.on(HouseEvent::Closing);
    assert_eq!(out(&refused), 0);
}

#[test]
fn who_asks_for_what_keys_must_not_do_ends_nothing_else() {
    let scene = Scene::new(config(json!({})));
    let bearer = format!("Bearer {}", key(1));
    let models = |id| scene.request(id, "GET", "/v1/models", &[("authorization", &bearer)]).begins(true);
    for id in [1, 2] {
        // As a restricted key of OpenAI's is answered.
        assert!(models(id).answered("401", &[], true));
    }
    models(3).is_refused(503, "upstream_pool_exhausted");
    asks(&scene, 4, "200", &[]);
}

#[test]
fn nothing_is_spent_where_no_key_serves() {
    let quota = json!([{ "id": "calls", "limit": 3, "window": "1h", "per": ["principal.subject"] }]);
    let scene = Scene::new(config(json!({ "quotas": quota })));
    asks(&scene, 1, "401", &[]);
    asks(&scene, 2, "401", &[]);
    for id in 3..9 {
        scene.chat(id).sends(BODY).is_refused(503, "upstream_pool_exhausted");
    }
    scene.house.pass(5 * MINUTE_MS);
    asks(&scene, 10, "200", &[]);
    scene.chat(11).sends(BODY).is_refused(429, "rate_limit_exceeded");
}

#[test]
fn the_hosts_own_answer_says_nothing_of_a_key() {
    let scene = Scene::new(config(json!({})));
    let playing = scene.chat(1).sends(BODY);
    let first = playing.key();
    assert!(playing.replied("429", "local_rate_limited"));
    playing.ends();
    assert_eq!(asks(&scene, 2, "200", &[]).0, first);
}

#[test]
fn each_attempt_at_the_cluster_takes_a_key_that_serves() {
    let scene = Scene::new(at_cluster());
    let half = Rc::new(compiled(&scene));
    let playing = scene.chat(1).sends(BODY);
    assert!(playing.exchange.remembered(Item::Passport).is_some());
    let (mut first, mut second) = (Attempt::new(Rc::clone(&half)), Attempt::new(Rc::clone(&half)));
    let held = attempts(&scene, &playing, &mut first).unwrap();
    gets(&scene, &playing, &first, &[(":status", "429"), ("retry-after", "20")]);
    let other = attempts(&scene, &playing, &mut second).unwrap();
    assert_ne!(other, held);
    gets(&scene, &playing, &second, &[(":status", "200"), ("x-claimgate-pool-member", "mallory")]);
    let told = playing.exchange.header(Part::ResponseHeaders, "x-claimgate-pool-member").unwrap();
    assert_eq!(told, other, "the provider does not say which key it was");
    // The half in the listener's chain reads it there, and lets nobody else.
    assert!(playing.answered("200", &[("x-claimgate-pool-member", &told)], true));
    assert_eq!(playing.exchange.header(Part::ResponseHeaders, "x-claimgate-pool-member"), None);
    assert_eq!(playing.ends()["claimgate.upstream.credential.member"], other);
}

#[test]
fn a_key_that_nobody_has_is_in_no_record() {
    let scene = Scene::new(at_cluster());
    let playing = scene.chat(1).sends(BODY);
    assert!(playing.answered("200", &[("x-claimgate-pool-member", "mallory")], true));
    assert_eq!(playing.ends()["claimgate.upstream.credential.member"], Value::Null);
}

#[test]
fn both_halves_refuse_where_all_keys_are_left_out() {
    let scene = Scene::new(at_cluster());
    let half = Rc::new(compiled(&scene));
    let waiting = scene.chat(1).sends(BODY);
    for id in [2, 3] {
        let playing = scene.chat(id).sends(BODY);
        let mut attempt = Attempt::new(Rc::clone(&half));
        attempts(&scene, &playing, &mut attempt).unwrap();
        gets(&scene, &playing, &attempt, &[(":status", "401")]);
    }
    // One was let through before.
    assert_eq!(attempts(&scene, &waiting, &mut Attempt::new(Rc::clone(&half))), None);
    assert_eq!(waiting.exchange.answer_header("retry-after").as_deref(), Some("300"));
    assert_eq!(
        waiting.exchange.answer_header("x-claimgate-at-cluster").as_deref(),
        Some("upstream_pool_exhausted")
    );
    scene.chat(4).sends(BODY).is_refused(503, "upstream_pool_exhausted");
}

#[test]
fn a_key_that_is_not_there_is_told_to_the_operator() {
    let pool = json!({ "members": [{ "env": "A" }, { "env": "ABSENT" }] });
    let scene = Scene::new(config(json!({ "credentials": [{ "id": "keys", "pool": pool }] })));
    let told = "credentials `keys`: the environment of Envoy lacks `ABSENT`";
    assert!(scene.house.logged().contains(told));
    // The plugin of the other half has variables of its own.
    scene.house.forget_log();
    compiled(&scene);
    assert!(scene.house.logged().contains(told));
    assert_eq!(asks(&scene, 1, "200", &[]).0, "A");
}

#[test]
fn what_is_stored_by_one_key_is_not_there_for_another() {
    for (same_account, is_served) in [(false, false), (true, true)] {
        let pool = json!({ "members": [{ "env": "A" }, { "env": "B" }], "same_account": same_account });
        let upstream = json!({
            "cluster": "openai", "dialect": "openai", "tenant": "acme", "credential": { "from": "keys" },
        });
        let scene =
            Scene::new(json!({ "credentials": [{ "id": "keys", "pool": pool }], "upstreams": [upstream] }));
        let mut playing =
            scene.request(1, "GET", "/v1/files", &[("authorization", &format!("Bearer {}", key(1)))]);
        playing.exchange.texts.borrow_mut().push((Attribute::Cluster, "openai".to_owned()));
        playing = playing.begins(true);
        match is_served {
            true => assert!(["A", "B"].contains(&playing.key().as_str())),
            false => playing.is_refused(403, "stateful_operation_shared_credential"),
        }
    }
}
