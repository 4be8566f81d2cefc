//! Credentials that are revoked while they are remembered, and while their requests are under way.

use serde_json::{Value, json};

use super::{NOW_MS, Request, Scene, exchanging, minting, rule};
use crate::denial::Reason;
use crate::gateway::{Outcome, Remote};
use crate::policy::fixture::merged;

const LIST: Remote = Remote::RevocationList(0);

pub(super) fn list() -> Value {
    let remote = json!({ "cluster": "lists", "host": "lists.example", "path": "/revoked.json" });
    json!({ "id": "main", "remote": remote })
}

fn scene(change: Value) -> Scene {
    let plain = json!({ "revocations": [list()], "quotas": [] });
    let mut scene = Scene::new(merged(plain, change));
    revoke(&mut scene, json!([]));
    scene
}

fn revoke(scene: &mut Scene, entries: Value) {
    let document = json!({ "revoked": entries }).to_string();
    scene.gateway.accept(&mut scene.polled, LIST, document.as_bytes(), NOW_MS).unwrap();
}

#[test]
fn a_remembered_credential_is_refused_as_soon_as_it_is_revoked() {
    for (request, entry) in [
        (Request::chat(), json!({ "key": "k1" })),
        (Request::bearing("jwt"), json!({ "jti": "j-1" })),
        (Request::bearing("jwt"), json!({ "subject": "alice", "issuer": "https://idp.example" })),
        (Request::chat(), json!({ "tenant": "acme" })),
    ] {
        let mut scene = scene(json!({}));
        let request = match request.headers.iter().any(|(_, value)| value == "Bearer jwt") {
            true => Request::bearing(&scene.token(json!({ "jti": "j-1" }))),
            false => request,
        };
        for _ in 0..2 {
            assert_eq!(scene.refusal(&request), None, "{entry}");
        }
        revoke(&mut scene, json!([entry]));
        assert_eq!(scene.refusal(&request), Some(Reason::CredentialRevoked), "{entry}");
        revoke(&mut scene, json!([]));
        assert_eq!(scene.refusal(&request), None, "{entry} is taken back");
    }
}

