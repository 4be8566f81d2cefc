//! What is found when the configuration loads, each with its place and the remedy.

use serde_json::json;

use super::{TRUE, rule};
use crate::config::Rule;
use crate::expression::Engine;
use crate::policy::PolicySet;

fn error(rules: &[Rule]) -> String {
    PolicySet::compile(rules, &Engine::new().unwrap()).unwrap_err().to_string()
}

#[test]
fn a_list_that_cannot_be_enforced_is_refused() {
    let without_text: Rule = serde_json::from_value(json!({ "file": "a.cel" })).unwrap();
    let rows = [
        (vec![], "policies: the list is empty", "no rules"),
        (
            vec![rule("a.cel", TRUE, json!({})), rule("a.cel", "false", json!({}))],
            "policies[1]: the rule `a` is listed twice",
            "one id twice",
        ),
        (vec![without_text], "policies[0]: the text of `a.cel` is missing", "no text"),
        (
            vec![rule("a.cel", TRUE, json!({ "scopes": ["chat"] }))],
            "policies[0].scopes: only the reason `insufficient_scope`",
            "scopes that nobody is told",
        ),
    ];
    for (rules, want, note) in rows {
        let error = error(&rules);
        assert!(error.starts_with(want), "{note}: {error}");
    }
}

#[test]
fn a_file_name_gives_the_id_and_must_be_plain() {
    for name in ["a.CEL", "a", ".cel", "a b.cel", "a/b.cel", "../a.cel", "ä.cel", "a.b.cel", "", "a.cel.cel"]
    {
        let error = error(&[rule(name, TRUE, json!({}))]);
        assert!(error.starts_with(&format!("policies[0].file: `{name}` is not a rule's file")), "{error}");
    }
    let engine = Engine::new().unwrap();
    for name in ["a.cel", "Model-allow_list2.cel"] {
        assert!(PolicySet::compile(&[rule(name, TRUE, json!({}))], &engine).is_ok(), "{name}");
    }
}

#[test]
fn an_expression_that_can_never_decide_is_refused() {
    for (expression, want, note) in [
        (
            "principal.tennant == 'a'",
            "tried.cel: `principal` has no field `tennant`; did you mean `tenant`?",
            "a misspelt field",
        ),
        ("principle.tenant == 'a'", "tried.cel: there is no variable `principle`", "a misspelt variable"),
        ("principal.scopes.covres('a')", "tried.cel: there is no function `covres`", "a misspelt function"),
        ("principal.subject", "tried.cel: the expression gives `string`; it must give a boolean", "a text"),
        ("1 + 1", "tried.cel: the expression gives `int`", "a number"),
        ("principal.subject > 5", "tried.cel: ", "two types that do not compare"),
        ("// only a comment", "tried.cel: there is no expression", "no expression"),
        ("true &&\n  (principal.tenant ==", "tried.cel:2:", "a syntax error has a line and a column"),
    ] {
        let error = error(&[rule("first.cel", TRUE, json!({})), rule("tried.cel", expression, json!({}))]);
        assert!(error.starts_with(want), "{note}: {error}");
        assert!(!error.contains('\n'), "{note}: one line");
    }
    let error = error(&[rule("tried.cel", "true &&\n  (principal.tenant ==", json!({}))]);
    let place = error.strip_prefix("tried.cel:").and_then(|rest| rest.split(": ").next()).unwrap();
    let numbers: Vec<u32> = place.split(':').map(|number| number.parse().unwrap()).collect();
    assert!(matches!(numbers.as_slice(), [2, column] if *column > 1), "{error}");
}

#[test]
fn a_when_is_compiled_and_run_as_a_rule_is() {
    for (when, want) in [
        ("principal.tennant == 'a'", "policies[0].when: `principal` has no field `tennant`"),
        ("principal.subject", "policies[0].when: the expression gives `string`"),
        ("(", "policies[0].when:1:"),
    ] {
        let error = error(&[rule("tried.cel", TRUE, json!({ "when": when }))]);
        assert!(error.starts_with(want), "{error}");
    }
}

#[test]
fn what_only_some_callers_lack_is_no_error_when_loading() {
    let engine = Engine::new().unwrap();
    for expression in [
        "principal.claims.plan == 'pro'",
        "principal.key.labels.plan == 'pro'",
        "request.headers['x-team'] == 'search'",
        "request.query.beta == 'true'",
        "upstream.metadata.region == 'eu'",
        "principal.scopes[3] == 'chat'",
        "source.address.in_cidr('10.0.0.0/8')",
        "request.time.getHours('Europe/Berlin') < 6",
        "principal.key.created_at < request.time",
        "llm.max_tokens <= 100 && !llm.stream && llm.model.glob('gpt-*')",
    ] {
        let compiled = PolicySet::compile(&[rule("tried.cel", expression, json!({}))], &engine);
        assert!(compiled.is_ok(), "{expression}: {compiled:?}");
    }
}

#[test]
fn a_message_that_cannot_be_told_is_refused() {
    for (change, want) in [
        (json!({ "message": " " }), "policies[0].message: is empty"),
        (json!({ "message": "a\nb" }), "policies[0].message: holds control characters"),
        (json!({ "message": "x".repeat(501) }), "policies[0].message: has 501 characters; the bound is 500"),
        (
            json!({ "message_expression": "principal.tennant" }),
            "policies[0].message_expression: `principal` has no field",
        ),
        (
            json!({ "message_expression": "3" }),
            "policies[0].message_expression: the expression gives `int`; it must give text",
        ),
    ] {
        let error = error(&[rule("a.cel", TRUE, change)]);
        assert!(error.starts_with(want), "{error}");
    }
}
