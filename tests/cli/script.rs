//! `claimgate test`.

use std::fs;

use serde_json::Value;

use crate::copy::Copy;

#[test]
fn the_shipped_scripts_hold_and_cover_every_rule() {
    let run = Copy::new("scripts").run(&["test", "--strict"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""), "{}", run.output);
    assert!(
        run.output.contains(
            "\ntest policies/operation_scopes.test.yaml::a key with the scope chat may chat ... ok\n"
        )
    );
    assert!(run.output.contains("\ntest result: ok. "));
}

#[test]
fn the_same_scripts_hold_where_the_issuers_tokens_are_opaque() {
    let keys = "    algorithms: [RS256, ES256, EdDSA]\n    jwks:\n      remote: {cluster: idp, host: idp, path: /jwks.json}\n";
    let introspection = "    introspection: {cluster: idp, host: idp, path: /introspect, client_id: gateway, client_secret: {env: IDP_SECRET}}\n";
    let copy = Copy::new("opaque");
    let run = copy.edit("envoy/gateway.yaml", keys, introspection).run(&["test", "--export", "live.json"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""), "{}", run.output);
    let export = fs::read_to_string(copy.path().join("live.json")).unwrap();
    assert!(export.contains("Bearer opaque.") && !export.contains("Bearer ey"), "no token is a JWT");
}

#[test]
fn the_same_scripts_hold_where_the_rate_limit_service_counts() {
    let copy = Copy::new("shared");
    let own = "    limit: 3\n    window: 10s\n";
    let shared = "    limit: 3\n    window: 10s\n    window_kind: fixed\n    engine: global\n";
    copy.edit("envoy/gateway.yaml", own, shared).edit(
        "envoy/gateway.yaml",
        "quotas:\n",
        "rate_limit_service: {cluster: rate-limit}\nquotas:\n",
    );
    let run = copy.run(&["test", "--strict"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""), "{}", run.output);
}

#[test]
fn a_failure_shows_the_call_the_decision_and_what_the_rule_read() {
    let copy = Copy::new("failure");
    copy.edit("policies/max_tokens_by_plan.cel", "<= 1024", "<= 1023");
    let run = copy.run(&["test", "policies/max_tokens_by_plan.test.yaml"]);
    assert_eq!(run.code, 1);
    for needle in [
        "test policies/max_tokens_by_plan.test.yaml::a trial key may ask for a short answer ... FAILED\n",
        "POST /openai/v1/chat/completions with key `trial-user`, body {",
        " wanted  allow\n",
        "    got  deny policy_denied by `max_tokens_by_plan`, 403\n",
        "   read  llm.max_tokens = 1024\n",
        "test result: FAILED. 7 passed; 1 failed; 0 ignored\n",
    ] {
        assert!(run.output.contains(needle), "{needle}\n{}", run.output);
    }
}

#[test]
fn a_rule_without_scripts_is_a_warning_or_an_error() {
    let copy = Copy::new("coverage");
    fs::remove_file(copy.path().join("policies/data_residency.test.yaml")).unwrap();
    let gap = "policies/data_residency.cel: policies[2]: no script shows what it allows and what it denies\n";
    let run = copy.run(&["test"]);
    assert_eq!((run.code, run.errors), (0, format!("warning: {gap}")));
    let strict = copy.run(&["test", "--strict"]);
    assert_eq!((strict.code, strict.errors.as_str()), (1, gap));
}

#[test]
fn a_script_says_what_is_unusual_or_makes_the_past_itself() {
    let copy = Copy::new("anomaly");
    let call = |note: &str, send: &str, want: &str| {
        format!(
            "  - note: {note}\n    send: {{as: {{key: search-prod}}, path: /openai/v1/models, method: GET, {send}}}\n    want: {{{want}}}\n"
        )
    };
    let denied = "decision: deny, reason: policy_denied, rule: calm";
    let at = |seconds: u32, line: String| {
        line.replacen("    send", &format!("    at: 2026-01-05T12:00:{seconds:02}Z\n    send"), 1)
    };
    let script = [
        "policy: calm\ncalls:\n".to_owned(),
        call("nothing is known of it", "from: 10.0.0.1", "decision: allow"),
        call("a burst", "anomaly: {request_rate: 4.0}", denied),
        call("as much as that is fine", "anomaly: {request_rate: 3.5}", "decision: allow"),
        call("another network", "anomaly: {new_network: true}", denied),
        at(10, call("the same network", "from: 10.0.0.2", "decision: allow")),
        at(10, call("a network that no call came from", "from: 10.1.0.2", denied)),
    ];
    let write = |name: &str, text: &str| fs::write(copy.path().join("policies").join(name), text).unwrap();
    write("calm.cel", "principal.anomaly.request_rate < 4.0 && !principal.anomaly.new_network");
    write("calm.test.yaml", &script.concat());
    copy.edit("envoy/gateway.yaml", "policies:\n", "policies:\n  - file: calm.cel\n");
    let run = copy.run(&["test", "policies/calm.test.yaml"]);
    assert!(run.code == 2 && run.errors.contains("write `anomalies: {}`"), "{}", run.errors);
    copy.edit(
        "envoy/gateway.yaml",
        "client_address: peer\n",
        "client_address: peer\nanomalies: {period: 10s, warm_up: 1}\n",
    );
    let run = copy.run(&["test", "policies/calm.test.yaml"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""), "{}", run.output);
    copy.edit("policies/calm.test.yaml", "policy: calm\n", "policy: calm\nlive: true\n");
    let run = copy.run(&["test", "policies/calm.test.yaml"]);
    assert!(run.code == 2, "{}", run.errors);
}

