//! Opaque tokens: when their issuers are asked, and what comes of the answers.

use serde_json::{Map, Value, json};

use super::exchanging::acting;
use super::minting::{asking, token, tokens};
use super::possession::thumbprint;
use super::proofs::{Prover, dpop};
use super::{NOW, NOW_MS, Request, Scene, rule};
use crate::denial::Reason;
use crate::gateway::{Known, Outcome};
use crate::gateway::{Need, Patience, Remote};
use crate::identity::{Asker, Inquiry, Source};
use crate::policy::fixture::{key_entry, merged, moment};

pub(super) const OPAQUE: &str = "op_1";

pub(super) fn issuers(change: Value) -> Value {
    let introspection = json!({
        "cluster": "idp", "host": "idp.example", "path": "/introspect", "client_id": "gateway",
        "client_secret": { "env": "CLIENT" }, "prefix": "op_",
    });
    json!({ "issuers": [{
        "issuer": "https://idp.example", "audiences": ["gateway"], "principal": { "tenant": "claims.org" },
        "introspection": merged(introspection, change),
    }] })
}

fn scene(change: Value) -> Scene {
    Scene::new(merged(issuers(json!({})), change))
}

/// What the issuer says of an active token.
pub(super) fn active(change: Value) -> Value {
    let plain = json!({
        "active": true, "iss": "https://idp.example", "aud": "gateway", "sub": "alice", "org": "acme",
        "client_id": "app", "scope": "chat files", "iat": NOW - 10, "exp": NOW + 300, "jti": "j-1",
    });
    let mut answer: Map<String, Value> = serde_json::from_value(merged(plain, change)).unwrap();
    answer.retain(|_, value| !value.is_null());
    answer.into()
}

/// Walks until the issuer is asked no more, which says the same each time; how often it was asked, and the refusal.
pub(super) fn answered_at(
    scene: &Scene,
    request: &Request,
    answer: &Value,
    unix_ms: u64,
) -> (usize, Option<Reason>) {
    let mut call = scene.open(request);
    let known = Known { moment: moment(unix_ms), ..scene.known(request) };
    for asked in 0..3 {
        let outcome = scene.gateway.decide(&mut call, &known);
        let Outcome::Need(Need::Introspection(inquiry)) = outcome else {
            return (asked, call.denial().map(|denial| denial.reason()));
        };
        let heard = scene.gateway.read_introspection(
            &inquiry,
            answer.to_string().as_bytes(),
            unix_ms,
            &moment(unix_ms),
        );
        let heard = heard.unwrap();
        scene.memory.note(inquiry.name, &heard);
        call.take_introspection(inquiry.name, heard);
    }
    panic!("it never ends");
}

fn answered(scene: &Scene, request: &Request, answer: &Value) -> (usize, Option<Reason>) {
    answered_at(scene, request, answer, NOW_MS)
}

/// A request with a token of which its issuer has said that it is not active.
pub(super) fn inactive(scene: &Scene) -> Request {
    let request = Request::bearing(OPAQUE);
    answered(scene, &request, &json!({ "active": false }));
    request
}

fn inquiry(scene: &Scene, request: &Request) -> Option<Inquiry> {
    match scene.decide(request).1 {
        Outcome::Need(Need::Introspection(inquiry)) => Some(inquiry),
        _ => None,
    }
}

#[test]
fn an_opaque_token_is_what_its_issuer_says() {
    let seen = "principal.kind == 'opaque_token' && principal.subject == 'alice' && principal.tenant == 'acme' \
                && principal.client == 'app' && principal.scopes == ['chat', 'files'] \
                && principal.issuer == 'https://idp.example' && principal.claims.jti == 'j-1'";
    let scene = scene(json!({ "policies": [rule(seen, json!({}))] }));
    let request = Request::bearing(OPAQUE);
    assert_eq!(answered(&scene, &request, &active(json!({}))), (1, None));
    let (call, _) = scene.decide(&request);
    let record: Value = serde_json::from_str(&call.record(&super::reports::ending())).unwrap();
    assert_eq!(record["claimgate.principal.kind"], "opaque_token");
    assert_eq!(record["claimgate.credential.id"], "j-1");
}

