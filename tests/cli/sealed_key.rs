//! `claimgate key sealing --feed` and `claimgate key seal`.

use std::fs;

use serde_json::{Value, json};

use crate::copy::{Copy, Run};

const KEY: &str = "sk-of-acme-0123456789";

fn seal(copy: &Copy, input: &str, more: &[&str]) -> Run {
    let plain = ["key", "seal", "--to", "public.jwk", "--tenant", "acme", "--upstream", "openai"];
    copy.run_with_input(&[&plain, more].concat(), input)
}

fn with_pair(name: &str) -> (Copy, Value) {
    let copy = Copy::new(name);
    let run = copy.run(&["key", "sealing", "--feed", "public.jwk"]);
    assert!(run.code == 0 && run.errors.contains("shown only now"), "{}", run.errors);
    let private = serde_json::from_str(&run.output).unwrap();
    (copy, private)
}

#[test]
fn a_pair_has_a_half_for_writers() {
    let (copy, private) = with_pair("feed-pair");
    let public: Value =
        serde_json::from_str(&fs::read_to_string(copy.path().join("public.jwk")).unwrap()).unwrap();
    assert!(public.get("d").is_none() && private["d"].as_str().unwrap().len() == 43);
    let common = |jwk: &Value| ["kty", "crv", "kid", "x"].map(|name| jwk[name].clone());
    assert_eq!(common(&private), common(&public));
    assert!(private["kid"].as_str().unwrap().starts_with("feed-20"), "{private}");
    let nowhere = copy.run(&["key", "sealing", "--feed", "absent/public.jwk"]);
    assert!(nowhere.code == 2 && nowhere.output.is_empty(), "a pair of which one half is lost");
}

#[test]
fn an_entry_is_printed_or_put_into_the_document() {
    let (copy, _) = with_pair("feed-seal");
    let user =
        ["--id", "alice-1", "--subject", "alice", "--issuer", "https://login.example/", "--model", "gpt-4o*"];
    let more = ["--expires-at", "2100-01-01T00:00:00Z"];
    let printed = seal(&copy, &format!("{KEY}\n"), &[user.as_slice(), &more].concat());
    let entry: Value = serde_json::from_str(&printed.output).unwrap();
    let said =
        ["id", "tenant", "subject", "upstreams", "models", "expires_at"].map(|name| entry[name].clone());
    let wanted = json!(["alice-1", "acme", "alice", ["openai"], ["gpt-4o*"], "2100-01-01T00:00:00Z"]);
    assert_eq!(json!(said), wanted);
    assert_eq!(entry["jwe"].as_str().unwrap().split('.').count(), 5);
    let feed = ["--feed", "credentials.json"];
    for (id, count) in [("acme-1", 1), ("acme-2", 2)] {
        let run = seal(&copy, KEY, &[&feed, ["--id", id].as_slice()].concat());
        assert_eq!(run.output.trim(), format!("credentials.json: {count} credentials"), "{}", run.errors);
        assert!(!run.errors.contains(KEY));
    }
    let text = fs::read_to_string(copy.path().join("credentials.json")).unwrap();
    assert!(!text.contains(KEY) && text.lines().count() == 4, "one line for each:\n{text}");
    let again = seal(&copy, KEY, &[&feed, ["--id", "acme-1"].as_slice()].concat());
    assert!(
        again.code == 2 && again.errors.contains("`acme-1` is the id of two entries"),
        "{}",
        again.errors
    );
    assert_eq!(fs::read_to_string(copy.path().join("credentials.json")).unwrap(), text, "nothing is touched");
}

#[test]
fn what_cannot_be_sealed_is_refused_without_an_echo() {
    let (copy, private) = with_pair("feed-refused");
    fs::write(copy.path().join("private.jwk"), private.to_string()).unwrap();
    let id = ["--id", "acme-1"].as_slice();
    let plain =
        ["key", "seal", "--to", "private.jwk", "--tenant", "acme", "--upstream", "openai", "--id", "a"];
    for (run, why) in [
        (seal(&copy, "", id), "no key on standard input"),
        (seal(&copy, "sk-a sk-b", id), "visible ASCII"),
        (seal(&copy, &"a".repeat(5000), id), "more than 4 KiB"),
        (seal(&copy, KEY, &["--id", "a", "--subject", "alice"]), "--issuer"),
        (
            seal(&copy, KEY, &["--id", "a", "--expires-at", "2020-01-01T00:00:00Z"]),
            "not later than `not_before`",
        ),
        (seal(&copy, KEY, &["--id", "a", "--to", "absent.jwk"]), "cannot be used multiple times"),
        (copy.run_with_input(&plain, KEY), "private half"),
    ] {
        assert!(run.code == 2 && run.errors.contains(why), "{}", run.errors);
        assert!(run.output.is_empty() && !run.errors.contains("sk-"), "{}", run.errors);
    }
}
