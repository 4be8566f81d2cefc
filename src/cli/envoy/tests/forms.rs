//! The same configuration in every form that Envoy has for it.

use serde_json::{Map, Value, json};

use super::{apply, base, judged, path, walk};
use crate::cli::document::{Segment, Severity};
use crate::cli::envoy::files::lower_camel;

const DUMP: &str = "type.googleapis.com/envoy.admin.v3.";

/// Codes and paths of what asks for something, and how many notes there are.
fn told(name: &str, documents: &[Value]) -> (Vec<(String, String)>, usize) {
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    let findings = judged(name, &texts, false).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
    let (notes, asking): (Vec<_>, Vec<_>) =
        findings.iter().partition(|finding| finding.severity() == Severity::Note);
    let asking = asking.iter().map(|finding| (finding.code().unwrap().to_owned(), finding.path().to_owned()));
    (asking.collect(), notes.len())
}

fn lured() -> Value {
    let mut document = base();
    apply(
        &mut document,
        &json!({"at": "$route.match.headers", "set": [{"name": "cookie", "present_match": true}]}),
    );
    document
}

fn any(kind: &str, content: &Value) -> Value {
    let mut any = content.clone();
    any["@type"] = format!("type.googleapis.com/{kind}").into();
    any
}

/// What /config_dump answers for a bootstrap: most of it twice.
fn dump(bootstrap: &Value, filters: &[Value]) -> Value {
    let resources = &bootstrap["static_resources"];
    let wrapped = |list: &str, name: &str, kind: &str| -> Vec<Value> {
        let items = resources[list].as_array().unwrap().iter();
        items.map(|item| json!({name: any(kind, item), "last_updated": "2026-01-01T00:00:00Z"})).collect()
    };
    let listeners = wrapped("listeners", "listener", "envoy.config.listener.v3.Listener");
    let clusters = wrapped("clusters", "cluster", "envoy.config.cluster.v3.Cluster");
    let filters: Vec<Value> = filters.iter().map(|filter| json!({"ecds_filter": filter})).collect();
    json!({"configs": [
        {"@type": format!("{DUMP}BootstrapConfigDump"), "bootstrap": bootstrap},
        {"@type": format!("{DUMP}ClustersConfigDump"), "static_clusters": clusters},
        {"@type": format!("{DUMP}EcdsConfigDump"), "ecds_filters": filters},
        {"@type": format!("{DUMP}ListenersConfigDump"), "static_listeners": listeners},
        {"@type": format!("{DUMP}RoutesConfigDump"), "static_route_configs": []},
    ]})
}

/// The filter taken out of the chain, into a resource that is discovered.
fn discovered(mut bootstrap: Value) -> (Value, Value) {
    let gate = walk(&mut bootstrap, &Segment::parse(&path("$gate")));
    let filter = json!({
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "claimgate",
        "typed_config": gate["typed_config"].take(),
    });
    let source = json!({"resource_api_version": "V3", "path_config_source": {"path": "/nowhere/ecds.json"}});
    *gate = json!({"name": "claimgate", "config_discovery": {"config_source": source}});
    (bootstrap, filter)
}

