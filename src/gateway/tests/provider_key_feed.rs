//! Providers' keys that are kept for tenants and users: used for those alone, as the document has them now.

use serde_json::{Value, json};

use super::own_keys::{own, sealed, user};
use super::reasons::Row;
use super::revoking::list;
use super::{NOW_MS, Request, Scene, rule, setting};
use crate::denial::Reason;
use crate::gateway::{Need, Outcome, Remote};
use crate::identity::PROVIDER_KEY;
use crate::own_key::{FeedEntry, FeedPublicKey, new_pair};
use crate::policy::fixture::merged;
use crate::request::Headers;
use crate::secret::Secret;
use crate::upstream::AtHand;

const ISSUER: &str = "https://idp.example";
const ALL: [&str; 3] = ["openai", "either", "claude"];

/// The halves of the gateway's pair.
pub(super) fn pair() -> (Value, Value) {
    new_pair("feed-1", [7; 32]).unwrap()
}

/// As [`own`], with a feed.
fn kept(change: Value) -> Value {
    let remote = json!({ "cluster": "lists", "host": "lists.example", "path": "/credentials.json" });
    let feed = json!({ "remote": remote, "key": { "env": "FEED" } });
    let section =
        json!({ "issuer": "https://gateway.example/", "sealing_key": { "env": "SEALING" }, "feed": feed });
    own(merged(json!({ "own_keys": section }), change))
}

fn scene(change: Value) -> Scene {
    Scene::new(kept(change))
}

/// The entry of `id`, with the key `sk-<id>`.
fn entry(id: &str, change: Value) -> FeedEntry {
    let plain = json!({ "id": id, "tenant": "acme", "upstreams": ALL, "jwe": "" });
    let entry: FeedEntry = serde_json::from_value(merged(plain, change)).unwrap();
    let public = FeedPublicKey::parse(pair().1.to_string().as_bytes()).unwrap();
    public.seal(entry, &Secret::new(format!("sk-{id}")), &[5; 32]).unwrap()
}

fn of_user(id: &str, subject: &str, change: Value) -> FeedEntry {
    entry(id, merged(json!({ "subject": subject, "issuer": ISSUER }), change))
}

fn changed(entry: &FeedEntry, change: Value) -> FeedEntry {
    serde_json::from_value(merged(serde_json::to_value(entry).unwrap(), change)).unwrap()
}

fn publish(scene: &mut Scene, entries: &[FeedEntry]) {
    let document = json!({ "credentials": entries }).to_string();
    let feed = Remote::ProviderKeyFeed;
    scene.gateway.accept(&mut scene.polled, feed, document.as_bytes(), NOW_MS).unwrap();
}

fn sent(scene: &Scene, request: &Request) -> Result<String, Reason> {
    match scene.decide(request) {
        (_, Outcome::Forward(patch)) => Ok(setting(&patch, "authorization").unwrap()),
        (call, _) => Err(call.denial().unwrap().reason()),
    }
}

fn key(id: &str) -> Result<String, Reason> {
    Ok(format!("Bearer sk-{id}"))
}

fn told(scene: &Scene, request: &Request) -> [Value; 3] {
    let line = scene.decide(request).0.record(&super::reports::ending());
    let record: Value = serde_json::from_str(&line).unwrap();
    ["owner", "kind", "key_id"].map(|name| record[format!("claimgate.upstream.credential.{name}")].clone())
}

/// Every reason that a kept key is refused for.
pub(super) fn rows() -> Vec<Row> {
    vec![(Reason::CredentialFeedUnavailable, kept(json!({})), |scene| user(scene, "alice"))]
}

