//! `claimgate key new` and `claimgate key hash`.

use serde_json::Value;

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
