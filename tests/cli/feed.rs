//! `claimgate key feed`, and `claimgate key new` and `rotate` on the document of a feed.

use std::fs;

use serde_json::{Value, json};

use crate::copy::{Copy, Run};

const FEEDS: &str =
    "key_feeds: [{id: main, remote: {cluster: feeds, host: feeds.example, path: /keys.json}}]\n";

fn new(copy: &Copy, id: &str, more: &[&str]) -> Run {
    let plain =
        ["key", "new", "--feed", "keys.json", "--project", "shop", "--service-account", "web", "--id", id];
    copy.run(&[&plain, more].concat())
}

fn feed(copy: &Copy, arguments: &[&str]) -> Run {
    copy.run(&[&["key", "feed", "--feed", "keys.json"], arguments].concat())
}

fn text(copy: &Copy) -> String {
    fs::read_to_string(copy.path().join("keys.json")).unwrap()
}

fn keys(copy: &Copy) -> Vec<Value> {
    let document: Value = serde_json::from_str(&text(copy)).unwrap();
    document.get("keys").and_then(Value::as_array).unwrap().clone()
}

#[test]
fn a_feed_is_made_and_keys_are_put_into_it() {
    let copy = Copy::new("feed");
    let made = new(&copy, "web", &["--scope", "chat", "--format", "json"]);
    let made: Value = serde_json::from_str(&made.output).unwrap();
    assert_eq!(keys(&copy), [made["entry"].clone()]);
    assert!(!text(&copy).contains(made["key"].as_str().unwrap()), "its hash only");
    let second = new(&copy, "app", &[]);
    assert!(second.output.contains("Its entry, which is in keys.json now"), "{}", second.output);
    assert_eq!(feed(&copy, &[]).output.trim(), "keys.json: 2 keys");
    assert_eq!(text(&copy).lines().count(), 4, "one line for each key:\n{}", text(&copy));
    copy.edit("envoy/gateway.yaml", "keys:\n", &format!("{FEEDS}keys:\n"));
    let agreed = feed(&copy, &["--config", "envoy/gateway.yaml"]);
    assert_eq!((agreed.code, agreed.output.trim()), (0, "keys.json: 2 keys"), "{}", agreed.errors);
    assert_eq!(copy.run(&["check"]).code, 0);
}

#[test]
fn a_key_is_disabled_enabled_removed_and_pruned() {
    let copy = Copy::new("feed-edit");
    for (id, more) in [("a", ["--scope", "chat"].as_slice()), ("b", &[]), ("c", &["--expires-in", "90d"])] {
        assert_eq!(new(&copy, id, more).code, 0);
    }
    let before = text(&copy);
    assert_eq!(feed(&copy, &["--disable", "a", "--disable", "b"]).code, 0);
    let disabled: Vec<_> = keys(&copy).iter().map(|key| key["disabled"].clone()).collect();
    assert_eq!(disabled, [json!(true), json!(true), Value::Null]);
    assert_eq!(feed(&copy, &["--enable", "a", "--enable", "b"]).code, 0);
    assert_eq!(text(&copy), before, "as it was");
    assert_eq!(feed(&copy, &["--remove", "b"]).output.trim(), "keys.json: 2 keys");
    let expires = keys(&copy)[1]["expires_at"].as_str().unwrap().to_owned();
    copy.edit("keys.json", &expires, "2020-01-01T00:00:00Z");
    assert_eq!(feed(&copy, &["--prune"]).output.trim(), "keys.json: 1 keys");
    assert_eq!(keys(&copy)[0]["id"], "a");
}

#[test]
fn a_key_in_a_feed_is_rotated_in_place() {
    let copy = Copy::new("feed-rotate");
    new(&copy, "web", &["--scope", "chat"]);
    new(&copy, "app", &[]);
    let rotated = copy.run(&[
        "key",
        "rotate",
        "--feed",
        "keys.json",
        "--id",
        "web",
        "--new-id",
        "web-b",
        "--format",
        "json",
    ]);
    let made: Value = serde_json::from_str(&rotated.output).unwrap();
    let listed = keys(&copy);
    assert_eq!(listed.iter().map(|key| key["id"].clone()).collect::<Vec<_>>(), ["app", "web-b", "web"]);
    assert_eq!((&listed[1], &listed[2]), (&made["new"], &made["old"]));
    assert!(listed[2]["expires_at"].is_string() && listed[1]["scopes"] == json!(["chat"]));
    let nobody = copy.run(&["key", "rotate", "--feed", "keys.json", "--id", "nobody"]);
    assert!(
        nobody.code == 2 && nobody.errors.contains("there is no key `nobody` in keys.json"),
        "{}",
        nobody.errors
    );
}

#[test]
fn what_a_gateway_would_refuse_is_not_written() {
    let copy = Copy::new("feed-wrong");
    new(&copy, "web", &[]);
    let before = text(&copy);
    for (run, needle) in [
        (new(&copy, "web", &[]), "keys[1].id: `web` is the id of two keys"),
        (feed(&copy, &["--disable", "wbe"]), "there is no key `wbe`"),
        (feed(&copy, &["--remove", "wbe"]), "there is no key `wbe`"),
        (feed(&copy, &["--config", "envoy/gateway.yaml"]), "the configuration has no `key_feeds`"),
    ] {
        assert!(
            run.code == 2 && run.errors.contains(needle) && run.errors.starts_with("error: keys.json: "),
            "{}",
            run.errors
        );
        assert_eq!(text(&copy), before);
    }
    copy.edit("envoy/gateway.yaml", "keys:\n", &format!("{FEEDS}keys:\n"));
    copy.edit("keys.json", "\"web\"", "\"search-prod\"");
    let run = feed(&copy, &["--config", "envoy/gateway.yaml"]);
    assert!(
        run.errors.contains("keys[0].id: `search-prod` has the id of a key in the configuration"),
        "{}",
        run.errors
    );
    for (old, new, needle) in [
        ("\"hash\":", "\"hsah\":", "keys[0].hsah: unknown field `hsah`"),
        ("\"hsah\":\"sha256:", "\"hash\":\"", "keys[0].hash: not the hash of a key"),
        ("{\"keys\"", "{\"kyes\"", "kyes: unknown field"),
    ] {
        copy.edit("keys.json", old, new);
        let run = feed(&copy, &[]);
        assert!(run.code == 2 && run.errors.contains(needle), "{}", run.errors);
    }
}
