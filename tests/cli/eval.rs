//! `claimgate eval`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::copy::Copy;

const CHAT: &str = "policies/max_tokens_by_plan.test.yaml#a trial key may ask for a short answer";

#[test]
fn a_value_is_printed_and_told_by_the_status() {
    let copy = Copy::new("eval-values");
    for (expression, code, output) in [
        ("llm.max_tokens <= 1024", 0, "true\n"),
        ("llm.max_tokens > 1024", 1, "false\n"),
        ("principal.key.labels.plan", 0, "\"trial\"\n"),
        ("[llm.operation, llm.provider]", 0, "[\"chat\", \"openai\"]\n"),
        ("{'a': llm.max_tokens}", 0, "{\"a\": 1024}\n"),
        ("request.time - request.time + duration('90s')", 0, "duration(\"90s\")\n"),
        ("upstream.cluster", 0, "\"openai\"\n"),
        ("source.address", 0, "\"192.0.2.10\"\n"),
    ] {
        let run = copy.run(&["eval", expression, "--call", CHAT]);
        assert_eq!((run.code, run.output.as_str(), run.errors.as_str()), (code, output, ""), "{expression}");
    }
}

#[test]
fn what_has_no_value_says_why() {
    let copy = Copy::new("eval-errors");
    let models = "policies/model_allow_list.test.yaml";
    let scripts = copy.path().join("policies/strangers.test.yaml");
    let call = |note: &str, send: &str| {
        format!("  - note: {note}\n    send: {{{send}}}\n    want: {{decision: allow}}\n")
    };
    let calls = [
        call("nobody", "path: /openai/v1/chat/completions"),
        call("an unknown operation", "as: {key: search-prod}, path: /openai/v1/nothing/here"),
    ];
    fs::write(scripts, format!("calls:\n{}", calls.concat())).unwrap();
    for (arguments, why) in [
        (
            vec!["principal.claims.region == 'eu'", "--call", CHAT],
            "error: the expression has no value for this call: there is no `region`; guard it with `has(…)` where it may be absent\n",
        ),
        (
            vec!["principal.tenannt == 'a'", "--call", CHAT],
            "expression:1:11: `principal` has no field `tenannt`; did you mean `tenant`?\n",
        ),
        (vec!["true &&\n  1 +", "--call", CHAT], "expression:2:"),
        (
            vec!["--rule", "model_allow_lst", "--call", CHAT],
            "there is no rule `model_allow_lst`; did you mean `model_allow_list`?\n",
        ),
        (
            vec!["true", "--call", models],
            "no call is named; write `#` and its name behind the file; there are `a scope of the key names the model`, `",
        ),
        (
            vec!["true", "--call", "policies/model_allow_list.test.yaml#a model"],
            "no call, or more than one, begins with `a model`; there are `",
        ),
        (vec!["true", "--call", "policies/nothing.test.yaml#a"], "there is no such file"),
        (
            vec!["true", "--call", "policies/strangers.test.yaml#nobody"],
            "error: the gateway refuses this call before it asks a rule: credential_missing, 401",
        ),
        (
            vec!["true", "--call", "policies/strangers.test.yaml#an unknown"],
            "error: the gateway refuses this call before it asks a rule: operation_unknown, ",
        ),
        (
            vec!["has(principal.anomaly)", "--call", CHAT],
            "envoy/gateway.yaml: anomalies: a rule or a quota reads `principal.anomaly`",
        ),
        (vec!["--call", CHAT], "required"),
        (vec!["true", "--rule", "batch_hours", "--call", CHAT], "cannot be used with"),
    ] {
        let run = copy.run(&[vec!["eval"], arguments.clone()].concat());
        assert_eq!((run.code, run.output.as_str()), (2, ""), "{arguments:?}");
        assert!(run.errors.contains(why), "{arguments:?}: {}", run.errors);
    }
}

#[test]
fn a_rule_is_evaluated_at_another_time() {
    let copy = Copy::new("eval-now");
    let call = "policies/batch_hours.test.yaml#a batch key waits on a Monday at noon";
    for (now, code, output) in [("2026-01-05T12:00:00Z", 1, "false\n"), ("2026-01-05T17:00:00Z", 0, "true\n")]
    {
        let run = copy.run(&["eval", "--rule", "batch_hours", "--now", now, "--call", call]);
        assert_eq!((run.code, run.output.as_str(), run.errors.as_str()), (code, output, ""), "{now}");
    }
    let other = "policies/batch_hours.test.yaml#other keys do not wait";
    let run = copy.run(&["eval", "--rule", "batch_hours", "--call", other]);
    assert_eq!((run.code, run.output.as_str()), (1, "false\n"));
    assert!(run.errors.starts_with("note: the rule's `when` is `false`"), "{}", run.errors);
}

/// No rule of this configuration reads the body: it is read for the expression.
#[test]
fn the_body_is_read_for_the_expression() {
    let copy = Copy::new("eval-body");
    let file = copy.path().join("envoy/gateway.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once("policies:\n").unwrap();
    let after = rest.split_once("\nquotas:").unwrap().1;
    fs::write(&file, format!("{before}policies:\n  - file: operation_scopes.cel\nquotas:{after}")).unwrap();
    let call = "policies/operation_scopes.test.yaml#a key with the scope chat may chat";
    let run = copy.run(&["eval", "llm.model", "--call", call]);
    assert_eq!(run.code, 0, "{}", run.errors);
}

#[test]
fn the_tree_is_the_same_as_json() {
    let copy = Copy::new("eval-json");
    let expression = "has(principal.claims.plan) || principal.key.labels.plan == 'trial' || llm.stream";
    let run = copy.run(&["eval", expression, "--call", CHAT, "--explain", "--format", "json"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""));
    let told: Value = serde_json::from_str(&run.output).unwrap();
    assert_eq!(told["expression"], expression);
    assert_eq!((&told["value"], &told["type"]), (&true.into(), &"bool".into()));
    let children = told["tree"]["children"].as_array().unwrap();
    assert_eq!(children[0]["value"], false);
    assert_eq!(children[1]["children"][0]["value"], "trial");
    assert_eq!(children[2]["skipped"], "a part before it is `true`");
}

/// What the page shows is what the command prints.
#[test]
fn the_page_on_policies_shows_what_is_printed() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policies.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page.split_once("\n## Try an expression\n").unwrap().1;
    let mut blocks = section.split("```");
    let command = blocks.nth(1).unwrap().strip_prefix("sh\n").unwrap().replace("\\\n", " ");
    let printed = blocks.nth(1).unwrap().strip_prefix("text\n").unwrap();
    let mut words = Vec::new();
    for (place, piece) in command.trim().split('\'').enumerate() {
        if place % 2 == 1 {
            words.push(piece);
        } else {
            words.extend(piece.split_whitespace());
        }
    }
    let run = Copy::new("eval-page").run(&words[1..]);
    assert_eq!((run.code, run.output.as_str(), run.errors.as_str()), (1, printed, ""));
}
