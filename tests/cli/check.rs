//! `claimgate check`, and what all commands share.

use std::fs;

use serde_json::Value;

use crate::copy::Copy;

#[test]
fn the_shipped_configuration_is_fine() {
    let run = Copy::new("fine").run(&["check"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""));
    assert!(run.output.starts_with("envoy/gateway.yaml: fine: 6 keys, 1 issuer, 8 rules,"), "{}", run.output);
}

#[test]
fn every_error_names_file_place_path_and_remedy() {
    const YAML: &str = "envoy/gateway.yaml";
    for (number, (file, old, new, path, why)) in [
        (
            YAML,
            "    project: search",
            "    projcet: search",
            "keys[0].projcet",
            "there is no field `projcet`; did you mean `project`?",
        ),
        (YAML, "    project: search\n", "", "keys[0]", "the field `project` is missing; add it"),
        (
            YAML,
            "{plan: trial}",
            "{plan: 3}",
            "keys[4].labels.plan",
            "`3` cannot stand here; write text, in quotes",
        ),
        (
            YAML,
            "hash: sha256:",
            "hash: sha25:",
            "keys[0].hash",
            "not the hash of a key; write `sha256:` and 64 hex digits",
        ),
        (
            YAML,
            "[RS256,",
            "[HS256,",
            "issuers[0].algorithms[0]",
            "`HS256` cannot stand here; there are `RS256`",
        ),
        (
            YAML,
            "max_lifetime: 1h",
            "max_lifetime: 1x",
            "issuers[0].max_lifetime",
            "`1x` is not a length of time; write",
        ),
        (
            YAML,
            "tenant: claims.tenant",
            "tenant: claim.tenant",
            "issuers[0].principal.tenant",
            "there is no variable `claim`; did you mean `claims`?",
        ),
        (
            YAML,
            "batch_hours.cel\n",
            "batch_hour.cel\n",
            "policies[3].file",
            "there is no `policies/batch_hour.cel`; did you mean `batch_hours.cel`?",
        ),
        (
            YAML,
            "mode: shadow",
            "mode: shadowy",
            "policies[7].mode",
            "`shadowy` cannot stand here; did you mean `shadow`?",
        ),
        (YAML, "limit: 3\n", "limit: -3\n", "quotas[1].limit", "`-3` is negative; a limit is 0 or more"),
        (YAML, "window: 1m", "window: 1d", "quotas[0].durability", "write `durability: process`"),
        (
            YAML,
            "window: 1m",
            "window: day\n    durability: process\n    time_zone: Europe/Berln",
            "quotas[0].time_zone",
            "`Europe/Berln` is not a time zone; the nearest names are `Europe/Berlin`",
        ),
        (
            YAML,
            "window: 1m",
            "window: 1m\n    overrides: [{per: [a], limit: 1, until: 2030-01-01T00:00:00Z}]",
            "quotas[0].overrides[0].per",
            "the quota's `per` has 3 entries and this has 1; write one value for each",
        ),
        (
            YAML,
            "cluster: azure",
            "cluster: openai",
            "upstreams[1].cluster",
            "the cluster `openai` is listed twice",
        ),
        (
            YAML,
            "dialect: azure",
            "dialect: azur",
            "upstreams[1].dialect",
            "`azur` cannot stand here; did you mean `azure`?",
        ),
        (
            YAML,
            "{env: GEMINI",
            "{var: GEMINI",
            "upstreams[3].credential",
            "there are `env`, `per_tenant`, `from`, `own`, `envoy`",
        ),
        (
            YAML,
            "policies:\n",
            "polices:\n",
            "polices",
            "there is no field `polices`; did you mean `policies`?",
        ),
        (YAML, "keys:\n", "keys: []\nkeys:\n", "", "the field `keys` is written twice; leave one out"),
        (YAML, "issuers:\n", "issuers: [\n", "", "this is not YAML: "),
        ("policies/batch_hours.cel", "< 8", "<< 8", "", "` is not CEL: "),
        (
            "policies/batch_hours.cel",
            "request.time",
            "request.tme",
            "",
            "`request` has no field `tme`; did you mean `time`?",
        ),
        (
            "policies/model_allow_list.cel",
            ".glob(",
            ".globs(",
            "",
            "there is no function `globs`; did you mean `glob`?",
        ),
        (
            "policies/tenant_isolation.cel",
            "!has(upstream.tenant) ||",
            "upstream.cluster //",
            "",
            "it must give a boolean",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let copy = Copy::new(&format!("broken-{number}"));
        let run = copy.edit(file, old, new).run(&["check"]);
        assert_eq!((run.code, run.output.as_str()), (2, ""), "{new}");
        let [line] = run.errors.lines().collect::<Vec<_>>()[..] else {
            panic!("{new}: one line: {}", run.errors)
        };
        let rest = line.strip_prefix(&format!("{file}:")).unwrap_or_else(|| panic!("{new}: {line}"));
        let (place, rest) = rest.split_once(": ").unwrap();
        let (row, column) = place.split_once(':').unwrap();
        assert!(row.parse::<u32>().unwrap() > 0 && column.parse::<u32>().unwrap() > 0, "{new}: {line}");
        let start = if path.is_empty() { String::new() } else { format!("{path}: ") };
        assert!(rest.starts_with(&start) && rest.contains(why), "{new}: {line}");
    }
}

#[test]
fn all_errors_are_told_at_once() {
    let copy = Copy::new("all");
    copy.edit("envoy/gateway.yaml", "    project: search", "    projcet: search")
        .edit("envoy/gateway.yaml", "limit: 3\n", "limit: -3\n")
        .edit("envoy/gateway.yaml", "tenant: claims.tenant", "tenant: claims.tenant ==")
        .edit("envoy/gateway.yaml", "file: data_residency.cel", "file: nothing_like_it.cel")
        .edit("policies/batch_hours.cel", "< 8", "<< 8")
        .edit("policies/tenant_isolation.cel", "principal.tenant", "principal.tenants");
    let run = copy.run(&["check", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.output).unwrap();
    let errors = report["errors"].as_array().unwrap();
    let places: Vec<&str> = errors
        .iter()
        .map(|error| {
            error["path"].as_str().filter(|path| !path.is_empty()).or(error["file"].as_str()).unwrap()
        })
        .collect();
    assert_eq!(run.code, 2);
    assert_eq!(
        places,
        [
            "keys[0].projcet",
            "quotas[1].limit",
            "policies[2].file",
            "issuers[0].principal.tenant",
            "policies/tenant_isolation.cel",
            "policies/batch_hours.cel",
        ]
    );
}

#[test]
fn files_that_are_not_there_are_named() {
    let copy = Copy::new("absent");
    for (arguments, needle) in [
        (["check", "--config", "nope.yaml"], "nope.yaml: there is no such file"),
        (["check", "--policies", "nope"], "nope: there is no such directory"),
        (["test", "--export", "nope/live.json"], "`nope/live.json` cannot be written"),
        (["bundle", "--output", "nope/bundle.json"], "nope/bundle.json: cannot be written"),
        (["check", "--conf", "x"], "--config"),
    ] {
        let run = copy.run(&arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.errors.contains(needle), "{arguments:?}: {}", run.errors);
    }
}

#[test]
fn a_policy_file_that_no_rule_names_is_a_warning() {
    let copy = Copy::new("unused");
    fs::write(copy.path().join("policies/spare.cel"), "true").unwrap();
    let run = copy.run(&["check"]);
    assert_eq!(run.code, 0);
    assert!(run.errors.starts_with("warning: policies/spare.cel: no entry of `policies` names this file"));
}

#[test]
fn an_override_that_is_over_is_a_warning() {
    let copy = Copy::new("over");
    let entry = |until: &str| format!("    overrides: [{{per: [trial-user], limit: 9, until: {until}}}]\n");
    let with = |entry: &str| format!("  - id: trial-model-lists\n{entry}");
    let plain = with("");
    let (over, coming) = (with(&entry("2020-01-31T00:00:00Z")), with(&entry("9999-01-31T00:00:00Z")));
    let run = copy.edit("envoy/gateway.yaml", &plain, &over).run(&["check"]);
    let warning = "warning: envoy/gateway.yaml: quotas[1].overrides[0].until: `2020-01-31T00:00:00Z` is over; delete the override, or write a later time\n";
    assert_eq!((run.code, run.errors.as_str()), (0, warning));
    let run = copy.edit("envoy/gateway.yaml", &over, &coming).run(&["check"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""));
}

#[test]
fn a_rate_limit_service_that_counts_nothing_is_a_warning() {
    let copy = Copy::new("idle-service");
    let run = copy
        .edit("envoy/gateway.yaml", "quotas:\n", "rate_limit_service: {cluster: rate-limit}\nquotas:\n")
        .run(&["check"]);
    assert_eq!(run.code, 0);
    assert!(run.errors.contains(": rate_limit_service: no quota has `engine: global`"), "{}", run.errors);
}

#[test]
fn an_algorithm_that_no_inline_key_has_is_a_warning_and_none_of_them_an_error() {
    let copy = Copy::new("idle-algorithms");
    let key = r#"{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let issuer = |algorithms: &str| {
        format!(
            "issuers:\n  - issuer: https://inline.example/\n    audiences: [a]\n    algorithms: {algorithms}\n    jwks: {{inline: {{keys: [{key}]}}}}\n"
        )
    };
    let (some, none) = (issuer("[EdDSA, ES256]"), issuer("[ES256]"));
    let run = copy.edit("envoy/gateway.yaml", "issuers:\n", &some).run(&["check"]);
    assert_eq!(run.code, 0, "{}", run.errors);
    assert!(
        run.errors.contains("issuers[0].algorithms[1]: no key in `jwks.inline` is one for `ES256`"),
        "{}",
        run.errors
    );
    let run = copy.edit("envoy/gateway.yaml", &some, &none).run(&["check"]);
    assert_eq!(run.code, 2);
    assert!(run.errors.contains("issuers[0].jwks.inline: a key set without a usable key"), "{}", run.errors);
}

#[test]
fn an_issuer_that_no_token_could_have_is_an_error() {
    let copy = Copy::new("impossible-issuers");
    let issuer = |fields: &str| {
        format!(
            "issuers:\n  - {{{fields}, audiences: [a], algorithms: [RS256], jwks: {{remote: {{cluster: idp, host: h, path: /keys}}}}}}\n"
        )
    };
    let mut before = "issuers:\n".to_owned();
    for (fields, needle) in [
        ("issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0'", "issuers[0].tenants: an empty list"),
        ("issuer: https://login.microsoftonline.com/common/v2.0", "issuers[0].issuer: "),
        ("issuer: https://login.microsoftonline.com/organizations/v2.0", "write `{tenantid}` in its place"),
        ("issuer: 'https://{tenant}.idp.example/'", "holds a placeholder"),
        ("issuer: 'spiffe://example.org/workload'", "is no trust domain"),
    ] {
        let after = issuer(fields);
        let run = copy.edit("envoy/gateway.yaml", &before, &after).run(&["check"]);
        assert_eq!(run.code, 2, "{fields}");
        assert!(run.errors.contains(needle), "{fields}: {}", run.errors);
        before = after;
    }
}

#[test]
fn help_is_worth_reading() {
    let copy = Copy::new("help");
    for (arguments, needle) in [
        (
            vec!["--help"],
            "Exit status: 0 fine, 1 a test failed, an expression is false or counters differ, 2 the configuration or the input is wrong.",
        ),
        (vec!["check", "--help"], "did you mean `tenant`?"),
        (
            vec!["check", "--help"],
            "claimgate check --envoy envoy/envoy.yaml --envoy /etc/claimgate/claimgate.ecds.json",
        ),
        (vec!["test", "--help"], "reason: insufficient_scope"),
        (vec!["test", "--help"], "no rate limit\nservice is asked, and the limits are the same"),
        (vec!["bundle", "--help"], "moved into it"),
        (vec!["key", "new", "--help"], "claimgate key rotate"),
        (vec!["key", "rotate", "--help"], "The old key, and every token got with it"),
        (vec!["key", "signing", "--help"], "To rotate, give the new key to every gateway"),
        (vec!["revoke", "--help"], "stops an agent, whoever it acts for"),
        (vec!["token", "mint", "--help"], "as Envoy reads it"),
        (vec!["key", "hash", "--help"], "claimgate key hash < key.txt"),
    ] {
        let run = copy.run(&arguments);
        assert_eq!(run.code, 0, "{arguments:?}");
        assert!(run.output.contains(needle), "{arguments:?}: {}", run.output);
    }
}
