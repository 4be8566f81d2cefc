//! Users' own keys for providers: sealed by the gateway, brought along, and used for nobody else.

use serde_json::{Value, json};

use super::exchanging::acting;
use super::minting::{self, answered, token, tokens};
use super::reasons::Row;
use super::revoking::list;
use super::{NOW, NOW_MS, Request, Scene, compiled, rule, setting};
use crate::denial::Reason;
use crate::gateway::{Known, Need, Outcome, Remote};
use crate::identity::PROVIDER_KEY;
use crate::policy::fixture::{head, merged, moment};
use crate::request::{Headers, Moment};
use crate::upstream::AtHand;

pub(super) const PATH: &str = "/claimgate/v1/provider-keys";
const KEY: &str = "sk-alices-own";

/// Callers' own keys at `openai`, and with a fallback at `either`; `shared` is the gateway's.
pub(super) fn own(change: Value) -> Value {
    let upstream = |cluster: &str, credential: Value| json!({ "cluster": cluster, "dialect": "openai", "credential": credential });
    let plain = json!({
        "own_keys": { "issuer": "https://gateway.example/", "sealing_key": { "env": "SEALING" } },
        "quotas": [],
        "upstreams": [
            upstream("openai", json!({ "own": {} })),
            upstream("either", json!({ "own": { "fallback": "FALLBACK" } })),
            upstream("shared", json!({ "env": "SHARED" })),
            { "cluster": "claude", "dialect": "anthropic", "credential": { "own": {} } },
        ],
    });
    merged(plain, change)
}

fn scene(change: Value) -> Scene {
    Scene::new(own(change))
}

pub(super) fn user(scene: &Scene, subject: &str) -> Request {
    Request::bearing(&scene.token(json!({ "sub": subject, "jti": format!("of-{subject}") })))
}

pub(super) fn sealing(request: Request, change: Value) -> Request {
    let plain = json!({ "key": KEY, "upstreams": ["openai", "either", "claude"], "expires_in": 3600 });
    let body = merged(plain, change).to_string();
    request.at("POST", PATH).with("content-type", "application/json").body(&body).to(None)
}

pub(super) fn sealed(scene: &Scene, subject: &str, change: Value) -> String {
    let (_, body) = answered(scene, &sealing(user(scene, subject), change));
    body["value"].as_str().unwrap().to_owned()
}

fn with_key(scene: &Scene, subject: &str, value: &str) -> Request {
    user(scene, subject).with(PROVIDER_KEY, value)
}

fn sent(scene: &Scene, request: &Request) -> String {
    setting(&scene.patch(request), "authorization").unwrap()
}

fn record(scene: &Scene, request: &Request) -> Value {
    serde_json::from_str(&scene.decide(request).0.record(&super::reports::ending())).unwrap()
}

/// Every reason that a key is refused for.
pub(super) fn rows() -> Vec<Row> {
    use Reason as R;
    let without = json!({ "issuer": "https://gateway.example/", "sealing_key": { "env": "ABSENT" } });
    vec![
        (R::ProviderKeyMissing, own(json!({})), |s| user(s, "alice")),
        (R::ProviderKeyInvalid, own(json!({})), |s| with_key(s, "alice", KEY)),
        (R::ProviderKeyInvalid, json!({}), |_| Request::bearing("cgs_a.b.c.d.e")),
        (R::ProviderKeyExpired, own(json!({})), |s| {
            let early = Request::bearing(&s.token(json!({ "iat": NOW - 90 })));
            let asking = sealing(early, json!({ "expires_in": 60 }));
            let (call, _) = s.decide_at(&asking, NOW_MS - 60_000);
            let body: Value = serde_json::from_str(&call.answer().unwrap().body).unwrap();
            with_key(s, "alice", body["value"].as_str().unwrap())
        }),
        (R::ProviderKeyNotForCaller, own(json!({})), |s| with_key(s, "bob", &sealed(s, "alice", json!({})))),
        (R::ProviderKeyNotForUpstream, own(json!({})), |s| {
            with_key(s, "alice", &sealed(s, "alice", json!({ "upstreams": ["either"] })))
        }),
        (R::ProviderKeyRequestInvalid, own(json!({})), |s| {
            sealing(user(s, "alice"), json!({ "expires_in": 1 }))
        }),
        (R::ProviderKeyRequestDenied, own(json!({})), |_| sealing(Request::chat(), json!({}))),
        (R::ProviderKeysUnavailable, own(json!({ "own_keys": without })), |s| {
            sealing(user(s, "alice"), json!({}))
        }),
    ]
}