#[test]
fn the_caller_is_not_told_which_list_names_whom() {
    let mut scene = scene(json!({}));
    revoke(&mut scene, json!([{ "key": "k1", "note": "seen in a public repository" }]));
    let (call, _) = scene.decide(&Request::chat());
    let told = call.answer().unwrap().body;
    assert!(!told.contains("main") && !told.contains("repository"), "{told}");
    let note = call.denial().unwrap().note().unwrap();
    assert_eq!(note, r#"the list `main`: {"key":"k1"}"#);
}

#[test]
fn a_revoked_key_takes_its_tokens_with_it() {
    let mut scene = scene(minting::tokens(json!({ "allow_actor": "true" })));
    let user = scene.token(json!({ "jti": "j-1" }));
    let plain = minting::token(&scene, &minting::asking(Request::chat(), Value::Null));
    let acting = minting::token(&scene, &exchanging::acting(&user, &[]));
    let revoked = Some(Reason::CredentialRevoked);
    for (entry, of_plain, of_acting, note) in [
        (json!({ "key": "k1" }), revoked, revoked, "the agent's key"),
        (json!({ "jti": "j-1" }), None, revoked, "the user's token"),
        (json!({ "subject": "alice" }), None, revoked, "the user"),
        (json!({ "actor": "indexer" }), None, revoked, "the agent, where it acts for somebody"),
        (json!({ "service_account": "indexer" }), revoked, revoked, "the agent, wherever"),
        (
            json!({ "subject": "indexer", "issued_before": "2020-01-01T00:00:00Z" }),
            revoked,
            revoked,
            "its key says not when",
        ),
        (
            json!({ "issued_before": "2026-01-01T11:59:51Z", "subject": "alice" }),
            None,
            revoked,
            "issued before",
        ),
        (json!({ "issued_before": "2026-01-01T11:59:50Z", "subject": "alice" }), None, None, "issued since"),
        (json!({ "key": "k1", "until": "2026-01-01T12:00:00Z" }), None, None, "an entry that is over"),
    ] {
        revoke(&mut scene, json!([entry]));
        assert_eq!(scene.refusal(&Request::bearing(&plain)), of_plain, "{note}");
        assert_eq!(scene.refusal(&Request::bearing(&acting)), of_acting, "{note}");
    }
    revoke(&mut scene, json!([{ "subject": "alice" }]));
    let again = exchanging::acting(&user, &[]);
    assert_eq!(scene.refusal(&again), revoked, "nobody gets a token for a revoked user");
}

#[test]
fn a_model_is_switched_off_for_all_or_for_some() {
    let mut scene = scene(json!({}));
    let asks = |model: &str| Request::chat().body(&json!({ "model": model, "messages": [] }).to_string());
    assert_eq!(scene.refusal(&asks("o1")), None, "it is remembered that no body is read");
    let off = Some(Reason::ModelNotAllowed);
    for (entry, o1, mini, note) in [
        (json!({ "model": "o1*" }), off, None, "for all"),
        (json!({ "model": "o1*", "tenant": "acme" }), off, None, "for this tenant"),
        (json!({ "model": "o1*", "tenant": "globex" }), None, None, "for another"),
        (json!({ "model": "*" }), off, off, "every model"),
    ] {
        revoke(&mut scene, json!([entry]));
        for _ in 0..2 {
            assert_eq!(scene.refusal(&asks("o1-pro")), o1, "{note}");
            assert_eq!(scene.refusal(&asks("gpt-4o-mini")), mini, "{note}");
        }
    }
    assert_eq!(scene.refusal(&Request::chat().at("GET", "/v1/models")), None, "no model is asked");
    let batch = Request::chat().at("POST", "/v1/batches").body("{}");
    assert_eq!(scene.refusal(&batch), Some(Reason::ModelUnknowable), "one that cannot be seen");
    revoke(&mut scene, json!([]));
    assert_eq!(scene.refusal(&batch), None);
}

#[test]
fn a_list_that_is_too_old_refuses_unless_the_configuration_says_otherwise() {
    let remote = json!({ "cluster": "lists", "host": "h", "path": "/p", "max_age": "30s" });
    let at = |scene: &Scene, ms: u64| {
        scene.decide_at(&Request::chat(), NOW_MS + ms).0.denial().map(|denial| denial.reason())
    };
    for (when_stale, want) in [("deny", Some(Reason::RevocationsUnavailable)), ("continue", None)] {
        let list = json!([{ "id": "main", "remote": remote, "when_stale": when_stale }]);
        let mut scene = Scene::new(json!({ "revocations": list, "quotas": [] }));
        assert_eq!(scene.refusal(&Request::chat()), want, "it has not come yet");
        revoke(&mut scene, json!([]));
        assert_eq!(at(&scene, 30_000), None, "as old as may be");
        assert_eq!(at(&scene, 30_001), want, "older");
        let back =
            scene.decide_at(&Request::chat(), NOW_MS - 31_000).0.denial().map(|denial| denial.reason());
        assert_eq!(back, want, "a clock that was set back by more");
        scene.polled.confirm(LIST, NOW_MS + 30_000);
        assert_eq!(at(&scene, 60_000), None, "it was still the current one");
        revoke(&mut scene, json!([{ "key": "k1" }]));
        assert_eq!(at(&scene, 99_000), Some(Reason::CredentialRevoked), "revoked stays revoked");
    }
}

#[test]
fn an_open_call_ends_when_its_credential_or_its_model_is_revoked() {
    for (entry, is_revoked) in [
        (json!({ "key": "k1" }), true),
        (json!({ "model": "gpt-4o" }), true),
        (json!({ "key": "k2" }), false),
        (json!({ "model": "o1" }), false),
    ] {
        let mut scene = scene(json!({ "policies": [rule("llm.model != 'x'", json!({}))] }));
        let (mut call, outcome) = scene.decide(&Request::chat());
        assert!(matches!(outcome, Outcome::Forward(_)));
        revoke(&mut scene, json!([entry]));
        assert_eq!(scene.gateway.revoke(&mut call, &scene.polled, NOW_MS), is_revoked, "{entry}");
        let reason = call.denial().map(|denial| denial.reason());
        assert_eq!(reason, is_revoked.then_some(Reason::RevokedInFlight), "{entry}");
        assert!(!scene.gateway.revoke(&mut call, &scene.polled, NOW_MS), "only once: {entry}");
    }
}

#[test]
fn lists_that_cannot_be_kept_are_errors() {
    let error = |list: Value| {
        let signer = crate::identity::signing::RawSigner::generate("k");
        super::compile(&signer, json!({ "revocations": list })).unwrap_err()
    };
    let remote = |change: Value| {
        let plain = json!({ "cluster": "c", "host": "h", "path": "/p" });
        json!([{ "id": "a", "remote": merged(plain, change) }])
    };
    let entry = |entry: Value| json!([{ "id": "a", "revoked": [entry] }]);
    for (list, at, why) in [
        (json!([{ "id": "a" }]), "revocations[0]", "neither"),
        (json!([{ "id": "a b", "revoked": [{ "key": "k" }] }]), "revocations[0].id", "not a name"),
        (
            json!([{ "id": "a", "revoked": [{ "key": "k" }] }, { "id": "a", "revoked": [{ "key": "k" }] }]),
            "revocations[1].id",
            "twice",
        ),
        (remote(json!({ "poll": "500ms" })), "revocations[0].remote.poll", "less than a second"),
        (remote(json!({ "path": "revoked.json" })), "revocations[0].remote.path", "begins with `/`"),
        (remote(json!({ "max_age": "1s" })), "revocations[0].remote.max_age", "less than"),
        (entry(json!({})), "revocations[0].revoked[0]", "would revoke everybody"),
        (entry(json!({ "note": "x" })), "revocations[0].revoked[0]", "would revoke everybody"),
        (entry(json!({ "key": "" })), "revocations[0].revoked[0]", "is empty"),
        (entry(json!({ "key": "a", "jti": "b" })), "revocations[0].revoked[0]", "two entries"),
    ] {
        let error = error(list);
        assert!(error.at == at && error.why.contains(why), "{error}");
    }
}