#[test]
fn a_script_that_cannot_be_played_is_refused() {
    const FILE: &str = "policies/operation_scopes.test.yaml";
    for (number, (old, new, why)) in [
        ("key: search-prod", "key: search-pord", "there is no key `search-pord` in the configuration"),
        ("{key: search-prod}", "{key: search-prod, issuer: x}", "write either `key` or `issuer`"),
        ("issuer: https://login", "issuer: https://logout", "there is no issuer `https://logout"),
        ("policy: operation_scopes", "policy: scopes", "there is no rule or quota `scopes`"),
        ("decision: allow", "decison: allow", "did you mean `decision`?"),
        (
            "decision: allow\n",
            "decision: allow\n      status: 200\n",
            "the status of an allowed call is the provider's",
        ),
        (
            "path: /openai/v1/chat/completions\n",
            "path: openai\n",
            "`openai` is not a path; begin it with `/`",
        ),
        (
            "path: /openai/v1/chat/completions\n",
            "path: /\n      from: 10.0.0.1\n",
            "a real Envoy sees the real address",
        ),
        ("reason: insufficient_scope, ", "", "a denial without its reason proves little"),
    ]
    .into_iter()
    .enumerate()
    {
        let run = Copy::new(&format!("script-{number}")).edit(FILE, old, new).run(&["test", FILE]);
        assert_eq!((run.code, run.output.as_str()), (2, ""), "{new}");
        assert!(
            run.errors.starts_with(&format!("{FILE}:")) && run.errors.contains(why),
            "{new}: {}",
            run.errors
        );
    }
}

#[test]
fn the_export_holds_what_a_real_envoy_needs() {
    let copy = Copy::new("export");
    assert_eq!(copy.run(&["test", "--export", "live.json"]).code, 0);
    let export: Value =
        serde_json::from_str(&fs::read_to_string(copy.path().join("live.json")).unwrap()).unwrap();
    assert!(claimgate::config::Config::from_json(export["bundle"].to_string().as_bytes()).is_ok());
    assert_eq!(export["environment"]["OPENAI_API_KEY"], "provider-credential-of-OPENAI_API_KEY");
    let calls = export["calls"].as_array().unwrap();
    assert!(calls.iter().all(|call| !call["script"].as_str().unwrap().contains("batch_hours")), "not live");
    let names = |call: &Value| call["headers"].to_string();
    assert!(calls.iter().any(|call| names(call).contains("Bearer cgk_")));
    assert!(calls.iter().any(|call| names(call).contains("Bearer ey")));
    assert!(calls.iter().all(|call| !names(call).contains(":path")));
}

#[test]
fn a_script_shows_an_override_and_its_end() {
    let copy = Copy::new("override");
    let quota = "  - id: trial-model-lists\n";
    let entry = "    overrides: [{per: [trial-user], limit: 5, until: 2026-01-05T12:01:00Z}]\n";
    copy.edit("envoy/gateway.yaml", quota, &format!("{quota}{entry}"));
    let lists = "send: {as: {key: trial-user}, method: GET, path: /openai/v1/models}";
    let script = format!(
        "policy: trial-model-lists
calls:
  - note: five while the override holds
    {lists}
    times: 5
    want: {{decision: allow, answer_headers: {{x-ratelimit-limit-requests: '5', x-ratelimit-remaining-requests: '0'}}}}
  - note: three when it is over
    at: 2026-01-05T12:01:00Z
    {lists}
    times: 3
    want: {{decision: allow, answer_headers: {{x-ratelimit-limit-requests: '3'}}}}
  - note: and not a fourth
    at: 2026-01-05T12:01:00Z
    {lists}
    want: {{decision: deny, reason: quota_exceeded, rule: trial-model-lists}}
"
    );
    fs::write(copy.path().join("policies/override.test.yaml"), script).unwrap();
    let run = copy.run(&["test", "policies/override.test.yaml"]);
    assert!(run.output.contains("test result: ok. 3 passed; 0 failed"), "{}{}", run.output, run.errors);
}