fn accept(scene: &mut Scene, entries: Value) {
    let document = json!({ "revoked": entries }).to_string();
    let list = Remote::RevocationList(0);
    scene.gateway.accept(&mut scene.polled, list, document.as_bytes(), NOW_MS).unwrap();
}

#[test]
fn a_user_brings_its_own_key_and_nobody_else_can_use_it() {
    let scene = scene(json!({}));
    let (alices, bobs) =
        (sealed(&scene, "alice", json!({})), sealed(&scene, "bob", json!({ "key": "sk-bobs-own" })));
    // Twice, so that what is remembered of the one is there when the other comes.
    for _ in 0..2 {
        for (subject, value, want) in [("alice", &alices, KEY), ("bob", &bobs, "sk-bobs-own")] {
            let request = with_key(&scene, subject, value);
            assert_eq!(sent(&scene, &request), format!("Bearer {want}"), "{subject}");
            let patch = scene.patch(&request);
            assert!(patch.removals().any(|name| name == PROVIDER_KEY), "it goes no further");
        }
        for (subject, value, want, note) in [
            ("alice", bobs.as_str(), Reason::ProviderKeyNotForCaller, "somebody else's"),
            ("mallory", &alices, Reason::ProviderKeyNotForCaller, "a stolen one"),
            ("alice", "", Reason::ProviderKeyMissing, "an empty header is none"),
            ("alice", KEY, Reason::ProviderKeyInvalid, "the key itself"),
            ("alice", "cgs_a.b.c.d.e", Reason::ProviderKeyInvalid, "nothing that was sealed"),
        ] {
            assert_eq!(scene.refusal(&with_key(&scene, subject, value)), Some(want), "{note}");
        }
        assert_eq!(scene.refusal(&user(&scene, "alice")), Some(Reason::ProviderKeyMissing), "none");
    }
    let acme = Request::bearing(&scene.token(json!({ "sub": "alice", "org": "globex" })));
    assert_eq!(
        scene.refusal(&acme.with(PROVIDER_KEY, &alices)),
        Some(Reason::ProviderKeyNotForCaller),
        "another tenant's alice"
    );
    let mut twice = with_key(&scene, "alice", &alices);
    twice.headers.push((PROVIDER_KEY.to_owned(), alices.clone()));
    assert_eq!(scene.refusal(&twice), Some(Reason::AmbiguousCredential));
}

#[test]
fn a_key_stands_where_its_provider_wants_it() {
    let scene = scene(json!({}));
    let value = sealed(&scene, "alice", json!({}));
    let claude = with_key(&scene, "alice", &value).at("POST", "/v1/messages").to(Some("claude"));
    assert_eq!(setting(&scene.patch(&claude), "x-api-key").as_deref(), Some(KEY));
}

#[test]
fn a_sealed_key_is_no_credential_of_a_caller() {
    let scene = scene(json!({}));
    let value = sealed(&scene, "alice", json!({}));
    for request in [
        Request::bearing(&value),
        Request::new("POST", "/v1/chat/completions").with("x-api-key", &value),
        Request::new("POST", "/v1/chat/completions").with("api-key", &value),
    ] {
        let (call, _) = scene.decide(&request);
        assert_eq!(call.denial().unwrap().reason(), Reason::ProviderKeyInvalid);
        assert!(!call.answer().unwrap().body.contains(&value), "it is not said again");
    }
}

