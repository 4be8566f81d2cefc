//! Requests that go on with what their caller's own token was exchanged for.

use serde_json::{Value, json};

use super::{BODY, Playing, Scene};
use crate::identity::signing::RawSigner;
use crate::lifecycle::{Delivery, HouseEvent, Part};
use crate::policy::fixture::{NOW_MS, merged};

const ISSUER: &str = "https://idp.example";
const HOUR_S: u64 = 3600;

fn signer() -> RawSigner {
    RawSigner::generate("k")
}

/// One upstream that is reached as the user, and another whose target is another one.
fn config(signer: &RawSigner, entry: Value, change: Value) -> Value {
    let plain = json!({ "grant": "on_behalf_of", "client": client(json!({})), "issuers": [ISSUER] });
    let sections = json!({
        "issuers": [{
            "issuer": ISSUER, "audiences": ["gateway"], "algorithms": ["EdDSA"],
            "jwks": { "inline": { "keys": [signer.jwk()] } }, "principal": { "tenant": "claims.org" },
        }],
        "credentials": [{ "id": "as_user", "exchange": merged(plain, entry) }],
        "upstreams": [{ "cluster": "openai", "dialect": "openai", "credential": { "from": "as_user" } }],
    });
    merged(sections, change)
}

fn client(change: Value) -> Value {
    let plain = json!({
        "endpoint": { "cluster": "login", "host": "login.example", "path": "/token", "timeout": "2s" },
        "client_id": "gate", "client_authentication": { "client_secret_post": { "env": "SECRET" } },
        "scope": "https://provider.example/user",
    });
    merged(plain, change)
}

