//! `claimgate key new` and `claimgate key hash`.

use serde_json::{Value, json};

use crate::copy::Copy;

#[test]
fn a_new_key_has_the_hash_of_its_entry() {
    let copy = Copy::new("key");
    let made = copy.run(&[
        "key",
        "new",
        "--id",
        "ci",
        "--project",
        "build",
        "--service-account",
        "ci",
        "--scope",
        "model:*",
        "--label",
        "on=yes",
        "--expires-in",
        "90d",
        "--format",
        "json",
    ]);
    let made: Value = serde_json::from_str(&made.output).unwrap();
    let key = made["key"].as_str().unwrap();
    let hashed = copy.run_with_input(&["key", "hash"], &format!("{key}\n"));
    assert_eq!((hashed.code, hashed.output.trim()), (0, made["entry"]["hash"].as_str().unwrap()));

    let entry =
        copy.run(&["key", "new", "--id", "ci", "--project", "build", "--service-account", "ci"]).output;
    let entry = &entry[entry.find("  - id").unwrap()..];
    copy.edit("envoy/gateway.yaml", "keys:\n", &format!("keys:\n{entry}"));
    assert!(copy.run(&["check"]).output.contains("7 keys"), "the printed entry can be pasted:\n{entry}");
}

#[test]
fn a_new_key_may_be_bound_to_its_holder() {
    const THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    let copy = Copy::new("bound-key");
    let key =
        ["key", "new", "--id", "ci", "--project", "build", "--service-account", "ci", "--format", "json"];
    let hex = format!("sha256:{}", "0a".repeat(32));
    let made = copy.run(&[&key[..], &["--certificate", &hex, "--dpop-key", THUMBPRINT]].concat());
    let made: Value = serde_json::from_str(&made.output).unwrap();
    let bound_to = &made["entry"]["bound_to"];
    assert_eq!(bound_to["certificates"], json!(["CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo"]));
    assert_eq!(bound_to["dpop_keys"], json!([THUMBPRINT]));
    let wrong = copy.run(&[&key[..], &["--certificate", "0a0a"]].concat());
    assert!(wrong.code == 2 && wrong.errors.contains("`0a0a` is not a thumbprint"), "{}", wrong.errors);
}

#[test]
fn what_is_no_key_is_told_apart() {
    let copy = Copy::new("hash");
    for (input, code, needle) in [
        ("", 2, "there is no key"),
        ("two words", 2, "more than one word"),
        ("cgk_0000000000000000000000000000000000000000000000001", 2, "mistyped or cut"),
        ("sk-chosen", 0, "warning: "),
    ] {
        let run = copy.run_with_input(&["key", "hash"], input);
        assert_eq!(run.code, code, "{input}");
        assert!(run.errors.contains(needle), "{input}: {}", run.errors);
        assert!(input.is_empty() || !run.errors.contains(input), "the key is not shown again");
    }
}
