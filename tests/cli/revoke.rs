//! `claimgate revoke`.

use std::fs;

use serde_json::{Value, json};

use crate::copy::Copy;

fn list(copy: &Copy) -> Value {
    serde_json::from_str(&fs::read_to_string(copy.path().join("revoked.json")).unwrap()).unwrap()
}

#[test]
fn a_list_is_made_added_to_and_taken_back() {
    let copy = Copy::new("revoke");
    let revoke = |arguments: &[&str]| copy.run(&[&["revoke", "--list", "revoked.json"], arguments].concat());
    assert_eq!(
        revoke(&["--key", "search-prod", "--note", "leaked"]).output.trim(),
        "revoked.json: 1 entries"
    );
    assert_eq!(list(&copy), json!({ "revoked": [{ "key": "search-prod", "note": "leaked" }] }));
    for arguments in [["--tenant", "initech"].as_slice(), &["--subject", "alice", "--issued-before", "now"]] {
        assert_eq!(revoke(arguments).code, 0);
    }
    assert!(list(&copy)["revoked"][2]["issued_before"].is_string());
    assert_eq!(revoke(&["--tenant", "initech"]).output.trim(), "revoked.json: 3 entries", "not twice");
    assert_eq!(revoke(&["--key", "search-prod", "--lift"]).output.trim(), "revoked.json: 2 entries");
    assert_eq!(revoke(&["--jti", "x", "--until", "2020-01-01T00:00:00Z"]).code, 0);
    assert_eq!(revoke(&["--prune"]).output.trim(), "revoked.json: 2 entries");
    assert_eq!(revoke(&[]).output.trim(), "revoked.json: 2 entries", "a look changes nothing");
}

#[test]
fn a_wrong_list_or_wish_changes_nothing() {
    let copy = Copy::new("revoke-wrong");
    let revoke = |arguments: &[&str]| copy.run(&[&["revoke", "--list", "revoked.json"], arguments].concat());
    assert_eq!(revoke(&["--key", "a"]).code, 0);
    for (arguments, needle) in [
        (["--note", "x"].as_slice(), "say what is meant"),
        (&["--lift"], "say what is meant"),
        (&["--key", "b", "--lift"], "no entry says that"),
        (&["--key", "b", "--jti", "c"], "two entries"),
        (&["--key", ""], "is empty"),
        (&["--subject", "a", "--issued-before", "soon"], "RFC 3339"),
    ] {
        let run = revoke(arguments);
        assert!(run.code == 2 && run.errors.contains(needle), "{arguments:?}: {}", run.errors);
        assert_eq!(list(&copy), json!({ "revoked": [{ "key": "a" }] }));
    }
    let path = copy.path().join("revoked.json");
    fs::write(&path, r#"{"revoked":[{"kye":"a"}]}"#).unwrap();
    let run = revoke(&["--key", "b"]);
    assert!(run.code == 2 && run.errors.contains("revoked[0]"), "{}", run.errors);
    assert_eq!(fs::read_to_string(&path).unwrap(), r#"{"revoked":[{"kye":"a"}]}"#);
}
