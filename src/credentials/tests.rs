//! What is asked for a token, what an answer means, and how long a token is good.

mod kinds;
mod pools;

use serde_json::{Value, json};

use super::answer::{TokenAnswer, read};
use super::failure::{Failure, FailureKind, Setback};
use super::token::{Life, Times};
use super::{Credentials, Slot, Step};
use crate::policy::fixture::{NOW_MS, merged, moment};
use crate::secret::Secret;

fn entry(client: Value) -> Value {
    let plain = json!({
        "endpoint": { "cluster": "login", "host": "login.example", "path": "/token" },
        "client_id": "gate", "client_authentication": { "client_secret_post": { "env": "SECRET" } },
        "scope": "https://provider.example/.default",
    });
    json!({ "id": "app", "oauth": merged(plain, client) })
}

fn compiled(entries: &[Value]) -> Result<Credentials, String> {
    let entries: Result<Vec<_>, _> =
        entries.iter().map(|entry| serde_json::from_value(entry.clone())).collect();
    let entries = entries.map_err(|error| error.to_string())?;
    let environment = |name: &str| (name != "ABSENT").then(|| Secret::new(format!("sk {name}")));
    Credentials::compile(&entries, &[], &environment).map_err(|error| error.to_string())
}

#[test]
fn an_entry_that_is_wrong_is_told_with_its_place_and_the_remedy() {
    let id = |id: &str| merged(entry(json!({})), json!({ "id": id }));
    for (entries, want) in [
        (vec![id("a"), id("b")], "credentials[1]: its tokens are those of `a`; name that one instead"),
        (vec![id("a"), id("a")], "credentials[1].id: the id `a` occurs twice"),
        (
            vec![id("a.b")],
            "credentials[0].id: `a.b` cannot be part of a metric's name; write letters, digits, `_` and `-`",
        ),
        (vec![id(" ")], "credentials[0].id: an empty text; write the exact value"),
        (
            vec![json!({ "id": "a" })],
            "credentials[0]: it has one kind, which says how it is got; write one of `oauth`, `metadata`, `google_key`, `bedrock_key`, `exchange` and `pool`",
        ),
        (
            vec![entry(json!({ "scope": null }))],
            "credentials[0].oauth.scope: nothing says what the token is for; write the provider's scope, such as `https://cognitiveservices.azure.com/.default`",
        ),
        (
            vec![entry(json!({ "scope": "" }))],
            "credentials[0].oauth.scope: an empty text; write the exact value",
        ),
        (
            vec![entry(json!({ "parameters": { "client_secret": "s" } }))],
            "credentials[0].oauth.parameters.client_secret: `client_secret` is written by the gateway itself; leave it out",
        ),
        (
            vec![entry(
                json!({ "endpoint": { "cluster": "login", "host": "login.example", "path": "token" } }),
            )],
            "credentials[0].oauth.endpoint.path: `token` is not a path; write one that begins with `/`",
        ),
        (
            vec![entry(json!({ "client_authentication": { "client_secret_post": { "env": "p4ss word" } } }))],
            "credentials[0].oauth.client_authentication: not the name of an environment variable; write letters, digits and `_`: the configuration holds names, not values",
        ),
        (
            vec![entry(json!({ "scpoe": "s" }))],
            "unknown field `scpoe`, expected one of `endpoint`, `client_id`, `client_authentication`, `scope`, `parameters`",
        ),
    ] {
        assert_eq!(compiled(&entries).unwrap_err(), want);
    }
    assert!(
        compiled(&[entry(json!({ "scope": null, "parameters": { "audience": "https://api.example" } }))])
            .is_ok()
    );
    let other = merged(entry(json!({ "client_id": "other" })), json!({ "id": "b" }));
    let credentials = compiled(&[id("a"), other]).unwrap();
    let why = credentials.choose("c", "upstreams[0].credential.from").unwrap_err().to_string();
    assert_eq!(why, "upstreams[0].credential.from: `c` is no id of `credentials`; there are `a`, `b`");
}

