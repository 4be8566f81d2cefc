//! Rules against a proven caller: what holds, what refuses and with which reason, what is only recorded.

mod compiling;
mod explaining;
mod facts;

use serde_json::{Value, json};

use super::fixture::{Case, merged};
use super::{PolicySet, Reads};
use crate::config::Rule;
use crate::denial::{Denial, Ids, Reason};
use crate::expression::Engine;
use crate::request::Wire;

const TRUE: &str = "true";

/// A rule whose text is `expression`; `change` is put into its entry.
fn rule(file: &str, expression: &str, change: Value) -> Rule {
    serde_json::from_value(merged(json!({ "file": file, "expression": expression }), change)).unwrap()
}

/// The rules in shadow mode that would have refused, or the denial.
fn authorize(rules: &[Rule], case: &Case) -> Result<Vec<String>, Denial> {
    let engine = Engine::new().unwrap();
    let policies = PolicySet::compile(rules, &engine).unwrap();
    policies.authorize(&engine, &case.facts()).map(|permit| permit.shadow_denials().to_vec())
}

fn refusal(rules: &[Rule], case: &Case) -> Option<(Reason, String)> {
    let denial = authorize(rules, case).err()?;
    Some((denial.reason(), denial.rule().unwrap_or_default().to_owned()))
}

#[test]
fn a_rule_holds_fails_or_errs_and_only_a_true_one_lets_in() {
    let case = Case::with_key(json!({ "tenant": "acme", "scopes": ["chat"] }));
    let err = "principal.key.labels.plan == 'pro'";
    let not_err = "!(principal.key.labels.plan == 'pro')";
    for (expression, when, want, note) in [
        (TRUE, None, None, "a rule that holds"),
        ("principal.scopes.covers('chat.write')", None, None, "one that holds by a function"),
        ("false", None, Some(Reason::PolicyDenied), "a rule that does not hold"),
        (err, None, Some(Reason::PolicyError), "a rule that errs"),
        (not_err, None, Some(Reason::PolicyError), "the same the other way round"),
        ("has(principal.key.labels.plan)", None, Some(Reason::PolicyDenied), "a guarded absence is no error"),
        ("!has(principal.key.labels.plan)", None, None, "nor the other way round"),
        ("false", Some("false"), None, "a rule that does not apply"),
        (err, Some("false"), None, "one that would err, and does not apply"),
        (TRUE, Some(err), Some(Reason::PolicyError), "a `when` that errs, though the rule would hold"),
        (TRUE, Some(not_err), Some(Reason::PolicyError), "the same the other way round"),
        ("false", Some(TRUE), Some(Reason::PolicyDenied), "a rule that applies and does not hold"),
        (
            "principal.key.labels['plan'] == 'pro' || true",
            None,
            None,
            "CEL's `||` does not mind an error beside a true",
        ),
        ("principal.key.labels['plan'] == 'pro' && true", None, Some(Reason::PolicyError), "its `&&` does"),
        ("llm.max_tokens <= 10", None, Some(Reason::PolicyError), "a body field that is absent"),
        ("!(llm.max_tokens > 10)", None, Some(Reason::PolicyError), "the same the other way round"),
    ] {
        let rules =
            [rule("first.cel", TRUE, json!({})), rule("tried.cel", expression, json!({ "when": when }))];
        let want = want.map(|reason| (reason, "tried".to_owned()));
        assert_eq!(refusal(&rules, &case), want, "{note}: {expression}");
    }
}

#[test]
fn a_rule_in_shadow_is_recorded_and_never_refuses() {
    let case = Case::with_key(json!({}));
    let err = "principal.key.labels.plan == 'pro'";
    for (expression, change, recorded, note) in [
        (TRUE, json!({}), false, "it holds"),
        ("false", json!({}), true, "it does not hold"),
        (err, json!({}), true, "it errs"),
        (TRUE, json!({ "when": err }), true, "its `when` errs"),
        ("false", json!({ "when": "false" }), false, "it does not apply"),
        ("false", json!({ "reason": "insufficient_scope", "scopes": ["chat"] }), true, "it names scopes"),
    ] {
        let rules = [rule("tried.cel", expression, merged(json!({ "mode": "shadow" }), change))];
        let want = if recorded { vec!["tried".to_owned()] } else { Vec::new() };
        assert_eq!(authorize(&rules, &case), Ok(want), "{note}");
    }
}

#[test]
fn the_first_rule_that_refuses_is_named() {
    let case = Case::with_key(json!({}));
    let rules = [
        rule("shadow.cel", "false", json!({ "mode": "shadow" })),
        rule("first.cel", "false", json!({ "reason": "tenant_mismatch" })),
        rule("second.cel", "false", json!({ "reason": "model_not_allowed" })),
    ];
    assert_eq!(refusal(&rules, &case), Some((Reason::TenantMismatch, "first".to_owned())));
}

#[test]
fn a_rule_refuses_with_the_reason_it_names() {
    let case = Case::with_key(json!({}));
    for (name, reason) in [
        ("policy_denied", Reason::PolicyDenied),
        ("insufficient_scope", Reason::InsufficientScope),
        ("model_not_allowed", Reason::ModelNotAllowed),
        ("tenant_mismatch", Reason::TenantMismatch),
    ] {
        let rules = [rule("tried.cel", "false", json!({ "reason": name }))];
        assert_eq!(refusal(&rules, &case), Some((reason, "tried".to_owned())), "{name}");
        let erring = [rule("tried.cel", "principal.client == 'a'", json!({ "reason": name }))];
        let want = Some((Reason::PolicyError, "tried".to_owned()));
        assert_eq!(refusal(&erring, &case), want, "an error is no lack of `{name}`");
    }
}

