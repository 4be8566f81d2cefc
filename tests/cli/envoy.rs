//! `claimgate check --envoy`, on the shipped configuration and on broken copies.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::copy::Copy;

const FILE: &str = "envoy/envoy.yaml";

/// A copy that has the shipped bootstrap too.
fn shipped(name: &str) -> Copy {
    let copy = Copy::new(&format!("envoy-{name}"));
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE), copy.path().join(FILE)).unwrap();
    copy
}

#[test]
fn the_shipped_bootstrap_is_fine_alone_and_with_its_filter() {
    let copy = shipped("fine");
    // Where this machine has the filter's file, it is read.
    copy.edit(FILE, "path: /etc/claimgate/claimgate.ecds.json", "path: /nowhere/claimgate.ecds.json").edit(
        FILE,
        "path: /etc/claimgate }",
        "path: /nowhere }",
    );
    let alone = copy.run(&["check", "--envoy", FILE, "--deny-warnings"]);
    assert_eq!(alone.code, 0, "{}", alone.errors);
    assert!(alone.output.ends_with("\nenvoy/envoy.yaml: fine\n"), "{}", alone.output);
    let [note] = alone.errors.lines().collect::<Vec<_>>()[..] else { panic!("{}", alone.errors) };
    assert!(
        note.starts_with("note: envoy/envoy.yaml:") && note.contains("/nowhere/claimgate.ecds.json"),
        "{note}"
    );

    assert_eq!(copy.run(&["bundle", "--wrap", "ecds", "--output", "ecds.json"]).code, 0);
    let both = copy.run(&["check", "--envoy", FILE, "--envoy", "ecds.json", "--deny-warnings"]);
    assert_eq!((both.code, both.errors.as_str()), (0, ""));

    // Where Envoy runs, its files may be all there is.
    fs::remove_dir_all(copy.path().join("policies")).unwrap();
    fs::remove_file(copy.path().join("envoy/gateway.yaml")).unwrap();
    let there = copy.run(&["check", "--envoy", FILE, "--envoy", "ecds.json"]);
    assert_eq!((there.code, there.errors.as_str()), (0, ""));
    let without = copy.run(&["check", "--envoy", FILE]);
    assert_eq!(without.code, 2);
    assert!(without.errors.contains("envoy/gateway.yaml: there is no such file"), "{}", without.errors);
}

#[test]
fn what_the_comments_say_of_real_providers_is_fine_and_all_of_it_is_needed() {
    let copy = shipped("real");
    let text = fs::read_to_string(copy.path().join(FILE)).unwrap();
    let address = "address: { socket_address: { address: api.openai.com, port_value: 443 } }";
    let text = text.replacen("type: STATIC # type: LOGICAL_DNS", "type: LOGICAL_DNS", 1).replacen(
        "address: { socket_address: { address: 127.0.0.1, port_value: 10081 } }",
        address,
        1,
    );
    fs::write(copy.path().join(FILE), &text).unwrap();
    let clear = copy.run(&["check", "--envoy", FILE]);
    assert!(clear.code == 2 && clear.errors.contains("[credential_in_clear]"), "{}", clear.errors);

    let (before, rest) = text.split_once("      # transport_socket:\n").unwrap();
    let end = rest.find("\n\n").unwrap();
    let (block, after) = rest.split_at(end);
    let socket = format!("{before}      transport_socket:\n{}{after}", block.replace("      # ", "      "));
    fs::write(copy.path().join(FILE), &socket).unwrap();
    let run = copy.run(&["check", "--envoy", FILE, "--deny-warnings"]);
    assert_eq!(run.code, 0, "{}", run.errors);
    for (line, code) in [
        ("            common_tls_context: ", "certificate_unchecked"),
        ("            auto_sni_san_validation: true", "name_unchecked"),
    ] {
        // The listener with TLS has such lines too.
        let (listeners, clusters) = socket.split_once("\n  clusters:\n").unwrap();
        let is_other = |written: &&str| !written.trim_start().starts_with(line.trim());
        let without: Vec<&str> = clusters.lines().filter(is_other).collect();
        let text = format!("{listeners}\n  clusters:\n{}", without.join("\n"));
        fs::write(copy.path().join(FILE), text).unwrap();
        let run = copy.run(&["check", "--envoy", FILE]);
        assert!(run.code == 2 && run.errors.contains(&format!("[{code}]")), "{code}: {}", run.errors);
    }
}

#[test]
fn a_file_that_envoy_names_and_that_is_there_is_read() {
    let copy = shipped("named");
    assert_eq!(copy.run(&["bundle", "--wrap", "ecds", "--output", "ecds.json"]).code, 0);
    copy.edit("ecds.json", "\"FAIL_RELOAD\"", "\"FAIL_OPEN\"");
    let place = copy.path().join("ecds.json").display().to_string();
    copy.edit(FILE, "path: /etc/claimgate/claimgate.ecds.json", &format!("path: {place}"));
    let run = copy.run(&["check", "--envoy", FILE]);
    assert_eq!(run.code, 2);
    assert!(
        run.errors.contains(": resources[0].typed_config.config.failure_policy: a caller who"),
        "{}",
        run.errors
    );
    assert!(
        run.errors
            .trim_end()
            .ends_with("; write `failure_policy: FAIL_RELOAD` and no `fail_open` [fails_open]")
    );
}