#[test]
fn the_question_is_as_rfc_6749_has_it() {
    let basic = json!({ "client_secret_basic": { "env": "SECRET" } });
    for (client, form, authorization) in [
        (
            json!({}),
            "grant_type=client_credentials&scope=https%3A%2F%2Fprovider.example%2F.default&client_id=gate&client_secret=sk+SECRET",
            None,
        ),
        (
            json!({ "client_authentication": basic, "scope": null, "parameters": { "audience": "a&b" } }),
            "grant_type=client_credentials&audience=a%26b",
            Some("Basic Z2F0ZTpzayUyMFNFQ1JFVA=="),
        ),
    ] {
        let credentials = compiled(&[entry(client)]).unwrap();
        let (_, credential) = credentials.iter().next().unwrap();
        let Ok(Step::Ask(request)) = credential.begin(&moment(NOW_MS)) else { panic!() };
        assert_eq!((request.cluster, request.host, request.path), ("login", "login.example", "/token"));
        assert_eq!(request.form.as_deref(), Some(form));
        let header = request.headers.iter().find(|(name, _)| *name == "authorization");
        assert_eq!(header.map(|(_, value)| value.as_str()), authorization);
    }
}

#[test]
fn a_secret_that_is_not_there_is_no_error_of_the_configuration() {
    let absent = json!({ "client_authentication": { "client_secret_post": { "env": "ABSENT" } } });
    let credentials = compiled(&[entry(absent)]).unwrap();
    let (_, credential) = credentials.iter().next().unwrap();
    assert!(credential.lacks_secret() && credential.begin(&moment(NOW_MS)).is_err());
}

#[test]
fn accounts_differ_by_all_but_the_secret() {
    let account = |client: Value| {
        let credentials = compiled(&[entry(client)]).unwrap();
        credentials.choose("app", "at").unwrap().accounts
    };
    let plain = account(json!({}));
    for (client, is_same) in [
        (json!({ "client_authentication": { "client_secret_post": { "env": "OTHER" } } }), true),
        (json!({ "client_authentication": { "client_secret_basic": { "env": "SECRET" } } }), true),
        (json!({ "client_id": "other" }), false),
        (json!({ "scope": "other" }), false),
        (json!({ "parameters": { "resource": "r" } }), false),
        (json!({ "endpoint": { "cluster": "other", "host": "login.example", "path": "/token" } }), false),
        (json!({ "endpoint": { "cluster": "login", "host": "other.example", "path": "/token" } }), false),
        (json!({ "endpoint": { "cluster": "login", "host": "login.example", "path": "/other" } }), false),
    ] {
        assert_eq!(account(client.clone()) == plain, is_same, "{client}");
    }
    // What moves from one field to the next is another account.
    assert_ne!(
        account(json!({ "client_id": "a", "scope": "bc" })),
        account(json!({ "client_id": "ab", "scope": "c" }))
    );
}

fn answer(status: u32, body: &str) -> Result<(Secret, Life), Setback> {
    read(TokenAnswer { status, retry_after: None, body: body.as_bytes() })
}

#[test]
fn a_token_comes_with_its_life() {
    let life = |expires_in_s, expires_on_s, refresh_in_s| Life { expires_in_s, expires_on_s, refresh_in_s };
    for (body, want, note) in [
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":3599}"#,
            life(Some(3599), None, None),
            "RFC 6749",
        ),
        (
            r#"{"access_token":"t","token_type":"bearer","expires_in":"3599"}"#,
            life(Some(3599), None, None),
            "a text",
        ),
        (
            r#"{"access_token":"t","expires_on":"1700000000","refresh_in":"60"}"#,
            life(None, Some(1_700_000_000), Some(60)),
            "IMDS",
        ),
        (r#"{"access_token":"t","ext_expires_in":1}"#, life(None, None, None), "an answer that says nothing"),
    ] {
        let (token, got) = answer(200, body).unwrap();
        assert_eq!((token.expose(), got), (b"t".as_slice(), want), "{note}");
    }
}

