//! What the tree of an expression shows of the rules that are shipped.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::expression::{CameTo, Engine};
use crate::policy::VOCABULARY;
use crate::policy::fixture::Case;

#[test]
fn the_root_of_the_tree_is_what_the_engine_gives_for_every_shipped_rule() {
    let labels = json!({
        "tenant": "acme", "scopes": ["chat", "model:gpt-4o*"], "labels": { "plan": "trial", "region": "us" },
    });
    let chat = json!({ "model": "gpt-4o", "max_tokens": 2000 });
    let cases = [
        Case::with_key(json!({})),
        Case::with_key(labels.clone()).with_body(&chat),
        Case::sending("GET", "/v1/models", &[], labels),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "cel")).collect();
    assert!(files.len() > 5, "{files:?}");
    let engine = Engine::new().unwrap();
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let expression = engine.compile("rule", &source, &VOCABULARY).unwrap();
        for case in &cases {
            let facts = case.facts();
            let scope = engine.scope(expression.reads(), &facts);
            let came_to = match expression.shown(&scope) {
                Ok(shown) => CameTo::Value(shown),
                Err(fault) => CameTo::Error(fault.to_string()),
            };
            let tree = Engine::explain(&source, &VOCABULARY, &scope).unwrap();
            assert_eq!(tree.came_to, came_to, "{}", file.display());
            assert!(!tree.children.is_empty(), "{}", file.display());
        }
    }
}