fn token(signer: &RawSigner, change: Value) -> String {
    let now = NOW_MS / 1000;
    let claims = json!({
        "iss": ISSUER, "aud": "gateway", "sub": "alice", "org": "acme", "iat": now - 10, "exp": now + 2 * HOUR_S,
    });
    signer.sign(r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#, &merged(claims, change).to_string())
}

fn answer(token: &str) -> String {
    json!({ "access_token": token, "token_type": "Bearer", "expires_in": HOUR_S }).to_string()
}

impl Scene {
    /// The forms of the questions that go out now, by token of the fetch.
    fn questions(&self) -> Vec<(u32, String)> {
        self.tick_after(1);
        let fetches = self.house.take_fetches();
        fetches.iter().map(|fetch| (fetch.token, String::from_utf8(fetch.body.clone()).unwrap())).collect()
    }

    fn answers(&self, (token, _): &(u32, String), status: &str, body: &str) {
        self.answer_token(*token, status, body);
    }
}

fn scene(signer: &RawSigner, entry: Value) -> Scene {
    Scene::new(config(signer, entry, json!({})))
}

#[test]
fn callers_wait_for_one_question_each_and_never_meet() {
    let signer = signer();
    let scene = scene(&signer, json!({}));
    let (alice, bob) = (token(&signer, json!({})), token(&signer, json!({ "sub": "bob" })));
    let mut of_alice: Vec<_> = (1..=3).map(|id| scene.bearing(id, &alice).sends(BODY)).collect();
    let mut of_bob = scene.bearing(4, &bob).sends(BODY);
    of_alice.iter_mut().for_each(Playing::waits);
    let asked = scene.questions();
    assert_eq!(asked.len(), 2, "{asked:?}");
    for ((_, form), subject) in asked.iter().zip([&alice, &bob]) {
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        assert!(
            form.starts_with(&format!("{grant}&assertion={subject}&requested_token_use=on_behalf_of&scope=")),
            "{form}"
        );
    }
    scene.house.pass(70);
    // The second question is answered first.
    scene.answers(&asked[1], "200", &answer("for-bob"));
    of_bob.carries("for-bob");
    of_alice.iter_mut().for_each(Playing::waits);
    scene.answers(&asked[0], "200", &answer("for-alice"));
    for playing in &mut of_alice {
        playing.carries("for-alice");
        let record = playing.ends();
        assert_eq!(record["claimgate.upstream.credential.kind"], "exchange");
        assert_eq!(record["claimgate.upstream.credential.wait_ms"], 71);
    }
    scene.bearing(5, &alice).sends(BODY).carries("for-alice");
    scene.bearing(6, &bob).sends(BODY).carries("for-bob");
    assert!(scene.questions().is_empty(), "both are remembered");
    // Another token of the same user is another question.
    scene.bearing(7, &token(&signer, json!({ "jti": "second" }))).sends(BODY).waits();
    assert_eq!(scene.questions().len(), 1);
    assert_eq!(scene.house.counted("claimgate.credentials.as_user.fetches.outcome.ok"), 2);
}

#[test]
fn it_ends_with_what_it_was_got_for() {
    let signer = signer();
    for (entry, change, lasts_s, note) in [
        (json!({}), json!({}), HOUR_S - 31, "as the answer says, but for the margin"),
        (json!({ "max_age": "10m" }), json!({}), 569, "at most this old"),
        (json!({}), json!({ "exp": NOW_MS / 1000 + 900 }), 869, "the caller's own ends sooner"),
    ] {
        let scene = scene(&signer, entry);
        let token = token(&signer, change);
        let mut playing = scene.bearing(1, &token).sends(BODY);
        scene.answers(&scene.questions()[0], "200", &answer("exchanged"));
        playing.carries("exchanged");
        scene.house.pass(lasts_s * 1000);
        scene.bearing(2, &token).sends(BODY).carries("exchanged");
        assert!(scene.questions().is_empty(), "{note}: nothing is asked ahead");
        scene.house.pass(1000);
        let mut playing = scene.bearing(3, &token).sends(BODY);
        playing.waits();
        assert_eq!(scene.questions().len(), 1, "{note}");
    }
}

#[test]
fn who_has_nothing_to_exchange_is_refused_and_nobody_is_asked() {
    let signer = signer();
    let key = super::key(1);
    let other = json!([{
        "issuer": "https://other.example", "audiences": ["gateway"], "algorithms": ["EdDSA"],
        "jwks": { "inline": { "keys": [signer.jwk()] } }, "principal": { "tenant": "claims.org" },
    }]);
    let with_other = |mut sections: Value| {
        let entries = sections["issuers"].as_array_mut().unwrap();
        entries.extend(other.as_array().unwrap().clone());
        sections
    };
    let scene = Scene::new(with_other(config(&signer, json!({}), json!({}))));
    for (id, credential) in [(1, key), (2, token(&signer, json!({ "iss": "https://other.example" })))] {
        let playing = scene.bearing(id, &credential).sends(BODY);
        playing.is_refused(403, "exchange_subject_missing");
    }
    assert!(scene.questions().is_empty());
}

#[test]
fn a_caller_who_is_refused_is_told_why_and_is_no_outage_of_the_others() {
    let signer = signer();
    let said = |error: &str, more: Value| {
        merged(json!({ "error": error, "error_description": "never-told" }), more).to_string()
    };
    let claims = json!({ "claims": r#"{"access_token":{"polids":{"essential":true}}}"# });
    for (status, body, refused, reason) in [
        ("400", said("invalid_grant", json!({ "error_codes": [50013] })), 403, "exchange_refused"),
        ("400", said("invalid_grant", json!({ "error_codes": [65001] })), 403, "exchange_refused"),
        ("400", said("interaction_required", claims.clone()), 403, "exchange_refused"),
        ("400", said("a_new_error", json!({})), 503, "upstream_token_refused"),
        ("500", String::new(), 503, "upstream_token_unavailable"),
        ("200", "[]".to_owned(), 503, "upstream_token_unavailable"),
    ] {
        let scene = scene(&signer, json!({}));
        let alice = token(&signer, json!({}));
        let playing = scene.bearing(1, &alice).sends(BODY);
        scene.answers(&scene.questions()[0], status, &body);
        playing.is_refused(refused, reason);
        // The same caller is not asked for again at once.
        scene.bearing(2, &alice).sends(BODY).is_refused(refused, reason);
        assert!(scene.questions().is_empty(), "{body}");
        // Others are.
        let mut other = scene.bearing(3, &token(&signer, json!({ "sub": "bob" }))).sends(BODY);
        scene.answers(&scene.questions()[0], "200", &answer("for-bob"));
        other.carries("for-bob");
        scene.house.pass(5000);
        scene.bearing(4, &alice).sends(BODY).waits();
        assert_eq!(scene.questions().len(), 1, "{body}");
        let log = scene.house.logged();
        assert!(!log.contains("never-told"));
        let told = log.matches("credentials `as_user`: a caller's token was not exchanged: ").count();
        assert_eq!(told, 1, "it may be about everybody: {log}");
    }
}

#[test]
fn what_more_the_server_wants_of_the_user_is_passed_on_in_its_own_shape() {
    let signer = signer();
    let uri = "https://login.example/authorize";
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(2048));
    for (claims, status, note) in [
        (r#"{"access_token":{}}"#, 401, "a JSON object"),
        ("\"text\"", 403, "another JSON"),
        ("{\"a\":", 403, "no JSON"),
        (long.as_str(), 403, "a long one"),
    ] {
        let scene = scene(&signer, json!({ "authorization_uri": uri }));
        let playing = scene.bearing(1, &token(&signer, json!({}))).sends(BODY);
        let body = json!({ "error": "interaction_required", "error_codes": [50076], "claims": claims });
        scene.answers(&scene.questions()[0], "400", &body.to_string());
        let (refused, reason) = playing.exchange.refusal().unwrap();
        assert_eq!(refused, status, "{note}");
        if status == 401 {
            assert_eq!(reason, "exchange_interaction_required");
            let encoded = data_encoding::BASE64.encode(claims.as_bytes());
            let want = format!(
                r#"Bearer realm="", authorization_uri="{uri}", error="insufficient_claims", claims="{encoded}""#
            );
            assert_eq!(playing.exchange.answer_header("www-authenticate"), Some(want));
        }
    }
}

#[test]
fn what_every_caller_would_meet_is_asked_once_and_told_once() {
    let signer = signer();
    for (status, body, refused, reason, rests_ms) in [
        ("401", r#"{"error":"invalid_client"}"#, 503, "upstream_token_refused", 60_000),
        ("429", "", 503, "upstream_token_unavailable", 800),
    ] {
        let scene = scene(&signer, json!({}));
        let alice = token(&signer, json!({}));
        let playing = scene.bearing(1, &alice).sends(BODY);
        scene.answers(&scene.questions()[0], status, body);
        playing.is_refused(refused, reason);
        for (id, sub) in [(2, "bob"), (3, "carol")] {
            scene.bearing(id, &token(&signer, json!({ "sub": sub }))).sends(BODY).is_refused(refused, reason);
        }
        assert!(scene.questions().is_empty(), "nobody is asked");
        let log = scene.house.logged();
        assert_eq!(log.matches("credentials `as_user`: no token is exchanged: ").count(), 1, "{log}");
        // A fifth more at most.
        scene.house.pass(rests_ms * 3 / 2);
        let mut playing = scene.bearing(4, &alice).sends(BODY);
        scene.answers(&scene.questions()[0], "200", &answer("for-alice"));
        playing.carries("for-alice");
        assert!(scene.house.logged().contains("credentials `as_user`: tokens are exchanged again"));
    }
}

#[test]
fn a_question_whose_connection_ends_is_sent_once_more() {
    let signer = signer();
    for (second, is_through) in [("200", true), ("503", false)] {
        let scene = scene(&signer, json!({}));
        let mut playing = scene.bearing(1, &token(&signer, json!({}))).sends(BODY);
        scene.answers(&scene.questions()[0], "503", "reset before headers");
        playing.waits();
        scene.answers(&scene.questions()[0], second, &answer("for-alice"));
        match is_through {
            true => playing.carries("for-alice"),
            false => playing.is_refused(503, "upstream_token_unavailable"),
        }
        assert!(scene.questions().is_empty());
    }
}

#[test]
fn an_endpoint_that_does_not_answer_is_waited_for_no_longer_than_it_may_take() {
    let signer = signer();
    let scene = scene(&signer, json!({}));
    let alice = token(&signer, json!({}));
    let mut playing = scene.bearing(1, &alice).sends(BODY);
    let asked = scene.questions();
    scene.tick_after(1990);
    playing.waits();
    scene.tick_after(10);
    playing.is_refused(503, "upstream_token_unavailable");
    // The host gives it up, too.
    scene
        .worker
        .on(HouseEvent::Fetched { token: asked[0].0, delivery: Delivery { headers: 0, body_size: 0 } });
    scene.bearing(2, &alice).sends(BODY).is_refused(503, "upstream_token_unavailable");
    scene.house.refuse_dispatch();
    scene.house.pass(2000);
    let playing = scene.bearing(3, &alice).sends(BODY);
    scene.tick_after(1);
    playing.is_refused(503, "upstream_token_unavailable");
}

#[test]
fn one_caller_does_not_fill_the_room_of_all() {
    let signer = signer();
    let wide = json!({ "held_bytes": "64MiB", "held_bytes_per_caller": "16MiB" });
    let scene = Scene::new(config(&signer, json!({}), wide));
    let of = |id: u32, change: Value| scene.bearing(id, &token(&signer, change)).sends(BODY);
    // Whichever of its tokens it sends.
    let mut of_alice: Vec<_> = (1..=100).map(|id| of(id, json!({ "jti": id.to_string() }))).collect();
    of(101, json!({ "jti": "another" })).is_refused(503, "upstream_token_unavailable");
    of(102, json!({ "sub": "bob" })).waits();
    of_alice.iter_mut().for_each(Playing::waits);
}

#[test]
fn what_nobody_waits_for_is_not_asked() {
    let signer = signer();
    let scene = scene(&signer, json!({}));
    scene.bearing(1, &token(&signer, json!({}))).sends(BODY).ends();
    let mut playing = scene.bearing(2, &token(&signer, json!({ "sub": "bob" }))).sends(BODY);
    let asked = scene.questions();
    assert_eq!(asked.len(), 1);
    scene.answers(&asked[0], "200", &answer("for-bob"));
    playing.carries("for-bob");
}

#[test]
fn a_token_that_has_ended_on_its_way_is_none() {
    let signer = signer();
    let scene = scene(&signer, json!({}));
    let playing = scene.bearing(1, &token(&signer, json!({}))).sends(BODY);
    let asked = scene.questions();
    scene.house.pass(1500);
    scene.answers(&asked[0], "200", &json!({ "access_token": "short", "expires_in": 1 }).to_string());
    playing.is_refused(503, "upstream_token_unavailable");
}

#[test]
fn what_was_never_exchanged_was_never_charged() {
    let signer = signer();
    let quota = json!({ "quotas": [{ "id": "one", "limit": 1, "window": "1h", "per": ["'all'"] }] });
    let scene = Scene::new(config(&signer, json!({}), quota));
    let alice = token(&signer, json!({}));
    let playing = scene.bearing(1, &alice).sends(BODY);
    scene.answers(&scene.questions()[0], "400", r#"{"error":"invalid_grant"}"#);
    playing.is_refused(403, "exchange_refused");
    scene.house.pass(5000);
    let mut playing = scene.bearing(2, &alice).sends(BODY);
    scene.answers(&scene.questions()[0], "200", &answer("for-alice"));
    playing.carries("for-alice");
    scene.bearing(3, &alice).sends(BODY).is_refused(429, "rate_limit_exceeded");
}

#[test]
fn what_the_provider_refuses_is_got_anew_for_that_caller_alone() {
    let signer = signer();
    let scene = scene(&signer, json!({}));
    let (alice, bob) = (token(&signer, json!({})), token(&signer, json!({ "sub": "bob" })));
    for (id, caller) in [(1, &alice), (2, &bob)] {
        let mut playing = scene.bearing(id, caller).sends(BODY);
        scene.answers(&scene.questions()[0], "200", &answer(&format!("first-{id}")));
        playing.carries(&format!("first-{id}"));
    }
    let refuse = |id: u32, caller: &str| {
        let playing = scene.bearing(id, caller).sends(BODY);
        assert!(playing.answered("401", &[("www-authenticate", "Bearer")], false), "it is about the user");
        let challenge = playing.exchange.header(Part::ResponseHeaders, "www-authenticate");
        assert_eq!(challenge.as_deref(), Some("Bearer"));
    };
    refuse(3, &alice);
    scene.bearing(4, &alice).sends(BODY).carries("first-1");
    scene.house.pass(60_000);
    refuse(5, &alice);
    scene.bearing(6, &bob).sends(BODY).carries("first-2");
    scene.bearing(7, &alice).sends(BODY).waits();
    assert_eq!(scene.questions().len(), 1);
}

#[test]
fn an_rfc_8693_server_says_what_it_has_issued() {
    let signer = signer();
    let client = client(json!({ "parameters": { "audience": "provider" } }));
    let entry = json!({ "grant": "token_exchange", "client": client });
    let issued = |kind: Value| {
        merged(json!({ "access_token": "exchanged", "token_type": "Bearer", "expires_in": 60 }), kind)
            .to_string()
    };
    for (body, is_good, note) in [
        (
            issued(json!({ "issued_token_type": "urn:ietf:params:oauth:token-type:access_token" })),
            true,
            "a token",
        ),
        (issued(json!({ "issued_token_type": "urn:ietf:params:oauth:token-type:jwt" })), true, "a JWT"),
        (issued(json!({ "issued_token_type": "urn:ietf:params:oauth:token-type:saml2" })), false, "SAML"),
        (issued(json!({})), false, "nothing"),
        (
            issued(json!({
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "N_A",
            })),
            false,
            "no bearer's",
        ),
    ] {
        let scene = scene(&signer, entry.clone());
        let alice = token(&signer, json!({}));
        let mut playing = scene.bearing(1, &alice).sends(BODY);
        let asked = scene.questions();
        let want = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";
        let kind = "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token";
        assert!(
            asked[0].1.starts_with(&format!("{want}&subject_token={alice}&{kind}&scope=")),
            "{}",
            asked[0].1
        );
        assert!(asked[0].1.contains("&audience=provider&"));
        scene.answers(&asked[0], "200", &body);
        match is_good {
            true => playing.carries("exchanged"),
            false => assert_eq!(playing.exchange.refusal().map(|(status, _)| status), Some(503), "{note}"),
        }
    }
    // RFC 8693 section 2.2.2: a token that is not accepted.
    let scene = scene(&signer, entry);
    let playing = scene.bearing(1, &token(&signer, json!({}))).sends(BODY);
    scene.answers(&scene.questions()[0], "400", r#"{"error":"invalid_request"}"#);
    playing.is_refused(403, "exchange_refused");
}
