//! Keys of feeds: added, changed and withdrawn while they are remembered, and while their requests are under way.

use serde_json::{Value, json};

use super::{NOW_MS, Request, Scene, compile, key_entry, minting, rule};
use crate::denial::Reason;
use crate::gateway::{Body, Known, Outcome, Patience, Remote};
use crate::identity::signing::RawSigner;
use crate::policy::fixture::{merged, moment};

pub(super) const FIRST: Remote = Remote::KeyFeed(0);
const SECOND: Remote = Remote::KeyFeed(1);

pub(super) fn feed(id: &str) -> Value {
    let remote = json!({ "cluster": "keys", "host": "keys.example", "path": format!("/{id}.json") });
    json!({ "id": id, "remote": remote })
}

/// Two feeds without keys, beside the keys of the configuration.
fn scene(change: Value) -> Scene {
    let plain = json!({ "key_feeds": [feed("one"), feed("two")], "quotas": [] });
    let mut scene = Scene::new(merged(plain, change));
    publish(&mut scene, FIRST, json!([])).unwrap();
    publish(&mut scene, SECOND, json!([])).unwrap();
    scene
}

pub(super) fn publish(scene: &mut Scene, remote: Remote, keys: Value) -> Result<(), String> {
    let document = json!({ "keys": keys }).to_string();
    scene.gateway.accept(&mut scene.polled, remote, document.as_bytes(), NOW_MS)
}

/// The entry of a key that no configuration has.
pub(super) fn entry(seed: u8, change: Value) -> Value {
    key_entry(seed, merged(json!({ "tenant": "acme" }), change))
}

pub(super) fn by_key(seed: u8) -> Request {
    Request::chat().keyed(seed)
}

#[test]
fn a_key_is_known_while_its_feed_has_it() {
    let mut scene = scene(json!({}));
    assert_eq!(scene.refusal(&by_key(20)), Some(Reason::KeyUnknown));
    for (keys, want, note) in [
        (json!([entry(20, json!({}))]), None, "added"),
        (json!([entry(20, json!({ "disabled": true }))]), Some(Reason::CredentialRevoked), "disabled"),
        (json!([entry(20, json!({})), entry(21, json!({}))]), None, "enabled"),
        (
            json!([entry(20, json!({ "expires_at": "2026-01-01T12:00:00Z" }))]),
            Some(Reason::KeyExpired),
            "expired",
        ),
        (json!([entry(20, json!({ "cidrs": ["10.0.0.0/8"] }))]), Some(Reason::NetworkNotAllowed), "bound"),
        (json!([entry(21, json!({ "id": "k20" }))]), Some(Reason::KeyUnknown), "another key of the same id"),
        (json!([]), Some(Reason::KeyUnknown), "removed"),
    ] {
        publish(&mut scene, SECOND, keys).unwrap();
        for _ in 0..2 {
            assert_eq!(scene.refusal(&by_key(20)), want, "{note}");
        }
        assert_eq!(scene.refusal(&Request::chat()), None, "{note}: a key of the configuration");
    }
}

#[test]
fn what_was_found_out_about_a_key_does_not_outlive_its_facts() {
    let rules = json!({ "policies": [rule("principal.key.labels.plan == 'pro'", json!({}))] });
    let mut scene = scene(rules);
    for (change, want, note) in [
        (json!({ "labels": { "plan": "pro" } }), None, "as the rule wants it"),
        (json!({ "labels": { "plan": "free" } }), Some(Reason::PolicyDenied), "another label"),
        (json!({ "labels": { "plan": "pro" } }), None, "the first label again"),
        (
            json!({ "labels": { "plan": "pro" }, "tenant": "initech" }),
            Some(Reason::TenantCredentialMissing),
            "another tenant, which has no provider credential",
        ),
        (json!({ "labels": { "plan": "pro" }, "tenant": "globex" }), None, "a tenant which has one"),
    ] {
        publish(&mut scene, FIRST, json!([entry(20, change)])).unwrap();
        for _ in 0..3 {
            assert_eq!(scene.refusal(&by_key(20)), want, "{note}");
        }
    }
}

#[test]
fn a_key_that_leaves_takes_its_tokens_with_it() {
    let mut scene = scene(minting::tokens(json!({})));
    let held = json!([entry(20, json!({ "scopes": ["chat"], "labels": { "plan": "pro" } }))]);
    publish(&mut scene, FIRST, held.clone()).unwrap();
    let token = minting::token(&scene, &minting::asking(by_key(20), Value::Null));
    let of_configured = minting::token(&scene, &minting::asking(Request::chat(), Value::Null));
    let gone = Some(Reason::ParentCredentialInvalid);
    for (keys, want, note) in [
        (held.clone(), None, "the key is there"),
        (json!([]), gone, "removed"),
        (held, None, "added again"),
        (json!([entry(20, json!({ "scopes": ["chat"], "disabled": true }))]), gone, "disabled"),
        (json!([entry(20, json!({ "scopes": ["chat"], "tenant": "globex" }))]), gone, "of another tenant"),
        (json!([entry(20, json!({ "scopes": [] }))]), gone, "without the token's scope"),
        (json!([entry(20, json!({ "scopes": ["chat", "files"] }))]), None, "with one more"),
    ] {
        publish(&mut scene, FIRST, keys).unwrap();
        for _ in 0..2 {
            assert_eq!(scene.refusal(&Request::bearing(&token)), want, "{note}");
            assert_eq!(scene.refusal(&Request::bearing(&of_configured)), None, "{note}");
        }
    }
}