/// Names as protobuf's JSON writes them.
fn camel(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(camel).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (lower_camel(name), camel(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

#[test]
fn a_discovered_filter_is_read_from_its_file() {
    let (bootstrap, filter) = discovered(base());
    let response = |filter: &Value| json!({"version_info": "1", "resources": [filter]});
    assert_eq!(told("ecds", &[bootstrap.clone(), response(&filter)]), (vec![], 0));

    let mut open = response(&filter);
    open["resources"][0]["typed_config"]["config"]["failure_policy"] = "FAIL_OPEN".into();
    let at = "resources[0].typed_config.config.failure_policy";
    assert_eq!(told("ecds-open", &[bootstrap, open]), (vec![("fails_open".to_owned(), at.to_owned())], 0));
}

#[test]
fn a_configuration_that_the_filter_would_refuse_is_an_error() {
    let (bootstrap, mut filter) = discovered(base());
    filter["typed_config"]["config"]["configuration"]["value"] = "{\"upstreams\": 3}".into();
    let texts = [bootstrap, json!({"resources": [filter]})].map(|document| document.to_string());
    let errors = judged("refused", &texts, false).unwrap_err();
    assert!(
        errors[0].to_string().contains("the filter would refuse this configuration: upstreams:"),
        "{errors:?}"
    );
}

#[test]
fn what_cannot_be_seen_is_a_note() {
    let (bootstrap, _) = discovered(base());
    let findings = judged("unseen", &[bootstrap.to_string()], true).unwrap();
    let [note] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(note.severity(), Severity::Note);
    assert!(note.to_string().contains("`/nowhere/ecds.json`, which is not here; give that file"), "{note}");

    let mut document = base();
    apply(&mut document, &json!({"at": "$manager.route_config", "remove": true}));
    let rds = json!({"route_config_name": "providers", "config_source": {"ads": {}}});
    apply(&mut document, &json!({"at": "$manager.rds", "set": rds}));
    assert_eq!(told("rds", &[document]), (vec![], 1));
}

#[test]
fn a_config_dump_is_read_once_though_it_says_most_things_twice() {
    assert_eq!(told("dump", &[dump(&base(), &[])]), (vec![], 0));
    let at = "configs[3].static_listeners[0].listener.filter_chains[0].filters[0].typed_config.route_config\
              .virtual_hosts[0].routes[0].match.headers[0].name";
    let wanted = vec![("route_reads_edited_header".to_owned(), at.to_owned())];
    assert_eq!(told("dump-lured", &[dump(&lured(), &[])]), (wanted, 0));

    let (bootstrap, filter) = discovered(base());
    assert_eq!(told("dump-ecds", &[dump(&bootstrap, &[filter])]), (vec![], 0));
}

#[test]
fn a_config_dump_brings_the_routes_that_are_discovered() {
    let mut document = lured();
    let manager = walk(&mut document, &Segment::parse(&path("$manager")));
    let table = manager["route_config"].take();
    manager.as_object_mut().unwrap().remove("route_config");
    manager["rds"] = json!({"route_config_name": "providers", "config_source": {"ads": {}}});
    let mut dump = dump(&document, &[]);
    let table = any("envoy.config.route.v3.RouteConfiguration", &table);
    dump["configs"][4]["dynamic_route_configs"] = json!([{"route_config": table}]);
    let at =
        "configs[4].dynamic_route_configs[0].route_config.virtual_hosts[0].routes[0].match.headers[0].name";
    assert_eq!(told("dump-rds", &[dump]), (vec![("route_reads_edited_header".to_owned(), at.to_owned())], 0));
}

#[test]
fn names_may_be_in_lower_camel_case() {
    assert_eq!(told("camel", &[camel(&base())]), (vec![], 0));
    let (asking, notes) = told("camel-lured", &[camel(&lured())]);
    assert_eq!((asking.len(), notes), (1, 0));
    let at = "staticResources.listeners[0].filterChains[0].filters[0].typedConfig.routeConfig\
              .virtualHosts[0].routes[0].match.headers[0].name";
    assert_eq!(asking[0], ("route_reads_edited_header".to_owned(), at.to_owned()));
}

#[test]
fn anchors_and_merges_are_followed() {
    let route = "{ match: &wanted { prefix: /openai/ }, route: &to { cluster: openai, prefix_rewrite: / } }";
    let merged = "{ match: { <<: *wanted, headers: [{ name: cookie, present_match: true }] }, \
                  route: { <<: *to, auto_host_rewrite: true } }";
    let text = std::fs::read_to_string(super::corpus().join("base.yaml")).unwrap();
    let (before, rest) = text.split_once("                        - match: { prefix: /openai/ }\n").unwrap();
    let (_, after) = rest.split_once('\n').unwrap();
    let routes = format!("                        - {route}\n                        - {merged}\n");
    let findings = judged("merged", &[format!("{before}{routes}{after}")], true).unwrap();
    let codes: Vec<_> = findings.iter().map(|finding| finding.code().unwrap()).collect();
    assert_eq!(codes, ["route_reads_edited_header", "host_not_rewritten"]);
}