#[test]
fn a_tenant_has_one_key_and_a_user_may_have_another() {
    let mut scene = scene(json!({}));
    publish(&mut scene, &[entry("acme", json!({})), of_user("alice", "alice", json!({}))]);
    let brought = sealed(&scene, "alice", json!({}));
    let globex = Request::bearing(&scene.token(json!({ "sub": "alice", "org": "globex" })));
    // Again, so that what is remembered of the one is there when the other comes.
    for _ in 0..2 {
        for (request, want, owner, note) in [
            (user(&scene, "bob"), key("acme"), "tenant", "the tenant's"),
            (Request::chat(), key("acme"), "tenant", "the tenant's, for a program"),
            (user(&scene, "alice"), key("alice"), "caller", "her own"),
            (
                user(&scene, "alice").with(PROVIDER_KEY, &brought),
                key("alices-own"),
                "caller",
                "the one that she brings along",
            ),
            (globex.clone(), Err(Reason::ProviderKeyMissing), "", "another tenant"),
        ] {
            assert_eq!(sent(&scene, &request), want, "{note}");
            if want.is_ok() {
                assert_eq!(told(&scene, &request)[0], owner, "{note}");
            }
        }
        assert_eq!(sent(&scene, &globex.clone().to(Some("either"))), key("FALLBACK"));
        assert_eq!(sent(&scene, &user(&scene, "bob").to(Some("either"))), key("acme"));
        assert_eq!(sent(&scene, &user(&scene, "bob").to(Some("shared"))), key("SHARED"), "the gateway's");
    }
    assert_eq!(told(&scene, &user(&scene, "bob")), ["tenant", "feed", "acme"]);
    assert_eq!(told(&scene, &user(&scene, "alice")), ["caller", "feed", "alice"]);
    assert_eq!(told(&scene, &globex.to(Some("either")))[0], "gateway");
    let counters = scene.decide(&user(&scene, "bob")).0.own_key_counters();
    assert_eq!(counters, ["opened", "kid.feed-1"]);
}

#[test]
fn a_document_counts_from_the_next_request_on() {
    let mut scene = scene(json!({}));
    let (old, new) = (entry("old", json!({})), entry("new", json!({ "not_before": "2026-01-01T11:00:00Z" })));
    let missing = Err(Reason::ProviderKeyMissing);
    let broken = Err(Reason::ProviderKeysUnavailable);
    let request = user(&scene, "bob");
    for (entries, want, note) in [
        (vec![], missing.clone(), "nothing"),
        (vec![old.clone()], key("old"), "added"),
        (vec![new.clone(), old.clone()], key("new"), "rotated"),
        (vec![new.clone()], key("new"), "the old one is out"),
        (vec![changed(&new, json!({ "disabled": true }))], missing.clone(), "disabled"),
        (vec![new.clone()], key("new"), "enabled"),
        (vec![changed(&new, json!({ "expires_at": "2026-01-01T12:00:00Z" }))], missing.clone(), "over"),
        (vec![changed(&new, json!({ "upstreams": ["openai"] }))], broken.clone(), "changed without its key"),
        (vec![changed(&new, json!({ "jwe": old.jwe }))], broken, "with the key of another entry"),
        (vec![changed(&new, json!({ "tenant": "globex" }))], missing, "moved away"),
    ] {
        publish(&mut scene, &entries);
        for _ in 0..2 {
            assert_eq!(sent(&scene, &request), want, "{note}");
        }
    }
    let globex = Request::bearing(&scene.token(json!({ "org": "globex" }))).to(Some("either"));
    assert_eq!(
        sent(&scene, &globex),
        Err(Reason::ProviderKeysUnavailable),
        "moved here, and never the fallback"
    );
    let either = request.to(Some("either"));
    assert_eq!(sent(&scene, &either), key("FALLBACK"), "no entry");
    publish(&mut scene, &[changed(&new, json!({ "disabled": true }))]);
    assert_eq!(
        sent(&scene, &either),
        Err(Reason::ProviderKeyMissing),
        "one that is disabled is not no entry"
    );
    let denial = scene.decide(&either).0.denial().unwrap().clone();
    assert_eq!(denial.note(), Some("the entry `new` of the feed is disabled"));
    assert!(!denial.message().contains("new"), "{}", denial.message());
}

#[test]
fn rules_see_whose_account_it_is_now() {
    let rules = json!({ "policies": [rule("upstream.owner == 'tenant'", json!({}))] });
    let mut scene = scene(rules);
    let request = user(&scene, "alice").to(Some("either"));
    for (entries, want) in [
        (vec![entry("acme", json!({}))], None),
        (vec![], Some(Reason::PolicyDenied)),
        (vec![of_user("alice", "alice", json!({}))], Some(Reason::PolicyDenied)),
        (vec![entry("acme", json!({})), of_user("bob", "bob", json!({}))], None),
        (vec![entry("acme", json!({})), of_user("alice", "alice", json!({}))], Some(Reason::PolicyDenied)),
    ] {
        publish(&mut scene, &entries);
        for _ in 0..2 {
            assert_eq!(scene.refusal(&request), want, "{entries:?}");
        }
    }
}

