//! What a walk asks the host for, and that asking costs nothing.

use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Value, json};

use super::{NOW_MS, Request, Scene, rule};
use crate::denial::Reason;
use crate::gateway::{Body, Known, Need, Outcome, Patience};
use crate::policy::fixture::{merged, moment};

/// Walks once with nothing known but the headers.
fn first_need(scene: &Scene, request: &Request) -> Option<Need> {
    let mut call = scene.open(request);
    match scene.gateway.decide(&mut call, &Known { body: Body::Coming, ..scene.known(request) }) {
        Outcome::Need(need) => Some(need),
        Outcome::Forward(_) | Outcome::Answer => None,
        Outcome::Refuse => panic!("{:?}", call.denial()),
    }
}

fn remote(scene: &Scene, header: &str) -> Request {
    Request::bearing(&scene.token_with(header, json!({ "iss": "https://remote.example" })))
}

fn fetch(scene: &mut Scene, fetched_ms: u64) {
    let document = json!({ "keys": [scene.signer.jwk()] }).to_string();
    scene.gateway.identity().accept_keys(&mut scene.keys, 1, document.as_bytes(), fetched_ms).unwrap();
}

#[test]
fn the_body_is_read_where_something_that_applies_reads_it() {
    let when = |when: &str| json!({ "policies": [rule("llm.model == 'gpt-4o'", json!({ "when": when }))] });
    let quota = |change: Value| json!({ "quotas": [merged(json!({ "id": "q", "limit": 5, "window": "60s", "per": ["'a'"] }), change)] });
    let at = |method, path: &str| Request::chat().at(method, path);
    let chat = "/v1/chat/completions";
    for (change, request, reads, note) in [
        (json!({}), Request::chat(), false, "nothing reads it, and the account is the tenant's alone"),
        (json!({}), Request::chat().to(Some("shared")), true, "it could name what others stored"),
        (
            json!({}),
            at("POST", "/v1/responses/input_tokens").to(Some("shared")),
            true,
            "so could what is only counted",
        ),
        (when("true"), Request::chat(), true, "a rule that applies"),
        (when("principal.scopes.covers('batch')"), Request::chat(), false, "one that does not"),
        (when("principal.client == 'a'"), Request::chat(), true, "one whose `when` errs"),
        (when("!llm.stream"), Request::chat(), true, "one whose `when` is in the body"),
        (when("true"), at("GET", "/v1/models/gpt-4o"), true, "one that must prove to have none"),
        (
            json!({ "policies": [rule("!llm.stateful", json!({}))] }),
            Request::chat(),
            true,
            "whether it refers to stored state",
        ),
        (
            json!({ "policies": [rule("llm.max_tokens < 9 || true", json!({}))] }),
            Request::chat(),
            true,
            "a limit",
        ),
        (json!({ "policies": [rule("!llm.stream", json!({}))] }), Request::chat(), true, "a flag"),
        (
            json!({ "policies": [rule("!llm.stream", json!({}))] }),
            at("POST", "/v1/embeddings"),
            false,
            "a flag the path settles",
        ),
        (quota(json!({ "per": ["llm.model"] })), at("POST", chat), true, "a quota"),
        (quota(json!({ "when": "llm.stream" })), at("POST", chat), true, "a quota's `when`"),
    ] {
        let scene = Scene::new(change);
        let want = reads.then_some(Need::Body { limit: 32 * 1024 * 1024, look: None });
        assert_eq!(first_need(&scene, &request), want, "{note}");
    }
}