#[test]
fn what_the_issuer_says_is_judged_as_a_jwt_would_be() {
    use Reason as R;
    let optional = || issuers(json!({ "audience_optional": true }));
    let plain = || json!({});
    for (change, answer, want, note) in [
        (plain(), json!({ "exp": null, "iss": null }), None, "what RFC 7662 leaves out"),
        (plain(), json!({ "aud": ["other", "gateway"] }), None, "one audience of several"),
        (plain(), json!({ "active": false }), Some(R::TokenInactive), "not active"),
        (plain(), json!({ "aud": null }), Some(R::TokenClaimMissing), "for nobody in particular"),
        (optional(), json!({ "aud": null }), None, "as the configuration allows"),
        (optional(), json!({ "aud": "other" }), Some(R::TokenAudienceMismatch), "which allows no other"),
        (plain(), json!({ "aud": "other" }), Some(R::TokenAudienceMismatch), "for another"),
        (plain(), json!({ "iss": "https://x.example" }), Some(R::TokenIssuerUnknown), "of another issuer"),
        (plain(), json!({ "iss": 5 }), Some(R::TokenIssuerUnknown), "an issuer that is no text"),
        (plain(), json!({ "exp": NOW - 31 }), Some(R::TokenExpired), "active, and expired all the same"),
        (plain(), json!({ "nbf": NOW + 60 }), Some(R::TokenNotYetValid), "not yet"),
        (plain(), json!({ "sub": null }), Some(R::TokenClaimMissing), "nobody's"),
        (plain(), json!({ "org": null }), Some(R::TokenClaimInvalid), "a claim that the tenant is made of"),
        (plain(), json!({ "scope": 5 }), Some(R::TokenClaimInvalid), "scopes that cannot be read"),
    ] {
        let scene = scene(change);
        assert_eq!(answered(&scene, &Request::bearing(OPAQUE), &active(answer)), (1, want), "{note}");
    }
}

#[test]
fn what_is_no_answer_proves_nothing() {
    let scene = scene(json!({}));
    let inquiry = inquiry(&scene, &Request::bearing(OPAQUE)).unwrap();
    for answer in [
        "",
        "[]",
        "<html>",
        "{}",
        r#"{"active":"true"}"#,
        r#"{"active":1}"#,
        r#"{"active":null}"#,
        r#"{"active":false,"active":true}"#,
        r#"{"active":true} {}"#,
    ] {
        let read = scene.gateway.read_introspection(&inquiry, answer.as_bytes(), NOW_MS, &moment(NOW_MS));
        assert!(read.is_err(), "{answer}");
    }
    let (call, _) = scene.decide(&Request::bearing(OPAQUE).out_of_patience());
    let denial = call.denial().unwrap();
    assert_eq!(denial.reason(), Reason::IdentityUnavailable);
    assert!(denial.note().is_some_and(|note| note.contains("issuer")), "{denial:?}");
}

#[test]
fn an_answer_is_relied_on_no_longer_than_it_may_be() {
    let change = issuers(json!({ "max_age": "60s", "negative_max_age": "5s" }));
    let request = Request::bearing(OPAQUE);
    let soon = active(json!({ "exp": NOW + 10 }));
    for (answer, after_ms, asked, note) in [
        (active(json!({})), 0, 0, "at once"),
        (active(json!({})), 59_999, 0, "a millisecond before its time"),
        (active(json!({})), 60_000, 1, "at its time"),
        (soon.clone(), 39_999, 0, "within the issuer's leeway"),
        (soon, 40_000, 1, "beyond the token's own time"),
        (json!({ "active": false }), 4_999, 0, "a refusal, a millisecond before its time"),
        (json!({ "active": false }), 5_000, 1, "at its time"),
    ] {
        let scene = scene(change.clone());
        assert_eq!(answered(&scene, &request, &answer).0, 1, "{note}");
        assert_eq!(answered_at(&scene, &request, &answer, NOW_MS + after_ms).0, asked, "{note}");
        assert_eq!(answered_at(&scene, &request, &answer, NOW_MS - 1).0, 1, "{note}: the clock was set back");
    }
    let never = scene(merged(issuers(json!({ "max_age": "0s" })), json!({})));
    for _ in 0..2 {
        assert_eq!(answered(&never, &request, &active(json!({}))), (1, None), "asked each time");
    }
    let forgetful = scene(json!({ "credential_cache": 0 }));
    for (answer, want) in
        [(active(json!({})), None), (json!({ "active": false }), Some(Reason::TokenInactive))]
    {
        assert_eq!(answered(&forgetful, &request, &answer), (1, want), "nothing is remembered");
    }
}