#[test]
fn a_feed_that_has_not_come_refuses_whom_it_could_be_about() {
    let mut scene = scene(json!({}));
    let brought = sealed(&scene, "alice", json!({}));
    let unavailable = Err(Reason::CredentialFeedUnavailable);
    for (request, want, note) in [
        (user(&scene, "alice"), unavailable.clone(), "she could have one"),
        (user(&scene, "alice").to(Some("either")), unavailable.clone(), "never the fallback"),
        (user(&scene, "alice").with(PROVIDER_KEY, &brought), key("alices-own"), "she brings one"),
        (Request::chat().keyed(7).to(Some("either")), key("FALLBACK"), "no tenant, no entry"),
        (user(&scene, "alice").to(Some("shared")), key("SHARED"), "nobody looks there"),
    ] {
        assert_eq!(sent(&scene, &request), want, "{note}");
    }
    let (call, _) = scene.decide(&user(&scene, "alice"));
    let answer = call.answer().unwrap();
    assert!(answer.headers.iter().any(|(name, value)| name == "retry-after" && value == "5"), "{answer:?}");
    publish(&mut scene, &[entry("acme", json!({}))]);
    let later = scene.decide_at(&user(&scene, "alice"), NOW_MS + 61_000).0;
    assert_eq!(later.denial().map(|denial| denial.reason()), Some(Reason::CredentialFeedUnavailable));
    let document = br#"{"credentials":[{"id":"x"}]}"#;
    let refused = scene.gateway.accept(&mut scene.polled, Remote::ProviderKeyFeed, document, NOW_MS);
    assert!(refused.unwrap_err().starts_with("credentials[0]: missing field"));
    assert_eq!(sent(&scene, &user(&scene, "alice")), key("acme"), "the last good one stays");
}

#[test]
fn a_kept_key_is_revoked_by_its_entry_and_by_lists() {
    let mut scene = scene(json!({ "revocations": [list()] }));
    let (acme, alices) = (entry("acme", json!({})), of_user("alice", "alice", json!({})));
    let lists = |scene: &mut Scene, entries: Value| {
        let document = json!({ "revoked": entries }).to_string();
        let list = Remote::RevocationList(0);
        scene.gateway.accept(&mut scene.polled, list, document.as_bytes(), NOW_MS).unwrap();
    };
    lists(&mut scene, json!([]));
    publish(&mut scene, &[acme.clone(), alices.clone()]);
    let (bob, alice) = (user(&scene, "bob"), user(&scene, "alice"));
    let (mut of_acme, mut of_alice) = (scene.decide(&bob).0, scene.decide(&alice).0);
    lists(&mut scene, json!([{ "jti": "alice" }]));
    assert_eq!(scene.refusal(&alice), Some(Reason::CredentialRevoked), "her tenant's is not taken for it");
    assert_eq!(scene.refusal(&bob), None);
    assert!(scene.gateway.revoke(&mut of_alice, &scene.polled, NOW_MS), "in flight");
    lists(&mut scene, json!([]));
    publish(&mut scene, &[entry("acme-2", json!({})), alices]);
    assert!(!scene.gateway.revoke(&mut of_acme, &scene.polled, NOW_MS), "one that is replaced goes on");
    publish(&mut scene, &[changed(&acme, json!({ "disabled": true }))]);
    assert!(scene.gateway.may_revoke() && scene.gateway.revoke(&mut of_acme, &scene.polled, NOW_MS));
    assert_eq!(
        of_acme.denial().and_then(|denial| denial.note()),
        Some("the entry `acme` of the feed is disabled")
    );
}

#[test]
fn what_is_stored_is_the_tenants_alone() {
    let mut scene = scene(json!({}));
    publish(&mut scene, &[entry("acme", json!({}))]);
    let files = |scene: &Scene| user(scene, "bob").at("GET", "/v1/files").to(Some("either"));
    let earlier = |scene: &Scene| {
        let body = r#"{"model":"gpt-4o","input":"a","previous_response_id":"resp_1"}"#;
        user(scene, "bob").at("POST", "/v1/responses").body(body).to(Some("either"))
    };
    assert_eq!((scene.refusal(&files(&scene)), scene.refusal(&earlier(&scene))), (None, None));
    publish(&mut scene, &[]);
    let shared = Some(Reason::StatefulOperationSharedCredential);
    assert_eq!((scene.refusal(&files(&scene)), scene.refusal(&earlier(&scene))), (shared, shared));
}