#[test]
fn a_body_that_makes_the_request_stateful_is_seen() {
    let stored = r#"{"model":"gpt-4o","previous_response_id":"resp_1"}"#;
    let rules = json!({ "policies": [rule("!llm.stateful", json!({}))] });
    let at = |path: &str, cluster| Request::chat().at("POST", path).to(Some(cluster)).body(stored);
    let shared = Some(Reason::StatefulOperationSharedCredential);
    for (change, request, want, note) in [
        (json!({}), at("/v1/responses", "shared"), shared, "an account that others share"),
        (
            json!({}),
            at("/v1/responses/input_tokens", "shared"),
            shared,
            "counting its model tokens reads it too",
        ),
        (json!({}), at("/v1/responses", "openai"), None, "an account of its own"),
        (rules.clone(), at("/v1/responses", "openai"), Some(Reason::PolicyDenied), "a rule that minds"),
        (rules, at("/v1/responses", "openai").body(r#"{"model":"a","store":false}"#), None, "nothing stored"),
    ] {
        assert_eq!(Scene::new(change).refusal(&request), want, "{note}");
    }
}

#[test]
fn a_wait_that_is_over_refuses() {
    let scene = Scene::new(json!({}));
    let header = r#"{"alg":"EdDSA","kid":"k"}"#;
    let waiting = Request::chat().to(Some("shared")).out_of_patience();
    let mut call = scene.open(&waiting);
    let outcome = scene.gateway.decide(&mut call, &Known { body: Body::Coming, ..scene.known(&waiting) });
    assert!(matches!(outcome, Outcome::Refuse));
    assert_eq!(call.denial().map(|denial| denial.reason()), Some(Reason::HoldTimeout));
    assert_eq!(scene.refusal(&remote(&scene, header).out_of_patience()), Some(Reason::IdentityUnavailable));
}

#[test]
fn a_host_that_cannot_hold_a_body_refuses_what_needs_one() {
    let upstreams = json!([{ "cluster": "azure", "dialect": "azure", "credential": { "per_tenant": { "tenants": { "acme": "ACME" } } } }]);
    let rules = json!([rule("llm.model.glob('gpt-*')", json!({}))]);
    let scene = Scene::new(json!({ "hold": "headers", "upstreams": upstreams, "policies": rules }));
    for (path, want, note) in [
        ("/openai/deployments/gpt-4o/chat/completions", None, "a model in the path"),
        ("/openai/v1/chat/completions", Some(Reason::ModelUnknowable), "a model in the body"),
    ] {
        let request = Request::chat().at("POST", path).to(Some("azure"));
        let mut call = scene.open(&request);
        scene.gateway.decide(&mut call, &Known { body: Body::Coming, ..scene.known(&request) });
        assert_eq!(call.denial().map(|denial| denial.reason()), want, "{note}");
    }
}

#[test]
fn keys_are_asked_for_where_newer_ones_could_help() {
    let header = r#"{"alg":"EdDSA","kid":"k"}"#;
    let unknown = r#"{"alg":"EdDSA","kid":"other"}"#;
    let day_ms = 86_400_000;
    for (fetched_ms, header, want, note) in [
        (None, header, Err(Need::Keys { issuer: 1 }), "none has come"),
        (Some(NOW_MS), header, Ok(None), "they have"),
        (Some(NOW_MS - day_ms), header, Ok(None), "stale, and used while the issuer is down"),
        (Some(NOW_MS - day_ms - 1), header, Err(Need::Keys { issuer: 1 }), "too stale to be used"),
        (Some(NOW_MS), unknown, Ok(Some(Reason::TokenKeyUnknown)), "an unknown key, just fetched"),
        (Some(NOW_MS - 9_999), unknown, Ok(Some(Reason::TokenKeyUnknown)), "fetched within the least time"),
        (Some(NOW_MS - 10_000), unknown, Err(Need::Keys { issuer: 1 }), "fetched before it"),
    ] {
        let mut scene = Scene::new(json!({}));
        if let Some(fetched_ms) = fetched_ms {
            fetch(&mut scene, fetched_ms);
        }
        let request = remote(&scene, header);
        let got = match scene.decide(&request) {
            (_, Outcome::Need(need)) => Err(need),
            (call, _) => Ok(call.denial().map(|denial| denial.reason())),
        };
        assert_eq!(got, want, "{note}");
    }
    let scene = Scene::new(json!({}));
    for (change, want, note) in [
        (json!({ "exp": super::NOW - 600 }), Reason::TokenExpired, "an expired token"),
        (json!({ "aud": "other" }), Reason::TokenAudienceMismatch, "another audience"),
    ] {
        let claims = merged(json!({ "iss": "https://remote.example" }), change);
        let request = Request::bearing(&scene.token(claims));
        assert_eq!(scene.refusal(&request), Some(want), "{note} makes nobody fetch keys");
    }
}

/// One of several requests that a walk may have to ask for.
fn request(scene: &Scene, choice: u8) -> Request {
    let known = r#"{"alg":"EdDSA","kid":"k"}"#;
    let token = remote(scene, known);
    match choice % 8 {
        0 => token,
        1 => token.to(Some("shared")),
        2 => remote(scene, r#"{"alg":"EdDSA","kid":"other"}"#),
        3 => token.body(r#"{"model":"o1"}"#),
        4 => token.body("{"),
        5 => token.to(Some("shared")).body(r#"{"model":"gpt-4o","previous_response_id":"r"}"#),
        6 => token.at("GET", "/v1/models/gpt-4o"),
        _ => Request::chat(),
    }
}

fn described(outcome: &Outcome, reason: Option<Reason>) -> String {
    match outcome {
        Outcome::Forward(patch) => format!("{:?}", patch.settings().collect::<Vec<_>>()),
        Outcome::Refuse => format!("{reason:?}"),
        Outcome::Answer => "answer".to_owned(),
        Outcome::Need(need) => format!("{need:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What comes late, in any order and after any number of walks, changes neither the outcome nor the cost.
    #[test]
    fn late_answers_change_nothing(choice in any::<u8>(), walks in proptest::collection::vec(any::<(bool, bool)>(), 0..6)) {
        let mut scene = Scene::new(json!({ "policies": [rule("llm.model == 'gpt-4o'", json!({}))] }));
        let request = request(&scene, choice);
        let no_keys = scene.gateway.key_ring();
        fetch(&mut scene, NOW_MS);
        let unspent = scene.spent();

        let mut call = scene.open(&request);
        let mut last = None;
        for (has_keys, has_body) in walks.into_iter().chain([(true, true)]) {
            let known = Known {
                moment: moment(NOW_MS),
                keys: if has_keys { &scene.keys } else { &no_keys },
                body: if has_body { Body::Complete(&request.body) } else { Body::Coming },
                patience: Patience::Left,
                ..scene.known(&request)
            };
            let outcome = scene.gateway.decide(&mut call, &known);
            if !matches!(outcome, Outcome::Need(_)) {
                last = Some(described(&outcome, call.denial().map(|denial| denial.reason())));
                break;
            }
            assert_eq!(scene.spent(), unspent, "a walk that needs something spends nothing");
        }
        let cost = scene.spent();

        let fresh = crate::ledger::MemoryStore::new();
        scene.gateway.ledger().prepare(&fresh);
        scene.store = fresh;
        let (at_once, outcome) = scene.decide(&request);
        let want = described(&outcome, at_once.denial().map(|denial| denial.reason()));
        assert_eq!(last, Some(want));
        assert_eq!(cost, scene.spent(), "the same is spent, once");
    }
}
