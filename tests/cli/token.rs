//! `claimgate token`, `claimgate key signing`, `claimgate key sealing` and `claimgate key rotate`.

use serde_json::Value;

use crate::copy::{Copy, Run};

/// What the shipped configuration names.
const VARIABLE: &str = "CLAIMGATE_SIGNING_KEY";

/// A copy, and a key that it gives tokens by.
fn copy(name: &str, kind: &str) -> (Copy, String) {
    let copy = Copy::new(name);
    let key = copy.run(&["key", "signing", "--kind", kind]).output;
    (copy, key)
}

fn run(copy: &Copy, key: &str, arguments: &[&str], input: &str) -> Run {
    copy.run_in_environment(arguments, input, &[(VARIABLE, key.trim())])
}

fn mint(copy: &Copy, key: &str, more: &[&str]) -> Run {
    run(copy, key, &[&["token", "mint", "--key", "search-prod"], more].concat(), "")
}

#[test]
fn a_token_is_made_shown_and_verified() {
    for kind in ["ed25519", "hs256"] {
        let (copy, key) = copy(&format!("token-{kind}"), kind);
        let minted = mint(&copy, &key, &["--scope", "chat", "--model", "gpt-4o*", "--requests", "3"]).output;
        assert!(minted.starts_with("cgt_"), "{minted}");
        let inspected = copy.run_with_input(&["token", "inspect"], &minted);
        let shown: Value = serde_json::from_str(&inspected.output).unwrap();
        assert_eq!(shown["claims"]["limits"]["models"], serde_json::json!(["gpt-4o*"]));
        assert!(inspected.errors.contains("expires in") && inspected.errors.contains("signature"));
        let verified = run(&copy, &key, &["token", "verify"], &minted);
        let principal: Value = serde_json::from_str(&verified.output).unwrap();
        assert_eq!((verified.code, &principal["subject"]), (0, &"search-api".into()));
        let changed = run(&copy, &key, &["token", "verify"], &minted.trim().replace('.', ".A"));
        assert_eq!(changed.code, 1, "{}", changed.errors);
        assert!(changed.errors.starts_with("refused: "), "{}", changed.errors);
        let json = mint(&copy, &key, &["--lifetime", "60s", "--format", "json"]).output;
        let answer: Value = serde_json::from_str(&json).unwrap();
        assert!(answer["value"].is_string() && answer["expires_at"].is_u64());
    }
}

#[test]
fn what_cannot_be_made_says_why() {
    let (copy, key) = copy("token-refused", "ed25519");
    for (run, needle, note) in [
        (mint(&copy, &key, &["--scope", "admin"]), "token_request_too_wide", "a scope the key has not"),
        (mint(&copy, &key, &["--lifetime", "1h"]), "60 to 600 seconds", "too long"),
        (mint(&copy, "", &[]), "no signing key", "nothing in the environment"),
        (mint(&copy, "secret-text", &[]), "is not a JWK", "no key in the environment"),
        (run(&copy, &key, &["token", "mint", "--key", "nobody"], ""), "key_unknown", "no such key"),
        (Copy::new("token-none").run(&["token", "inspect"]), "must hold one token", "nothing to read"),
        (copy.run_with_input(&["token", "inspect"], "cgk_x"), "neither a token", "an API key"),
    ] {
        assert_eq!(run.code, 2, "{note}: {}", run.errors);
        assert!(run.errors.contains(needle) && !run.errors.contains("secret-"), "{note}: {}", run.errors);
    }
}

#[test]
fn a_rotated_key_has_a_successor_and_an_end() {
    let copy = Copy::new("rotate");
    let rotated = copy.run(&["key", "rotate", "--id", "search-prod", "--overlap", "1h", "--format", "json"]);
    let made: Value = serde_json::from_str(&rotated.output).unwrap();
    let hashed = copy.run_with_input(&["key", "hash"], made["key"].as_str().unwrap());
    assert_eq!(hashed.output.trim(), made["new"]["hash"]);
    assert!(made["new"]["id"].as_str().unwrap().starts_with("search-prod-20"));
    assert!(made["old"]["expires_at"].is_string() && made["new"].get("expires_at").is_none());
    for field in ["project", "service_account", "tenant", "scopes", "labels"] {
        assert_eq!(made["new"][field], made["old"][field], "{field}");
    }
    let printed = copy.run(&["key", "rotate", "--id", "search-prod", "--new-id", "search-b"]).output;
    let entries = &printed[printed.find("  - id").unwrap()..];
    assert_eq!(entries.matches("  - id").count(), 2);
    for (arguments, needle) in [
        (["key", "rotate", "--id", "nobody"].as_slice(), "there is no key `nobody`"),
        (&["key", "rotate", "--id", "search-prod", "--new-id", "trial-user"], "there is a key `trial-user`"),
    ] {
        let run = copy.run(arguments);
        assert!(run.code == 2 && run.errors.contains(needle), "{}", run.errors);
    }
}

#[test]
fn a_sealing_key_has_the_day_for_its_name() {
    let copy = Copy::new("key-sealing");
    let key = |arguments: &[&str]| -> Value {
        let run = copy.run(&[&["key", "sealing"], arguments].concat());
        assert!(run.code == 0 && run.errors.contains("shown only now"), "{}", run.errors);
        serde_json::from_str(&run.output).unwrap()
    };
    let (one, other, named) = (key(&[]), key(&[]), key(&["--id", "seal-b"]));
    let day = one["kid"].as_str().unwrap();
    assert!(day.starts_with("seal-20") && day.len() == "seal-2026-01-01".len(), "{day}");
    assert_eq!(
        (&one["kty"], one["k"].as_str().unwrap().len(), &named["kid"]),
        (&"oct".into(), 43, &"seal-b".into())
    );
    assert_ne!(one["k"], other["k"]);
}
