//! The dynamic module: what holds of the wasm filter holds of it as well, but for what is the wasm host's alone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{apply, changed, found, found_in, judged, path, walk, weaknesses};
use crate::cli::document::{Segment, Severity};

const LIBRARY: &str = "/etc/claimgate/libclaimgate.so";

/// What only the wasm host has a setting for, or does.
const OF_WASM: [&str; 7] = [
    "fails_open",
    "trap_stops_worker",
    "headers_not_held",
    "variable_not_passed",
    "credential_in_configuration",
    "route_reads_edited_header",
    "cluster_chosen_by_plugin",
];

/// What is found of a module in addition.
const OF_MODULE: [&str; 2] = ["cluster_named_by_caller", "forwarded_for_not_removed"];

/// The same with every wasm filter as a module.
pub(super) fn replace_wasm(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(replace_wasm),
        Value::Object(fields) => {
            let kind = fields.get("@type").and_then(Value::as_str).unwrap_or_default();
            if kind.ends_with(".wasm.v3.Wasm") {
                let plugin = &fields["config"];
                *value = json!({
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
                    "dynamic_module_config": {"module": {"local": {"filename": LIBRARY}}},
                    "filter_name": plugin["root_id"],
                    "filter_config": plugin["configuration"],
                });
                return;
            }
            fields.values_mut().for_each(replace_wasm);
        }
        _ => {}
    }
}

fn as_module(change: &[Value]) -> Value {
    json!({"what": "a module", "host": "module", "change": change})
}

fn codes(case: &Value) -> Vec<String> {
    found("module", case).into_iter().map(|(code, _, _)| code).collect()
}

#[test]
fn what_is_found_of_the_wasm_filter_is_found_of_the_module() {
    let mut differing = Vec::new();
    let of_wasm = weaknesses().into_iter().flat_map(|(code, weakness)| {
        let cases = weakness["open"].as_array().cloned().unwrap();
        cases.into_iter().filter(|case| case["host"] != "module").map(move |case| (code.clone(), case))
    });
    let mut judged = 0;
    for (code, case) in of_wasm {
        judged += 1;
        let mut document = changed(&case);
        replace_wasm(&mut document);
        let wanted: BTreeSet<_> = match OF_WASM.contains(&code.as_str()) {
            true => BTreeSet::new(),
            false => found(&code, &case),
        };
        let mut found = found_in(&code, &case, &document);
        found.retain(|(found, _, _)| *found == code || !OF_MODULE.contains(&found.as_str()));
        if found != wanted {
            differing.push(format!("{code}: {}:\n  found {found:?}\n  wanted {wanted:?}", case["what"]));
        }
    }
    assert!(judged > 100, "only {judged} cases were judged");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn envoy_waits_for_a_fetched_library_that_it_refuses_until_it_is_there() {
    let remote =
        json!({"http_uri": {"uri": "https://files.example/lib.so", "cluster": "elsewhere", "timeout": "5s"}});
    let config = |waits: bool| json!({"module": {"remote": remote}, "nack_on_cache_miss": waits});
    let set = |waits| json!({"at": "$module.dynamic_module_config", "set": config(waits)});
    assert_eq!(codes(&as_module(&[set(false)])), ["module_not_awaited"]);
    // Envoy takes this by discovery alone, so that it is not in the corpus.
    assert_eq!(codes(&as_module(&[set(true)])), [""; 0]);
}

#[test]
fn a_route_is_chosen_again_where_a_program_or_a_setting_after_the_module_says_so() {
    let reads =
        json!({"at": "$route.match.headers", "set": [{"name": "x-tenant-id", "present_match": true}]});
    let filter = |kind: &str, more: Value| {
        let mut config = more;
        config["@type"] = format!("type.googleapis.com/envoy.extensions.filters.http.{kind}").into();
        json!({"name": kind, "typed_config": config})
    };
    let clearing = json!({"metadata_rules": [{"clear_route_cache": true}]});
    for (kind, more, is_found) in [
        ("lua.v3.Lua", json!({}), true),
        ("ext_proc.v3.ExternalProcessor", json!({}), true),
        ("ext_authz.v3.ExtAuthz", json!({}), true),
        ("wasm.v3.Wasm", json!({}), true),
        ("jwt_authn.v3.JwtAuthentication", clearing, true),
        ("jwt_authn.v3.JwtAuthentication", json!({}), false),
        ("buffer.v3.Buffer", json!({}), false),
    ] {
        for (place, counts) in [("$filters[2]", true), ("$filters[1]", false)] {
            let insert = json!({"at": place, "insert": filter(kind, more.clone())});
            let codes = codes(&as_module(&[reads.clone(), insert]));
            let is_told = codes.contains(&"route_reads_edited_header".to_owned());
            assert_eq!(is_told, is_found && counts, "{kind} at {place}: {codes:?}");
        }
    }
}

#[test]
fn what_a_module_is_told_may_be_a_structure() {
    let mut document = changed(&as_module(&[]));
    let told = walk(&mut document, &Segment::parse(&path("$module.filter_config")));
    let config: Value = serde_json::from_str(told["value"].as_str().unwrap()).unwrap();
    *told = json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": config});
    let findings = judged("struct", &[document.to_string()], false).unwrap();
    assert_eq!(findings, []);

    // What is encoded is asked for where it can be read.
    let told = walk(&mut document, &Segment::parse(&path("$module.filter_config")));
    *told = json!({"@type": "type.googleapis.com/google.protobuf.BytesValue", "value": "e30="});
    let errors = judged("bytes", &[document.to_string()], false).unwrap_err();
    assert!(errors[0].to_string().contains("was asked for"), "{errors:?}");
    assert_eq!(judged("bytes-apart", &[document.to_string()], true).unwrap(), []);
}

#[test]
fn a_module_is_the_half_by_its_own_name_alone() {
    let decides = changed(&as_module(&[json!({"at": "$gate.name", "set": "claimgate-at-cluster"})]));
    assert_eq!(judged("name", &[decides.to_string()], false).unwrap(), []);
    let mut half = changed(&as_module(&[]));
    apply(&mut half, &json!({"at": "$module.filter_name", "set": "claimgate-at-cluster"}));
    let findings = judged("half", &[half.to_string()], true).unwrap();
    let codes: Vec<_> = findings.iter().filter_map(|finding| finding.code()).collect();
    assert_eq!(codes, ["provider_without_filter"]);
}

#[test]
fn a_discovered_module_that_is_not_here_is_a_note() {
    let source = json!({"resource_api_version": "V3", "path_config_source": {"path": "/nowhere/ecds.json"}});
    let discovered = json!({"name": "claimgate", "config_discovery": {"config_source": source}});
    let document = changed(&as_module(&[json!({"at": "$gate", "set": discovered})]));
    let findings = judged("unseen-module", &[document.to_string()], true).unwrap();
    let [note] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(note.severity(), Severity::Note);
    assert!(note.to_string().contains("`claimgate bundle --wrap ecds` or `--wrap module` writes"), "{note}");
}