#[test]
fn the_rules_of_a_token_see_the_key_as_it_is_now() {
    let rules = json!({ "policies": [rule("principal.key.labels.plan == 'pro'", json!({}))] });
    let mut scene = scene(merged(minting::tokens(json!({})), rules));
    publish(&mut scene, FIRST, json!([entry(20, json!({ "labels": { "plan": "pro" } }))])).unwrap();
    let token = minting::token(&scene, &minting::asking(by_key(20), Value::Null));
    assert_eq!(scene.refusal(&Request::bearing(&token)), None);
    publish(&mut scene, FIRST, json!([entry(20, json!({ "labels": { "plan": "free" } }))])).unwrap();
    assert_eq!(scene.refusal(&Request::bearing(&token)), Some(Reason::PolicyDenied));
}

#[test]
fn no_key_is_known_twice() {
    let mut scene = scene(json!({}));
    publish(&mut scene, FIRST, json!([entry(20, json!({}))])).unwrap();
    publish(&mut scene, SECOND, json!([entry(30, json!({}))])).unwrap();
    for (keys, why) in [
        (json!([entry(31, json!({})), entry(31, json!({}))]), "keys[1].id: `k31` is the id of two keys"),
        (
            json!([entry(31, json!({})), entry(31, json!({ "id": "x" }))]),
            "keys[1].hash: the hash of another key in this list",
        ),
        (
            json!([entry(31, json!({})), entry(32, json!({ "id": "k1" }))]),
            "keys[1].id: `k1` has the id of a key in the configuration",
        ),
        (
            json!([entry(1, json!({ "id": "x" }))]),
            "keys[0].hash: `x` has the hash of a key in the configuration",
        ),
        (
            json!([entry(32, json!({ "id": "k20" }))]),
            "keys[0].id: `k20` has the id of a key in the feed `one`",
        ),
        (
            json!([entry(20, json!({ "id": "x" }))]),
            "keys[0].hash: `x` has the hash of a key in the feed `one`",
        ),
        (json!([entry(31, json!({ "hash": "cgk_1" }))]), "keys[0].hash: not the hash of a key"),
        (json!([entry(31, json!({ "hsah": "x" }))]), "keys[0].hsah: unknown field `hsah`"),
        (json!([entry(31, json!({ "scopes": ["a b"] }))]), "keys[0].scopes[0]: `a b` is not a scope"),
        (json!([entry(31, json!({ "expires_at": "soon" }))]), "keys[0].expires_at: "),
        (json!({}), "keys: "),
    ] {
        let before = scene.polled.generation();
        let error = publish(&mut scene, SECOND, keys).unwrap_err();
        assert!(error.starts_with(why) && !error.contains('\n'), "{error}");
        assert_eq!(scene.polled.generation(), before, "the last good one stays: {why}");
        assert_eq!(scene.refusal(&by_key(30)), None, "{why}");
        assert_eq!(scene.refusal(&by_key(31)), Some(Reason::KeyUnknown), "nothing of it is taken: {why}");
    }
    publish(&mut scene, FIRST, json!([])).unwrap();
    publish(&mut scene, SECOND, json!([entry(20, json!({}))])).unwrap();
    assert_eq!(scene.refusal(&by_key(20)), None, "a key may move once it has left");
}

#[test]
fn a_feed_that_is_too_old_refuses_unless_the_configuration_says_otherwise() {
    let unavailable = Some(Reason::KeyFeedUnavailable);
    let at = |scene: &Scene, request: &Request, ms: u64| {
        scene.decide_at(request, NOW_MS + ms).0.denial().map(|denial| denial.reason())
    };
    for (when_stale, never, fed, unknown) in [
        ("deny", unavailable, unavailable, unavailable),
        ("continue", Some(Reason::KeyUnknown), None, Some(Reason::KeyUnknown)),
    ] {
        let main = merged(feed("one"), json!({ "when_stale": when_stale }));
        let change = merged(minting::tokens(json!({})), json!({ "key_feeds": [main], "quotas": [] }));
        let mut scene = Scene::new(change);
        let configured = Request::chat();
        assert_eq!(at(&scene, &by_key(20), 0), never, "it has not come yet");
        assert_eq!(at(&scene, &configured, 0), None, "nobody asks it about this key");
        assert_eq!(at(&scene, &Request::bearing(&scene.token(json!({}))), 0), None, "nor about tokens");
        assert_eq!(at(&scene, &Request::bearing("cgk_short"), 0), Some(Reason::CredentialMalformed));
        publish(&mut scene, FIRST, json!([entry(20, json!({}))])).unwrap();
        let token = Request::bearing(&minting::token(&scene, &minting::asking(by_key(20), Value::Null)));
        for (ms, fed, unknown, note) in
            [(60_000, None, Some(Reason::KeyUnknown), "as old as may be"), (60_001, fed, unknown, "older")]
        {
            assert_eq!(at(&scene, &by_key(20), ms), fed, "{note}");
            assert_eq!(at(&scene, &token, ms), fed, "{note}: a token of its key");
            assert_eq!(at(&scene, &by_key(21), ms), unknown, "{note}: a key that nobody knows");
            assert_eq!(at(&scene, &configured, ms), None, "{note}");
        }
        scene.polled.confirm(FIRST, NOW_MS + 60_001);
        assert_eq!(at(&scene, &by_key(20), 60_001), None, "it was still the current one");
    }
}