#[test]
fn a_key_is_used_where_it_is_for_and_who_brings_one_pays_with_it() {
    let scene = scene(json!({}));
    let only = sealed(&scene, "alice", json!({ "upstreams": ["openai"] }));
    let request = |value: &str, cluster| with_key(&scene, "alice", value).to(Some(cluster));
    for (value, cluster, want, note) in [
        (only.as_str(), "openai", Ok(KEY), "named"),
        (&only, "either", Err(Reason::ProviderKeyNotForUpstream), "not named: never the fallback"),
        (
            &only,
            "shared",
            Err(Reason::ProviderKeyNotForUpstream),
            "the gateway's own credential is used there",
        ),
        (KEY, "shared", Err(Reason::ProviderKeyInvalid), "the key itself, where none is needed"),
        ("", "either", Ok("sk-FALLBACK"), "none, where a fallback is written"),
        ("", "shared", Ok("sk-SHARED"), "none, where none is needed"),
    ] {
        let request = request(value, cluster);
        let got = match scene.refusal(&request) {
            Some(reason) => Err(reason),
            None => Ok(sent(&scene, &request)),
        };
        assert_eq!(got, want.map(|key| format!("Bearer {key}")), "{note}");
    }
    let without = Scene::new(json!({}));
    let patch = without.patch(&Request::chat().with(PROVIDER_KEY, KEY).with("x_claimgate_provider_key", KEY));
    let removed: Vec<_> = patch.removals().collect();
    for name in [PROVIDER_KEY, "x_claimgate_provider_key"] {
        assert!(removed.contains(&name), "{name} comes off where nobody has the section");
    }
}