#[test]
fn the_module_is_judged_as_the_filter_and_its_library_where_that_is_here() {
    let copy = shipped("module");
    let bundle = ["bundle", "--wrap", "module", "--module", "./lib/libclaimgate.so", "--output", "ecds.json"];
    assert_eq!(copy.run(&bundle).code, 0);
    let check = ["check", "--envoy", FILE, "--envoy", "ecds.json", "--deny-warnings"];
    let elsewhere = copy.run(&check);
    assert_eq!((elsewhere.code, elsewhere.errors.as_str()), (0, ""));

    let library = copy.path().join("lib/libclaimgate.so");
    fs::create_dir(library.parent().unwrap()).unwrap();
    fs::write(&library, "").unwrap();
    assert_eq!(copy.run(&check).code, 0);
    fs::set_permissions(&library, fs::Permissions::from_mode(0o666)).unwrap();
    let run = copy.run(&check);
    let [line] = run.errors.lines().collect::<Vec<_>>()[..] else { panic!("{}", run.errors) };
    let place =
        "resources[0].typed_config.dynamic_module_config.module.local.filename: anybody who has an account";
    assert!(run.code == 2 && line.contains(place) && line.ends_with(" [module_writable]"), "{line}");
    assert!(line.contains("; take that right from others: `chmod o-w /"), "{line}");
}

#[test]
fn an_error_is_one_line_with_its_place_the_attack_the_remedy_and_the_code() {
    let copy = shipped("error");
    copy.edit(
        FILE,
        "match: { prefix: /azure/ }",
        "match: { prefix: /azure/, headers: [{ name: cookie, present_match: true }] }",
    );
    let run = copy.run(&["check", "--envoy", FILE]);
    assert_eq!((run.code, run.output.as_str()), (2, ""));
    let line = run.errors.lines().find(|line| !line.starts_with("note: ")).unwrap();
    let (place, rest) = line.split_once(": ").unwrap();
    let [file, row, column] = place.split(':').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let text = fs::read_to_string(copy.path().join(FILE)).unwrap();
    let written = text.lines().nth(row.parse::<usize>().unwrap() - 1).unwrap();
    assert_eq!(file, FILE);
    assert!(written[column.parse::<usize>().unwrap() - 1..].starts_with("name: cookie"), "{line}");
    assert_eq!(
        rest,
        "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0]\
         .routes[2].match.headers[0].name: a caller who sends `cookie` is decided for one route, and once the filter \
         has edited it Envoy chooses again and sends the credential of one provider to another; choose by path or \
         host instead of `cookie`, or write `attach: at_cluster` in gateway.yaml [route_reads_edited_header]"
    );
}

#[test]
fn warnings_are_no_errors_unless_they_are_denied() {
    let copy = shipped("warning");
    copy.edit(FILE, "address: 127.0.0.1, port_value: 9901", "address: 0.0.0.0, port_value: 9901");
    let run = copy.run(&["check", "--envoy", FILE]);
    assert_eq!(run.code, 0);
    assert!(run.errors.contains("warning: envoy/envoy.yaml:") && run.errors.contains("[admin_exposed]"));
    let run = copy.run(&["check", "--envoy", FILE, "--deny-warnings"]);
    assert_eq!((run.code, run.output.as_str()), (2, ""));
}

#[test]
fn programs_get_the_same_as_json() {
    let copy = shipped("json");
    copy.edit(FILE, "use_remote_address: true", "use_remote_address: false").edit(
        FILE,
        "cluster: azure, prefix_rewrite: /",
        "cluster: azure, prefix_rewrite: /v2/",
    );
    let run = copy.run(&["check", "--envoy", FILE, "--format", "json"]);
    let report: Value = serde_json::from_str(&run.output).unwrap();
    assert_eq!((run.code, run.errors.as_str(), &report["ok"]), (2, "", &false.into()));
    // The listener with TLS has the same chain, and so the same of each.
    let [error, again] = &report["errors"].as_array().unwrap()[..] else { panic!("{report}") };
    let [warning, too] = &report["warnings"].as_array().unwrap()[..] else { panic!("{report}") };
    assert_eq!((&error["code"], &warning["code"]), (&again["code"], &too["code"]));
    assert_eq!((&error["code"], &error["severity"]), (&"path_rewritten".into(), &"error".into()));
    assert_eq!(
        (&warning["code"], &warning["severity"]),
        (&"remote_address_unused".into(), &"warning".into())
    );
    for finding in [error, warning] {
        assert!(
            finding["line"].as_u64().unwrap() > 1 && finding["column"].as_u64().unwrap() > 1,
            "{finding}"
        );
        assert!(finding["remedy"].as_str().unwrap().starts_with("write `"), "{finding}");
    }
}

#[test]
fn errors_of_the_gateways_own_file_are_told_as_well() {
    let copy = shipped("own");
    copy.edit("envoy/gateway.yaml", "    project: search", "    projcet: search").edit(
        FILE,
        "address: 127.0.0.1, port_value: 9901",
        "address: 0.0.0.0, port_value: 9901",
    );
    let run = copy.run(&["check", "--envoy", FILE]);
    assert_eq!(run.code, 2);
    assert!(run.errors.contains("keys[0].projcet: there is no field `projcet`"), "{}", run.errors);
}

#[test]
fn files_that_envoy_does_not_have_are_named() {
    let copy = shipped("absent");
    for (file, needle) in [
        ("nope.yaml", "nope.yaml: there is no such file"),
        (
            "envoy/gateway.yaml",
            "envoy/gateway.yaml: this is no Envoy bootstrap (`static_resources`), no discovery",
        ),
        ("policies", "policies: cannot be read: "),
    ] {
        let run = copy.run(&["check", "--envoy", file]);
        assert_eq!(run.code, 2, "{file}");
        assert!(run.errors.contains(needle), "{file}: {}", run.errors);
    }
}