#[test]
fn what_is_no_token_is_a_failure_whatever_it_is() {
    let long = format!(r#"{{"access_token":"{}"}}"#, "t".repeat(16 * 1024 + 1));
    for (status, body, why) in [
        (200, "", "it is not one JSON object"),
        (200, "[]", "it is not one JSON object"),
        (200, r#"{"access_token":"a","access_token":"b"}"#, "it is not one JSON object"),
        (200, "{}", "it has no `access_token`"),
        (200, r#"{"access_token":null}"#, "it has no `access_token`"),
        (200, r#"{"access_token":""}"#, "cannot be a header's value"),
        (200, r#"{"access_token":"a\r\nx: y"}"#, "cannot be a header's value"),
        (200, r#"{"access_token":"a b"}"#, "cannot be a header's value"),
        (200, r#"{"access_token":"ä"}"#, "cannot be a header's value"),
        (200, &long, "cannot be a header's value"),
        (200, r#"{"access_token":"t","token_type":"N_A"}"#, "`token_type` is not `Bearer`"),
        (200, r#"{"access_token":"t","token_type":null}"#, "`token_type` is not `Bearer`"),
        (200, r#"{"access_token":"t","expires_in":-1}"#, "`expires_in` is no number of seconds"),
        (200, r#"{"access_token":"t","expires_in":1e99}"#, "`expires_in` is no number of seconds"),
        (200, r#"{"access_token":"t","expires_in":null}"#, "`expires_in` is no number of seconds"),
        (200, r#"{"access_token":"t","expires_on":"2026-01-01"}"#, "`expires_on` is no number of seconds"),
        (302, r#"{"access_token":"t"}"#, "the endpoint answered 302"),
        (201, r#"{"access_token":"t"}"#, "the endpoint answered 201"),
        (500, "<html>", "the endpoint answered 500"),
    ] {
        let setback = answer(status, body).map(|_| ()).unwrap_err();
        assert_eq!(setback.kind, FailureKind::Unavailable, "{body}");
        assert!(setback.why.contains(why), "{body}: {}", setback.why);
    }
}

#[test]
fn a_providers_error_is_translated() {
    let entra = |code: u64| format!(r#"{{"error":"invalid_client","error_codes":[{code}]}}"#);
    for (status, body, kind, why) in [
        (
            400,
            entra(90_002),
            FailureKind::Refused,
            "the endpoint answered 400 `invalid_client`, AADSTS90002: the tenant in `path` does not exist",
        ),
        (
            400,
            entra(1),
            FailureKind::Refused,
            "the endpoint answered 400 `invalid_client`, AADSTS1: the client is not known, or its secret is wrong; Keycloak says so of an `audience` that is no client, too",
        ),
        (
            400,
            r#"{"error":"invalid_scope"}"#.to_owned(),
            FailureKind::Refused,
            "the endpoint answered 400 `invalid_scope`: the scope is not known, or the client may not have it",
        ),
        (
            400,
            r#"{"error":"temporarily_unavailable"}"#.to_owned(),
            FailureKind::Unavailable,
            "the endpoint answered 400 `temporarily_unavailable`",
        ),
        (403, "no".to_owned(), FailureKind::Refused, "the endpoint answered 403"),
        (404, String::new(), FailureKind::Unavailable, "the endpoint answered 404"),
        (429, String::new(), FailureKind::Unavailable, "the endpoint answered 429"),
        // A name is a name; everything else may quote what was sent.
        (
            401,
            r#"{"error":"the secret hunter2 is wrong"}"#.to_owned(),
            FailureKind::Refused,
            "the endpoint answered 401",
        ),
        (
            401,
            r#"{"error":["x"],"error_codes":"7","trace_id":"a b"}"#.to_owned(),
            FailureKind::Refused,
            "the endpoint answered 401",
        ),
    ] {
        let setback = answer(status, &body).map(|_| ()).unwrap_err();
        assert_eq!((setback.kind, setback.why.as_str(), setback.trace), (kind, why, None), "{body}");
    }
}

#[test]
fn the_next_token_is_due_when_most_of_the_life_has_passed() {
    let times = |life: Life, chance| {
        Times::of(life, NOW_MS, chance).map(|times| {
            let since = |ms: u64| ms - NOW_MS;
            (since(times.due_ms), since(times.served_until_ms()), since(times.expires_ms))
        })
    };
    let lives = |seconds| Life { expires_in_s: Some(seconds), ..Life::default() };
    for (life, chance, want, note) in [
        (lives(3600), 0, Some((2_520_000, 3_570_000, 3_600_000)), "an hour: at 70 %"),
        (lives(3600), 255, Some((2_878_593, 3_570_000, 3_600_000)), "to 80 %"),
        (lives(60), 0, Some((42_000, 54_000, 60_000)), "a short life has a tenth as its margin"),
        (lives(5), 0, Some((86_400_000, 4_500, 5_000)), "a transient one is got for who waits"),
        (lives(0), 0, None, "none"),
        (lives(u64::MAX), 0, Some((60_480_000, 86_370_000, 86_400_000)), "a day is the most"),
        (Life::default(), 0, Some((210_000, 270_000, 300_000)), "nothing is said"),
        (
            Life { refresh_in_s: Some(60), ..lives(3600) },
            0,
            Some((60_000, 3_570_000, 3_600_000)),
            "the endpoint wants to be asked sooner",
        ),
        (
            Life { refresh_in_s: Some(9999), ..lives(3600) },
            0,
            Some((2_520_000, 3_570_000, 3_600_000)),
            "or later",
        ),
        (
            Life { expires_on_s: Some(NOW_MS / 1000 + 600), ..Life::default() },
            0,
            Some((420_000, 570_000, 600_000)),
            "a time of the clock",
        ),
        (
            Life { expires_in_s: Some(86_400), expires_on_s: Some(NOW_MS / 1000 + 600), refresh_in_s: None },
            0,
            Some((420_000, 570_000, 600_000)),
            "a length from when it was made, long ago",
        ),
        (
            Life { refresh_in_s: Some(0), ..lives(3600) },
            0,
            Some((30_000, 3_570_000, 3_600_000)),
            "not at once",
        ),
        (Life { expires_on_s: Some(1), ..Life::default() }, 0, None, "one that has passed"),
    ] {
        assert_eq!(times(life, chance), want, "{note}");
    }
}

#[test]
fn a_failure_is_tried_again_later_each_time() {
    let mut failure: Option<Failure> = None;
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        let next = Failure::after(failure.as_ref(), Setback::unavailable("w"), NOW_MS, 128);
        assert_eq!(next.retry_ms - NOW_MS, seconds * 1000);
        failure = Some(next);
    }
    let refused = Setback::refused("w");
    for (chance, ms) in [(0, 60_000), (128, 66_000), (255, 71_953)] {
        assert_eq!(Failure::after(None, refused.clone(), NOW_MS, chance).retry_ms - NOW_MS, ms);
    }
    for (wish_ms, ms) in [(5_000, 66_000), (100_000, 100_000), (u64::MAX, 600_000)] {
        let setback = Setback { wish_ms: Some(wish_ms), ..refused.clone() };
        assert_eq!(Failure::after(None, setback, NOW_MS, 128).retry_ms - NOW_MS, ms);
    }
}

#[test]
fn a_slot_is_read_as_it_was_written() {
    let credentials = compiled(&[entry(json!({}))]).unwrap();
    let (_, credential) = credentials.iter().next().unwrap();
    let body = br#"{"access_token":"t","expires_in":3600}"#;
    let got = TokenAnswer { status: 200, retry_after: None, body };
    let slot = credential.answered(Slot::default(), got, NOW_MS, &moment(NOW_MS));
    let failed = credential.failed(slot.clone(), Setback::unavailable("w"), NOW_MS, &moment(NOW_MS));
    for slot in [Slot::default(), slot, failed] {
        let read = Slot::read(&slot.write());
        assert_eq!(read.write(), slot.write());
        assert_eq!(read.usable(NOW_MS).is_ok(), slot.usable(NOW_MS).is_ok());
    }
    for bytes in [b"\0".as_slice(), b"", b"{}", br#"{"token":{"value":1}}"#] {
        assert!(Slot::read(bytes).token().is_none());
    }
}

#[test]
fn an_answer_that_comes_late_takes_nothing_away() {
    let credentials = compiled(&[entry(json!({}))]).unwrap();
    let (_, credential) = credentials.iter().next().unwrap();
    let body = br#"{"access_token":"t","expires_in":3600}"#;
    let got = TokenAnswer { status: 200, retry_after: None, body };
    let slot = credential.answered(Slot::default(), got, NOW_MS, &moment(NOW_MS));
    let late = credential.failed(slot.clone(), Setback::unavailable("w"), NOW_MS - 1, &moment(NOW_MS));
    assert!(late.failure().is_none());
    assert!(credential.failed(slot, Setback::unavailable("w"), NOW_MS, &moment(NOW_MS)).failure().is_some());
}

#[test]
fn a_token_that_comes_again_ends_no_later() {
    let credentials = compiled(&[entry(json!({}))]).unwrap();
    let (_, credential) = credentials.iter().next().unwrap();
    let body = br#"{"access_token":"t","expires_in":3600}"#;
    let mut slot = Slot::default();
    for minute in 0..60 {
        let now_ms = NOW_MS + minute * 60_000;
        let got = TokenAnswer { status: 200, retry_after: None, body };
        slot = credential.answered(slot, got, now_ms, &moment(now_ms));
        assert_eq!(slot.token().unwrap().expires_ms(), NOW_MS + 3_600_000);
    }
    assert!(slot.usable(NOW_MS + 3_600_000).is_err());
}