#[test]
fn a_call_that_is_held_is_judged_anew_where_its_account_is_another() {
    let quota = json!({ "id": "q", "engine": "global", "limit": 5, "window": "60s", "window_kind": "fixed", "per": ["'all'"] });
    let service = json!({ "cluster": "rate-limit" });
    // So that the body is read before it is known to matter.
    let rules = [rule("llm.model == 'gpt-4o'", json!({}))];
    let mut scene = scene(json!({ "policies": rules, "quotas": [quota], "rate_limit_service": service }));
    publish(&mut scene, &[entry("acme", json!({}))]);
    let body = r#"{"model":"gpt-4o","input":"a","previous_response_id":"resp_1"}"#;
    let request = user(&scene, "bob").at("POST", "/v1/responses").body(body).to(Some("either"));
    let mut call = scene.open(&request);
    let outcome = scene.gateway.decide(&mut call, &scene.known(&request));
    assert!(matches!(outcome, Outcome::Need(Need::RateLimit(_))), "{outcome:?}");
    publish(&mut scene, &[]);
    scene.gateway.decide(&mut call, &scene.known(&request));
    let refused = call.denial().map(|denial| denial.reason());
    assert_eq!(refused, Some(Reason::StatefulOperationSharedCredential));
}

#[test]
fn what_lies_in_a_feed_is_nobodys_to_send() {
    let mut scene = scene(json!({}));
    let acme = entry("acme", json!({}));
    publish(&mut scene, std::slice::from_ref(&acme));
    for value in [acme.jwe.clone(), format!("cgf_{}", acme.jwe), format!("cgs_{}", acme.jwe)] {
        for _ in 0..2 {
            let request = user(&scene, "bob").with(PROVIDER_KEY, &value);
            assert_eq!(scene.refusal(&request), Some(Reason::ProviderKeyInvalid));
            assert_eq!(sent(&scene, &user(&scene, "bob")), key("acme"));
        }
    }
    let as_credential = scene.decide(&Request::bearing(&format!("cgf_{}", acme.jwe))).0;
    assert_eq!(as_credential.denial().map(|denial| denial.status()), Some(401));
}

#[test]
fn a_kept_key_is_held_to_its_models() {
    let mut scene = scene(json!({}));
    publish(&mut scene, &[entry("acme", json!({ "models": ["gpt-4o*"] }))]);
    for _ in 0..2 {
        for (body, want) in [
            (r#"{"model":"gpt-4o-mini"}"#, None),
            (r#"{"model":"o1"}"#, Some(Reason::ModelNotAllowed)),
            ("{}", Some(Reason::ModelUnknowable)),
        ] {
            assert_eq!(scene.refusal(&user(&scene, "bob").body(body)), want, "{body}");
        }
    }
}

#[test]
fn what_the_provider_says_of_the_tenants_key_is_not_the_callers_to_mend() {
    let mut scene = scene(json!({}));
    publish(&mut scene, &[entry("acme", json!({})), of_user("alice", "alice", json!({}))]);
    for (subject, is_replaced) in [("bob", true), ("alice", false)] {
        let (mut call, _) = scene.decide(&user(&scene, subject));
        let answer = call.answer_for_refused_credential(401, &Headers::with_capacity(0, 0));
        assert_eq!(answer.is_some(), is_replaced, "{subject}");
    }
}

#[test]
fn at_the_cluster_a_kept_key_arrives_sealed_and_is_opened_there() {
    let mut scene = scene(json!({ "attach": "at_cluster" }));
    let acme = entry("acme", json!({}));
    publish(&mut scene, std::slice::from_ref(&acme));
    let (call, outcome) = scene.decide(&user(&scene, "bob").to(Some("either")));
    let Outcome::Forward(patch) = outcome else { panic!("{:?}", call.denial()) };
    assert_eq!(setting(&patch, "authorization"), None, "nothing goes on in the chain");
    let passport = call.passport().unwrap();
    let written = serde_json::to_string(passport).unwrap();
    assert!(written.contains(&format!("cgf_{}", acme.jwe)) && !written.contains("sk-acme"), "{written}");
    let rooms = &scene.gateway.rooms;
    let own_keys = rooms.own_keys.as_ref().unwrap();
    let open = |sealed: &[u8]| own_keys.open_carried(sealed);
    let no_member = |_, _| Err(Reason::UpstreamPoolExhausted.into());
    let at_hand = AtHand { token: &|_| None, member: &no_member, own_key: &open };
    let attached = rooms.upstreams.attach_at_cluster(Some("either"), Some(passport), &at_hand).unwrap();
    assert_eq!(setting(&attached.patch, "authorization"), Some("Bearer sk-acme".to_owned()));
    let value = sealed(&scene, "alice", json!({}));
    assert_eq!(open(value.as_bytes()).unwrap().secret().expose(), b"sk-alices-own", "both kinds");
    assert!(own_keys.open(format!("cgf_{}", acme.jwe).as_bytes()).is_err(), "not where callers send keys");
}