#[test]
fn only_what_could_be_an_issuers_token_is_asked_about() {
    let others = issuers(json!({}));
    let mut both = others.clone();
    let mut longer = both["issuers"][0].clone();
    longer["issuer"] = json!("https://other.example");
    longer["introspection"]["prefix"] = json!("op_x_");
    both["issuers"].as_array_mut().unwrap().push(longer.clone());
    longer["introspection"].as_object_mut().unwrap().remove("prefix");
    let any = json!({ "issuers": [others["issuers"][0], longer] });
    let jwt = |scene: &Scene| scene.token(json!({}));
    for (change, credential, want, note) in [
        (others.clone(), "op_1", Ok(0), "a token by its prefix"),
        (others.clone(), "opaque", Err(Some(Reason::KeyUnknown)), "one without it"),
        (others.clone(), "cgk_short", Err(Some(Reason::CredentialMalformed)), "a mistyped key"),
        (both.clone(), "op_x_1", Ok(1), "the longer prefix"),
        (both, "op_y", Ok(0), "the shorter one"),
        (any.clone(), "opaque", Ok(1), "what no prefix fits"),
        (any.clone(), "op_1", Ok(0), "what one fits"),
        (
            any.clone(),
            "cgk_short",
            Err(Some(Reason::CredentialMalformed)),
            "never a key of the gateway's own",
        ),
        (any.clone(), "cgt_1", Err(Some(Reason::TokenIssuerUnknown)), "nor a token of its own"),
        (any.clone(), "jwt", Ok(0), "a JWT of an issuer without keys"),
    ] {
        let scene = Scene::new(change);
        let credential = if credential == "jwt" { jwt(&scene) } else { credential.to_owned() };
        let request = Request::bearing(&credential);
        match want {
            Ok(issuer) => {
                let asked = inquiry(&scene, &request).unwrap_or_else(|| panic!("{note}"));
                assert_eq!(asked.issuer, issuer, "{note}");
                let request = scene.gateway.identity().introspection_request(&asked).unwrap();
                assert_eq!(request.token(), credential, "{note}");
            }
            Err(reason) => assert_eq!(scene.refusal(&request), reason, "{note}"),
        }
    }
    assert_eq!(inquiry(&Scene::new(any), &Request::chat()), None, "an API key of the configuration");
}

#[test]
fn a_revoked_token_is_refused_although_its_issuer_vouched_for_it() {
    let lists = json!({ "revocations": [super::revoking::list()] });
    for entry in [json!({ "jti": "j-1" }), json!({ "client": "app" }), json!({ "subject": "alice" })] {
        let mut scene = scene(lists.clone());
        let hang_up = |scene: &mut Scene, entries: Value| {
            let list = json!({ "revoked": entries }).to_string();
            let main = Remote::RevocationList(0);
            scene.gateway.accept(&mut scene.polled, main, list.as_bytes(), NOW_MS).unwrap();
        };
        hang_up(&mut scene, json!([]));
        let request = Request::bearing(OPAQUE);
        assert_eq!(answered(&scene, &request, &active(json!({}))), (1, None));
        hang_up(&mut scene, json!([entry]));
        assert_eq!(scene.refusal(&request), Some(Reason::CredentialRevoked), "{entry}");
    }
}

#[test]
fn an_issuer_is_asked_although_a_feed_of_keys_cannot_be() {
    for (answer, want) in
        [(active(json!({})), None), (json!({ "active": false }), Some(Reason::KeyFeedUnavailable))]
    {
        let scene = scene(json!({ "key_feeds": [super::feeding::feed("one")] }));
        assert_eq!(answered(&scene, &Request::bearing(OPAQUE), &answer), (1, want), "{answer}");
    }
}

#[test]
fn a_token_of_the_gateways_own_is_got_with_an_opaque_one() {
    let scene = scene(tokens(json!({ "allow_actor": "true" })));
    let answer = active(json!({ "scope": "chat" }));
    let asking = asking(Request::bearing(OPAQUE), Value::Null);
    assert_eq!(answered(&scene, &asking, &answer), (1, None), "for its bearer");
    let own = token(&scene, &asking);
    assert_eq!(scene.refusal(&Request::bearing(&own)), None);
    let other = acting("op_2", &[]);
    assert_eq!(answered(&scene, &other, &answer), (1, None), "for an agent that acts for its bearer");
    let both = scene_of_agents();
    assert_eq!(answered(&both, &acting_by("op_agent", "op_user"), &answer), (2, None), "both are opaque");
}

fn scene_of_agents() -> Scene {
    scene(merged(tokens(json!({ "allow_actor": "true" })), json!({ "keys": [key_entry(1, json!({}))] })))
}

