use serde_json::json;

use super::{List, MAX_DOCUMENT_BYTES, Revocations};
use crate::config;

fn board_with(document: &[u8]) -> Result<usize, String> {
    let remote = json!({ "cluster": "c", "host": "h", "path": "/p" });
    let lists: Vec<config::Revocations> =
        serde_json::from_value(json!([{ "id": "a", "remote": remote }])).unwrap();
    let mut board = Revocations::compile(&lists).unwrap().board();
    board.accept(0, br#"{"revoked":[{"key":"first"}]}"#, 1).unwrap();
    let outcome = board.accept(0, document, 2);
    assert_eq!(board.generation(), if outcome.is_ok() { 2 } else { 1 });
    assert_eq!(board.checked_ms(0), Some(if outcome.is_ok() { 2 } else { 1 }), "the last good one stays");
    outcome.map(|()| board.content(0).unwrap().len())
}

#[test]
fn a_document_is_read_whole_or_not_at_all() {
    assert_eq!(board_with(br#"{"revoked":[{"key":"a"},{"tenant":"b","note":"x"}]}"#), Ok(2));
    assert_eq!(board_with(br#"{"revoked":[]}"#), Ok(0));
    for (document, why) in [
        (r#"{"revoked":[{"key":"a"},{"subjct":"b"}]}"#, "revoked[1]"),
        (r#"{"revoked":[{"key":"a"},{}]}"#, "revoked[1]: the entry names nothing"),
        (r#"{"revoked":[{"key":"a","key":"b"}]}"#, "revoked[0]"),
        (r#"{"revoked":[{"issued_before":"yesterday"}]}"#, "revoked[0].issued_before"),
        (r#"{"revoked":[]} x"#, "trailing"),
        (r#"[]"#, "invalid length"),
        ("<html>", "expected value"),
        ("", "EOF"),
    ] {
        let error = board_with(document.as_bytes()).unwrap_err();
        assert!(error.contains(why) && !error.contains('\n'), "{document}: {error}");
    }
    let long = format!("{{\"revoked\":[]{}}}", " ".repeat(MAX_DOCUMENT_BYTES));
    assert!(board_with(long.as_bytes()).unwrap_err().contains("more than"));
}

#[test]
fn entries_that_name_nobody_are_bounded() {
    let entries = |count: usize| {
        let entries: Vec<_> = (0..count).map(|number| json!({ "model": format!("m-{number}") })).collect();
        List::read(json!({ "revoked": entries }).to_string().as_bytes()).map(|list| list.len())
    };
    assert_eq!(entries(1000), Ok(1000));
    assert!(entries(1001).unwrap_err().contains("revoked[1000]"));
}