#[test]
fn a_key_for_some_models_is_for_no_other() {
    let scene = scene(json!({}));
    let value = sealed(&scene, "alice", json!({ "models": ["gpt-4o*"] }));
    let all = sealed(&scene, "alice", json!({}));
    let asking = |value: &str, body: &str| with_key(&scene, "alice", value).body(body);
    // What is remembered of the other key must not let this one pass unread.
    for _ in 0..2 {
        assert_eq!(scene.refusal(&asking(&all, r#"{"model":"o1"}"#)), None);
        for (body, want) in [
            (r#"{"model":"gpt-4o-mini"}"#, None),
            (r#"{"model":"o1"}"#, Some(Reason::ModelNotAllowed)),
            ("{}", Some(Reason::ModelUnknowable)),
        ] {
            assert_eq!(scene.refusal(&asking(&value, body)), want, "{body}");
        }
    }
    let listing = with_key(&scene, "alice", &value).at("GET", "/v1/models");
    assert_eq!(scene.refusal(&listing), None, "it has no model");
}

#[test]
fn a_key_ends_when_it_was_said_to() {
    let scene = scene(json!({}));
    let value = sealed(&scene, "alice", json!({ "expires_in": 60 }));
    let at = |ms: u64| {
        scene.decide_at(&with_key(&scene, "alice", &value), ms).0.denial().map(|denial| denial.reason())
    };
    assert_eq!((at(NOW_MS), at(NOW_MS + 59_999)), (None, None));
    assert_eq!(at(NOW_MS + 60_000), Some(Reason::ProviderKeyExpired), "though it is remembered");
}

#[test]
fn a_key_is_revoked_while_it_is_remembered_and_in_flight() {
    let mut scene = scene(json!({ "revocations": [list()] }));
    accept(&mut scene, json!([]));
    let (_, body) = answered(&scene, &sealing(user(&scene, "alice"), json!({})));
    let (value, id) = (body["value"].as_str().unwrap().to_owned(), body["id"].clone());
    let later = "2026-01-01T12:00:01Z";
    for (entry, note) in [
        (json!({ "jti": id }), "by its name"),
        (
            json!({ "issuer": "https://gateway.example/", "issued_before": later }),
            "all that was sealed before",
        ),
        (json!({ "issuer": "https://idp.example", "subject": "alice" }), "its owner"),
        (json!({ "tenant": "acme" }), "its tenant"),
    ] {
        let request = with_key(&scene, "alice", &value);
        let (mut call, _) = scene.decide(&request);
        assert!(call.is_let_through(), "{note}");
        accept(&mut scene, json!([entry]));
        assert_eq!(scene.refusal(&request), Some(Reason::CredentialRevoked), "{note}");
        assert!(scene.gateway.revoke(&mut call, &scene.polled, NOW_MS), "{note}: in flight");
        let reseal = sealing(
            user(&scene, "alice"),
            json!({ "key": null, "upstreams": null, "expires_in": null, "sealed": value }),
        );
        assert_eq!(scene.refusal(&reseal), Some(Reason::CredentialRevoked), "{note}: sealed anew");
        accept(&mut scene, json!([]));
    }
    let without = user(&scene, "alice").to(Some("either"));
    accept(&mut scene, json!([{ "jti": id }]));
    assert_eq!(scene.refusal(&without), None, "the owner goes on without it");
}

#[test]
fn who_may_have_a_key_sealed_and_what_of_it_is_told() {
    let scene = scene(merged(tokens(json!({})), json!({})));
    let request = sealing(user(&scene, "alice"), json!({}));
    let (call, outcome) = scene.decide(&request);
    assert!(matches!(outcome, Outcome::Answer));
    let answer = call.answer().unwrap();
    let header =
        |name: &str| answer.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    assert_eq!((answer.status, header("cache-control")), (200, Some("no-store")));
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["expires_at"], json!(NOW + 3600));
    let line = call.record(&super::reports::ending());
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&record["claimgate.provider_key.id"], &record["claimgate.provider_key.expires_at"]),
        (&body["id"], &body["expires_at"])
    );
    for told in [line, format!("{call:?}")] {
        assert!(!told.contains(KEY) && !told.contains("cgs_"), "{told}");
    }
    let minted = token(&scene, &minting::asking(user(&scene, "alice"), Value::Null));
    for (request, want, note) in [
        (sealing(Request::chat(), json!({})), Reason::ProviderKeyRequestDenied, "an API key"),
        (
            sealing(Request::bearing(&minted), json!({})),
            Reason::ProviderKeyRequestDenied,
            "a token of this gateway",
        ),
        (sealing(Request::new("POST", PATH), json!({})), Reason::CredentialMissing, "nobody"),
        (
            sealing(user(&scene, "alice"), json!({})).at("GET", PATH),
            Reason::OperationUnknown,
            "not by `POST`",
        ),
        (
            sealing(user(&scene, "alice"), json!({ "upstreams": ["shared"] })),
            Reason::ProviderKeyRequestInvalid,
            "not used there",
        ),
        (
            sealing(user(&scene, "alice"), json!({ "key": "a".repeat(4096) })),
            Reason::BodyTooLarge,
            "a long body",
        ),
    ] {
        let (call, _) = scene.decide(&request);
        assert_eq!(call.denial().map(|denial| denial.reason()), Some(want), "{note}");
        assert!(!call.answer().unwrap().body.contains(KEY), "{note}");
    }
    let waiting = sealing(user(&scene, "alice"), json!({}));
    let mut call = scene.open(&waiting);
    let known = Known { body: crate::gateway::Body::Coming, ..scene.known(&waiting) };
    let outcome = scene.gateway.decide(&mut call, &known);
    assert!(matches!(outcome, Outcome::Need(Need::Body { limit: 4096, .. })), "{outcome:?}");
}

#[test]
fn rules_and_records_see_whose_account_it_is() {
    let scene = scene(
        json!({ "policies": [rule("upstream.owner == 'caller' || upstream.cluster != 'either'", json!({}))] }),
    );
    let value = sealed(&scene, "alice", json!({}));
    let (with, without) = (with_key(&scene, "alice", &value), user(&scene, "alice"));
    let [with, without] = [with, without].map(|request| request.to(Some("either")));
    // In both orders, so that neither is remembered as the other.
    for _ in 0..2 {
        assert_eq!(scene.refusal(&with), None);
        assert_eq!(scene.refusal(&without), Some(Reason::PolicyDenied));
    }
    let record = |request: &Request| record(&scene, request);
    let told = record(&with);
    assert_eq!(
        (&told["claimgate.upstream.credential.owner"], &told["claimgate.upstream.credential.kind"]),
        (&json!("caller"), &json!("own"))
    );
    assert_eq!(told["claimgate.upstream.credential.key_id"], "11".repeat(16));
    let shared = record(&user(&scene, "alice").to(Some("shared")));
    assert_eq!(shared["claimgate.upstream.credential.owner"], "gateway");
    assert_eq!(shared.get("claimgate.upstream.credential.key_id"), None);
}

#[test]
fn whose_account_it_is_may_keep_things_there() {
    let scene = scene(json!({}));
    let value = sealed(&scene, "alice", json!({}));
    let files = |request: Request| request.at("GET", "/v1/files").to(Some("either"));
    assert_eq!(scene.refusal(&files(with_key(&scene, "alice", &value))), None);
    assert_eq!(
        scene.refusal(&files(user(&scene, "alice"))),
        Some(Reason::StatefulOperationSharedCredential),
        "the fallback is everybody's"
    );
}

#[test]
fn what_the_provider_says_of_a_callers_own_key_is_told_to_the_caller() {
    let scene = scene(json!({}));
    let value = sealed(&scene, "alice", json!({}));
    let (mut own, _) = scene.decide(&with_key(&scene, "alice", &value));
    let (mut shared, _) = scene.decide(&user(&scene, "alice").to(Some("shared")));
    let headers = || Headers::with_capacity(0, 0);
    assert!(own.answer_for_refused_credential(401, &headers()).is_none());
    assert!(shared.answer_for_refused_credential(401, &headers()).is_some());
}

#[test]
fn an_application_has_the_key_in_its_token() {
    let mut scene = scene(merged(tokens(json!({})), json!({ "revocations": [list()] })));
    accept(&mut scene, json!([]));
    let (_, body) = answered(&scene, &sealing(user(&scene, "alice"), json!({ "upstreams": ["openai"] })));
    let (value, sealed_id) = (body["value"].as_str().unwrap().to_owned(), body["id"].clone());
    let folding = |subject: &str| minting::asking(user(&scene, subject), json!({ "provider_key": value }));
    // An application of its own for each entropy.
    let application = |entropy: u8| {
        let request = folding("alice");
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let head = head(request.method, &request.path, &headers);
        let moment = Moment { entropy: [entropy; 16], ..moment(NOW_MS) };
        let mut call = scene.gateway.open_call(head, request.connection.clone(), moment);
        scene.gateway.decide(&mut call, &scene.known(&request));
        serde_json::from_str::<Value>(&call.answer().unwrap().body).unwrap()
    };
    let (body, other) = (application(2), application(3));
    assert!(!body.to_string().contains("cgs_"), "it is in the token alone");
    let app = Request::bearing(body["value"].as_str().unwrap());
    assert_eq!(sent(&scene, &app), format!("Bearer {KEY}"));
    let told = record(&scene, &app);
    assert_eq!(told["claimgate.upstream.credential.owner"], "caller");
    for (request, want, note) in [
        (app.clone().to(Some("either")), Some(Reason::ProviderKeyNotForUpstream), "never the fallback"),
        (app.clone().to(Some("shared")), None, "the gateway's own, which no key is for"),
        (app.clone().with(PROVIDER_KEY, &value), Some(Reason::AmbiguousCredential), "two keys"),
        (folding("bob"), Some(Reason::ProviderKeyNotForCaller), "somebody else's token"),
        (
            minting::asking(Request::chat(), json!({ "provider_key": value })),
            Some(Reason::ProviderKeyNotForCaller),
            "an API key's token",
        ),
        (
            minting::asking(user(&scene, "alice"), json!({ "provider_key": KEY })),
            Some(Reason::ProviderKeyInvalid),
            "the key itself",
        ),
    ] {
        assert_eq!(scene.refusal(&request), want, "{note}");
    }
    // One application is switched off; the key and the others go on.
    let (other, header) =
        (Request::bearing(other["value"].as_str().unwrap()), with_key(&scene, "alice", &value));
    accept(&mut scene, json!([{ "jti": body["id"] }]));
    for (request, want, note) in [
        (&app, Some(Reason::CredentialRevoked), "this one"),
        (&other, None, "another one"),
        (&header, None, "the key itself"),
    ] {
        assert_eq!(scene.refusal(request), want, "{note}");
    }
    accept(&mut scene, json!([{ "jti": sealed_id }]));
    for request in [&app, &other, &header] {
        assert_eq!(scene.refusal(request), Some(Reason::CredentialRevoked), "the key");
    }
}

#[test]
fn a_token_ends_no_later_than_the_key_in_it() {
    let scene = scene(tokens(json!({})));
    let value = sealed(&scene, "alice", json!({ "expires_in": 90 }));
    let request = minting::asking(user(&scene, "alice"), json!({ "provider_key": value }));
    let (_, body) = answered(&scene, &request);
    assert_eq!(body["expires_at"], json!(NOW + 90));
    let plain = Scene::new(tokens(json!({})));
    let request = minting::asking(user(&plain, "alice"), json!({ "provider_key": value }));
    assert_eq!(plain.refusal(&request), Some(Reason::TokenRequestInvalid), "nobody takes keys there");
}

#[test]
fn an_agent_gets_the_key_of_the_user_it_acts_for_and_of_nobody_else() {
    let scene = scene(tokens(json!({ "allow_actor": "true" })));
    let value = sealed(&scene, "alice", json!({}));
    let asking = |subject: &str| {
        let token = scene.token(json!({ "sub": subject }));
        acting(&token, &[("provider_key", value.as_str())])
    };
    let request = Request::bearing(&token(&scene, &asking("alice")));
    assert_eq!(sent(&scene, &request), format!("Bearer {KEY}"));
    assert_eq!(record(&scene, &request)["claimgate.principal.actor"], "indexer");
    assert_eq!(scene.refusal(&asking("bob")), Some(Reason::ProviderKeyNotForCaller));
}

#[test]
fn who_lets_headers_leave_before_the_body_seals_nothing() {
    let error = compiled(own(json!({ "hold": "headers" }))).unwrap_err();
    assert!(error.at == "own_keys" && error.why.contains("hold bodies"), "{error}");
}

#[test]
fn a_key_is_sealed_by_what_cannot_be_guessed_from_the_id() {
    // The decision's id is told to everybody, and is made of the same entropy.
    let scene = scene(json!({}));
    let request = sealing(user(&scene, "alice"), json!({}));
    let one = answered(&scene, &request).1["value"].clone();
    let mut call = scene.open(&request);
    let known = Known { moment: moment(NOW_MS + 1000), ..scene.known(&request) };
    scene.gateway.decide(&mut call, &known);
    let other: Value = serde_json::from_str(&call.answer().unwrap().body).unwrap();
    let nonce = |value: &Value| value.as_str().unwrap().split('.').nth(2).unwrap().to_owned();
    assert_ne!(nonce(&one), nonce(&other["value"]), "the same entropy, another text");
}

#[test]
fn at_the_cluster_a_key_arrives_sealed_and_is_opened_there() {
    let scene = scene(json!({ "attach": "at_cluster" }));
    let value = sealed(&scene, "alice", json!({}));
    let (call, outcome) = scene.decide(&with_key(&scene, "alice", &value).to(Some("either")));
    let Outcome::Forward(patch) = outcome else { panic!("{:?}", call.denial()) };
    assert_eq!(setting(&patch, "authorization"), None, "nothing goes on in the chain");
    let passport = call.passport().unwrap();
    let written = serde_json::to_string(passport).unwrap();
    assert!(written.contains(&value) && !written.contains(KEY), "{written}");
    assert!(!format!("{passport:?}").contains(&value));
    let rooms = &scene.gateway.rooms;
    let open = |sealed: &[u8]| rooms.own_keys.as_ref().unwrap().open(sealed);
    let no_member = |_, _| Err(Reason::UpstreamPoolExhausted.into());
    let at_hand = AtHand { token: &|_| None, member: &no_member, own_key: &open };
    let attached =
        |cluster, passport| rooms.upstreams.attach_at_cluster(Some(cluster), Some(passport), &at_hand);
    assert_eq!(
        setting(&attached("either", passport).unwrap().patch, "authorization"),
        Some(format!("Bearer {KEY}")),
        "never the fallback"
    );
    // As if the half on the cluster had another configuration.
    let elsewhere = serde_json::from_str(&written.replace("either", "shared")).unwrap();
    let refused = attached("shared", &elsewhere).unwrap_err();
    assert_eq!(refused.reason(), Reason::ProviderKeyNotForUpstream);
    let (call, _) = scene.decide(&user(&scene, "alice").to(Some("either")));
    let plain = attached("either", call.passport().unwrap()).unwrap();
    assert_eq!(setting(&plain.patch, "authorization").as_deref(), Some("Bearer sk-FALLBACK"));
}