fn acting_by(agent: &str, user: &str) -> Request {
    acting(user, &[]).with("authorization", &format!("Bearer {agent}"))
}

#[test]
fn without_a_secret_nobody_is_asked() {
    let scene = Scene::new(issuers(json!({ "client_secret": { "env": "ABSENT" } })));
    let asked = inquiry(&scene, &Request::bearing(OPAQUE)).unwrap();
    assert!(scene.gateway.identity().introspection_request(&asked).is_none());
    let impatient = Request { patience: Patience::Exhausted, ..Request::bearing(OPAQUE) };
    assert_eq!(scene.refusal(&impatient), Some(Reason::IdentityUnavailable));
}

#[test]
fn a_token_is_held_to_what_its_issuer_says_that_it_is_bound_to() {
    let scene = scene(dpop(json!({})));
    let (prover, thief) = (Prover::new(), Prover::new());
    let bound = active(prover.confirmation());
    for (request, want, note) in [
        (prover.chat(OPAQUE), (1, None), "a proof by its key"),
        (prover.chat(OPAQUE), (0, None), "another one, while the answer is relied on"),
        (thief.chat(OPAQUE), (0, Some(Reason::DpopKeyMismatch)), "by another key"),
        (Request::bearing(OPAQUE), (0, Some(Reason::DpopSchemeRequired)), "as a bearer's"),
    ] {
        assert_eq!(answered(&scene, &request, &bound), want, "{note}");
    }
    let certificate = active(json!({ "cnf": { "x5t#S256": thumbprint(1) } }));
    let shown = |token: &str, byte: u8| Request::bearing(token).showing(Some(thumbprint(byte)));
    assert_eq!(answered(&scene, &shown("op_2", 1), &certificate), (1, None));
    assert_eq!(answered(&scene, &shown("op_2", 2), &certificate), (0, Some(Reason::CertificateMismatch)));
    let unknown = active(json!({ "cnf": { "kid": "k" } }));
    let refused = answered(&scene, &shown("op_3", 1), &unknown).1;
    assert_eq!(refused, Some(Reason::ConfirmationUnsupported), "to what cannot be checked");
}

#[test]
fn an_issuer_that_is_asked_may_demand_that_its_tokens_are_bound() {
    let mut change = issuers(json!({}));
    change["issuers"][0]["bound_by"] = json!("either");
    let scene = Scene::new(change);
    for _ in 0..2 {
        let refused = answered(&scene, &Request::bearing(OPAQUE), &active(json!({}))).1;
        assert_eq!(refused, Some(Reason::BindingRequired));
    }
}

#[test]
fn who_asks_is_known_by_the_issuers_last_word_or_by_the_address_that_is_believed() {
    let from = |address: &str| Source::address(address);
    let through = |address: Option<&str>| Source::connection(address);
    for (client_address, address, port, want, note) in [
        (json!("peer"), Some("192.0.2.1"), 4711, from("192.0.2.1"), "the peer itself"),
        (json!("peer"), Some("192.0.2.1"), 0, through(None), "an address from a header"),
        (json!("forwarded"), Some("192.0.2.1"), 0, from("192.0.2.1"), "which is believed here"),
        (json!("forwarded"), None, 0, through(None), "no address"),
        (
            Value::Null,
            Some("192.0.2.1"),
            4711,
            through(Some("192.0.2.1")),
            "nobody says that it is the client's",
        ),
        (Value::Null, Some("192.0.2.1"), 0, through(None), "nor that a header's is"),
    ] {
        let mut change = issuers(json!({}));
        (change["client_address"], change["keys"]) = (client_address, json!([]));
        let mut scene = Scene::new(change);
        let request = Request::bearing(OPAQUE);
        let name = inquiry(&scene, &request).unwrap().name;
        let asker = |scene: &Scene| scene.gateway.asker(&scene.memory, name, (address, port));
        assert_eq!(asker(&scene), Asker::Stranger(want.clone()), "{note}");
        answered(&scene, &request, &active(json!({})));
        assert_eq!(asker(&scene), Asker::Known, "{note}: vouched for");
        answered_at(&scene, &request, &json!({ "active": false }), NOW_MS + 3_600_000);
        assert_eq!(asker(&scene), Asker::Stranger(want), "{note}: and no more");
        scene.memory = scene.gateway.memory(&[1; 16]);
        assert!(matches!(asker(&scene), Asker::Stranger(_)), "{note}: another worker has not asked");
    }
}