#[test]
fn a_script_asks_vertex_by_its_path() {
    let copy = Copy::new("vertex");
    let entry = "upstreams:\n  - {cluster: vertex, dialect: vertex, path_prefix: /vertex, projects: [acme-prod], locations: [global], credential: {env: VERTEX_TOKEN}}\n";
    let call = |project: &str, want: &str| {
        format!(
            "  - note: Claude in {project}\n    send:\n      as: {{key: search-prod}}\n      path: /vertex/v1/projects/{project}/locations/global/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict\n      body: {{anthropic_version: vertex-2023-10-16, max_tokens: 9, messages: [{{role: user, content: hi}}]}}\n    want: {want}\n"
        )
    };
    let ours = call(
        "acme-prod",
        "{decision: allow, upstream_headers: {authorization: Bearer provider-credential-of-VERTEX_TOKEN}}",
    );
    let others = call("globex-prod", "{decision: deny, status: 403, reason: tenant_mismatch}");
    copy.edit("envoy/gateway.yaml", "upstreams:\n", entry).edit(
        "policies/operation_scopes.test.yaml",
        "calls:\n",
        &format!("calls:\n{ours}{others}"),
    );
    let run = copy.run(&["test", "policies/operation_scopes.test.yaml"]);
    assert_eq!(run.code, 0, "{}{}", run.output, run.errors);
    for project in ["acme-prod", "globex-prod"] {
        assert!(run.output.contains(&format!("::Claude in {project} ... ok\n")), "{}", run.output);
    }
}

#[test]
fn one_rule_is_played_alone() {
    let copy = Copy::new("alone");
    let run = copy.run(&["test", "--rule", "batch_hours"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""), "{}", run.output);
    let played: Vec<_> = run.output.lines().filter(|line| line.ends_with("... ok")).collect();
    assert!(
        played.len() > 5 && played.iter().all(|line| line.contains("/batch_hours.test.yaml::")),
        "{played:?}"
    );

    // What another rule says does not matter to it.
    copy.edit("policies/operation_scopes.cel", "principal.scopes", "false && principal.scopes");
    assert_eq!(copy.run(&["test"]).code, 1);
    assert_eq!(copy.run(&["test", "--rule", "batch_hours"]).code, 0);

    fs::remove_file(copy.path().join("policies/retiring_models.test.yaml")).unwrap();
    for (rule, why) in [
        ("batch_hour", "there is no rule `batch_hour`; there are `operation_scopes`, "),
        ("retiring_models", "no script says `policy: retiring_models`"),
    ] {
        let run = copy.run(&["test", "--rule", rule]);
        assert_eq!((run.code, run.errors.contains(why)), (2, true), "{}", run.errors);
    }
}

#[test]
fn calls_are_chosen_by_their_names() {
    let copy = Copy::new("chosen");
    // The quota is met by the calls before, which are played and not reported.
    let run = copy.run(&["test", "policies/trial_model_lists.test.yaml"]);
    let names: Vec<_> = run.output.lines().filter_map(|line| line.strip_suffix(" ... ok")).collect();
    let last = names.last().unwrap().split("::").nth(1).unwrap();
    let run = copy.run(&["test", "--filter", last]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""), "{}", run.output);
    assert!(run.output.contains("1 passed"), "{}", run.output);
    assert_eq!(run.output.matches(" ... ok").count(), 1, "{}", run.output);

    let run = copy.run(&["test", "--filter", "nobody"]);
    assert_eq!((run.code, run.errors.contains("no call's name holds `nobody`")), (2, true), "{}", run.errors);
}

#[test]
fn calls_that_say_no_time_happen_when_they_are_asked_to() {
    let copy = Copy::new("when");
    let script = "policies/batch_hours.test.yaml";
    copy.edit(script, "    at: 2026-01-05T12:00:00Z\n    send: &chat", "    send: &chat");
    for (now, code) in [("2026-01-05T12:00:00Z", 0), ("2026-01-04T12:00:00Z", 1)] {
        let run = copy.run(&["test", script, "--filter", "waits on a Monday", "--now", now]);
        assert_eq!(run.code, code, "{now}: {}", run.output);
    }
}