#[test]
fn a_denial_says_the_scopes_it_wants_but_not_what_the_rule_read() {
    let case = Case::with_key(json!({ "labels": { "plan": "secret-plan" } }));
    let ids = Ids { request: "req-1", decision: "dec-1" };
    let scoped =
        [rule("s.cel", "false", json!({ "reason": "insufficient_scope", "scopes": ["chat", "files"] }))];
    let answer = authorize(&scoped, &case).unwrap_err().answer(Wire::Openai, ids);
    assert!(answer.body.contains("it needs `chat files`"), "{}", answer.body);
    let challenge = answer.headers.iter().find(|(name, _)| name == "www-authenticate").unwrap();
    assert!(challenge.1.ends_with("scope=\"chat files\""), "{}", challenge.1);

    for expression in ["principal.key.labels.plan == 'x'", "principal.key.labels.tier == 'hidden'"] {
        let denial = authorize(&[rule("tried.cel", expression, json!({}))], &case).unwrap_err();
        for wire in Wire::ALL {
            let answer = denial.answer(wire, ids);
            let all = format!("{} {:?}", answer.body, answer.headers);
            for hidden in ["secret-plan", "labels", "tier", "hidden", "there is no"] {
                assert!(!all.contains(hidden), "{wire:?}: {expression}: {all}");
            }
            assert!(all.contains("tried"), "{wire:?}: the rule's id is told");
        }
    }
    let erring = [rule("tried.cel", "principal.key.labels.tier == 'hidden'", json!({}))];
    let denial = authorize(&erring, &case).unwrap_err();
    assert_eq!(denial.note(), Some("there is no `tier`; guard it with `has(…)` where it may be absent"));
}

#[test]
fn what_rules_read_leaves_out_those_that_do_not_apply() {
    let engine = Engine::new().unwrap();
    let case = Case::with_key(json!({ "scopes": ["chat"] }));
    let known = |reads: &Reads| !reads.field("llm", "stream");
    for (when, reads_model, note) in [
        (None, true, "a rule without `when` applies"),
        (Some("principal.scopes.covers('chat')"), true, "its `when` is true"),
        (Some("principal.scopes.covers('batch')"), false, "its `when` is false"),
        (Some("principal.client == 'a'"), true, "its `when` errs, and the error must refuse later"),
        (Some("llm.stream"), true, "its `when` is not settled yet"),
        (Some("false && llm.stream"), true, "nor is one that only mentions what is not settled"),
    ] {
        let rules = [
            rule("plain.cel", "principal.kind == 'api_key'", json!({})),
            rule("model.cel", "llm.model == 'a'", json!({ "when": when })),
        ];
        let policies = PolicySet::compile(&rules, &engine).unwrap();
        let reads = |variable, field| {
            policies.applying_reads(&engine, &case.facts(), known, |reads| reads.field(variable, field))
        };
        assert_eq!(reads("llm", "model"), reads_model, "{note}");
        assert!(reads("principal", "kind"), "{note}: the other rule applies");
        assert!(policies.reads().field("llm", "model"), "{note}: all rules together read it");
    }
}

#[test]
fn a_rule_tells_the_caller_what_it_says() {
    let case = Case::with_key(json!({ "tenant": "acme" }));
    let long = "x".repeat(600);
    for (change, want, note) in [
        (json!({}), "a policy does not allow the request (rule `a`)", "no message"),
        (
            json!({ "message": "ask the data team" }),
            "a policy does not allow the request: ask the data team (rule `a`)",
            "a text",
        ),
        (
            json!({ "message_expression": "'not for ' + principal.tenant" }),
            "a policy does not allow the request: not for acme (rule `a`)",
            "a text of the call's own",
        ),
        (
            json!({ "message": "ask", "message_expression": "'for ' + principal.key.labels.team" }),
            "a policy does not allow the request: ask (rule `a`)",
            "the text where the expression errs",
        ),
        (
            json!({ "message_expression": "'a\\nb'" }),
            "a policy does not allow the request: a b (rule `a`)",
            "one line",
        ),
        (
            json!({ "message_expression": format!("'{long}'") }),
            &format!("a policy does not allow the request: {} (rule `a`)", "x".repeat(500)),
            "no more than fits",
        ),
    ] {
        let denial = authorize(&[rule("a.cel", "false", change)], &case).unwrap_err();
        assert_eq!(denial.message(), want, "{note}");
    }
}

#[test]
fn what_is_told_of_a_refusal_is_no_part_of_the_decision() {
    let told = json!({ "message_expression": "request.headers.wish + variables.plan" });
    let variables = [("plan".to_owned(), "principal.claims.plan".to_owned())].into();
    let engine = super::engine(&variables).unwrap();
    let policies = PolicySet::compile(&[rule("a.cel", "principal.tenant == 'acme'", told)], &engine).unwrap();
    for (variable, field, decides) in
        [("principal", "tenant", true), ("request", "headers", false), ("principal", "claims", false)]
    {
        assert_eq!(policies.judged_by().field(variable, field), decides, "{variable}.{field}");
        assert!(policies.reads().field(variable, field), "{variable}.{field}");
    }
}