#[test]
fn an_open_call_ends_when_its_key_leaves() {
    let held = || json!([entry(20, json!({})), entry(21, json!({}))]);
    for (keys, ends, note) in [
        (json!([entry(21, json!({}))]), true, "removed"),
        (json!([entry(20, json!({ "disabled": true }))]), true, "disabled"),
        (json!([entry(22, json!({ "id": "k20" }))]), true, "another key of the same id"),
        (json!([entry(20, json!({ "labels": { "a": "b" } }))]), false, "changed, but there"),
    ] {
        let mut scene = scene(minting::tokens(json!({})));
        publish(&mut scene, FIRST, held()).unwrap();
        let token = minting::token(&scene, &minting::asking(by_key(20), Value::Null));
        let by_id = ends && !note.contains("same id");
        for (request, ends) in
            [(by_key(20), ends), (Request::bearing(&token), by_id), (Request::chat(), false)]
        {
            publish(&mut scene, FIRST, held()).unwrap();
            let (mut call, outcome) = scene.decide(&request);
            assert!(matches!(outcome, Outcome::Forward(_)));
            publish(&mut scene, FIRST, keys.clone()).unwrap();
            assert_eq!(scene.gateway.revoke(&mut call, &scene.polled, NOW_MS), ends, "{note}");
            let reason = call.denial().map(|denial| denial.reason());
            assert_eq!(reason, ends.then_some(Reason::RevokedInFlight), "{note}");
        }
    }
}

#[test]
fn a_call_that_waits_is_judged_by_the_feed_as_it_is_when_it_goes_on() {
    let mut scene = scene(json!({ "policies": [rule("llm.model == 'gpt-4o'", json!({}))] }));
    publish(&mut scene, FIRST, json!([entry(20, json!({}))])).unwrap();
    let request = by_key(20);
    let mut call = scene.open(&request);
    let waiting = Known { body: Body::Coming, ..scene.known(&request) };
    assert!(matches!(scene.gateway.decide(&mut call, &waiting), Outcome::Need(_)));
    publish(&mut scene, FIRST, json!([])).unwrap();
    let known = Known { moment: moment(NOW_MS), patience: Patience::Left, ..scene.known(&request) };
    assert!(matches!(scene.gateway.decide(&mut call, &known), Outcome::Refuse));
    assert_eq!(call.denial().map(|denial| denial.reason()), Some(Reason::KeyUnknown));
}

#[test]
fn a_feed_is_enough_to_call_by() {
    let change = json!({ "keys": [], "issuers": [], "key_feeds": [feed("one")], "quotas": [] });
    let mut scene = Scene::new(change);
    publish(&mut scene, FIRST, json!([entry(20, json!({}))])).unwrap();
    assert_eq!(scene.refusal(&by_key(20)), None);
    assert!(scene.gateway.wants().address, "its keys may be bound to networks");
    let mut scene = Scene::new(json!({ "client_address": null, "keys": [], "key_feeds": [feed("one")] }));
    assert!(!scene.gateway.wants().address);
    let error =
        publish(&mut scene, FIRST, json!([entry(20, json!({ "cidrs": ["10.0.0.0/8"] }))])).unwrap_err();
    assert!(error.starts_with("keys[0].cidrs: ") && error.contains("client_address"), "{error}");
}

#[test]
fn feeds_that_cannot_be_kept_are_errors() {
    let signer = RawSigner::generate("k");
    let remote = |change: Value| {
        json!([merged(feed("one"), json!({ "remote": merged(feed("one")["remote"].clone(), change) }))])
    };
    for (feeds, at) in [
        (json!([feed("a b")]), "key_feeds[0].id"),
        (json!([feed("one"), feed("one")]), "key_feeds[1].id"),
        (json!([feed("one"), merged(feed("one"), json!({ "id": "two" }))]), "key_feeds[1].remote"),
        (remote(json!({ "poll": "0.5s" })), "key_feeds[0].remote.poll"),
        (remote(json!({ "cluster": "" })), "key_feeds[0].remote.cluster"),
        (remote(json!({ "max_age": "4s" })), "key_feeds[0].remote.max_age"),
        (json!([{ "id": "one" }]), "key_feeds[0]"),
        (json!([merged(feed("one"), json!({ "keys": [] }))]), "key_feeds[0].keys"),
    ] {
        assert_eq!(compile(&signer, json!({ "key_feeds": feeds })).unwrap_err().at, at);
    }
}
