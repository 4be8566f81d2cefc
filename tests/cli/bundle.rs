//! `claimgate bundle`.

use std::fs;

use serde_json::Value;

use crate::copy::Copy;

#[test]
fn a_bundle_is_the_whole_configuration() {
    let copy = Copy::new("bundle");
    let run = copy.run(&["bundle"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""));
    let config = claimgate::config::Config::from_json(run.output.trim().as_bytes()).unwrap();
    assert!(config.policies.iter().all(|rule| rule.expression.is_some()));
}

#[test]
fn an_ecds_file_is_moved_into_place_and_says_the_same_again() {
    let copy = Copy::new("ecds");
    let arguments =
        ["bundle", "--wrap", "ecds", "--output", "envoy/ecds.json", "--wasm", "/etc/claimgate.wasm"];
    let read = || {
        assert_eq!(copy.run(&arguments).code, 0);
        serde_json::from_str::<Value>(&fs::read_to_string(copy.path().join("envoy/ecds.json")).unwrap())
            .unwrap()
    };
    let document = read();
    assert_eq!(document, read(), "equal content has an equal version");
    let plugin = &document["resources"][0]["typed_config"]["config"];
    assert_eq!(document["resources"][0]["name"], "claimgate");
    assert_eq!(plugin["vm_config"]["code"]["local"]["filename"], "/etc/claimgate.wasm");
    assert_eq!(plugin["vm_config"]["environment_variables"]["host_env_keys"][0], "ANTHROPIC_API_KEY");
    assert_eq!(plugin["allow_on_headers_stop_iteration"], true);
    assert_eq!(plugin["failure_policy"], "FAIL_RELOAD");
    let bundle = plugin["configuration"]["value"].as_str().unwrap();
    assert!(claimgate::config::Config::from_json(bundle.as_bytes()).is_ok());
    let left: Vec<_> =
        fs::read_dir(copy.path().join("envoy")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "no draft is left: {left:?}");

    copy.edit("envoy/gateway.yaml", "keys:\n", "kyes:\n");
    assert_eq!(copy.run(&arguments).code, 2);
    let kept = fs::read_to_string(copy.path().join("envoy/ecds.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&kept).unwrap(),
        document,
        "a broken configuration touches no file"
    );
}

#[test]
fn the_module_is_discovered_or_stands_inline() {
    let copy = Copy::new("module");
    let library = ["--module", "/etc/envoy/libclaimgate-1.so"];
    let run = |wrap: &str, more: &[&str]| {
        let run = copy.run(&[&["bundle", "--wrap", wrap][..], &library, more].concat());
        assert_eq!((run.code, run.errors.as_str()), (0, ""));
        serde_json::from_str::<Value>(&run.output).map(|document| (document, run.output)).unwrap()
    };
    let (document, _) = run("module", &[]);
    assert_eq!(document, run("module", &[]).0, "equal content has an equal version");
    assert_eq!(run("module", &["--version", "7"]).0["version_info"], "7");
    assert_eq!(document["resources"][0]["name"], "claimgate");
    let filter = &document["resources"][0]["typed_config"];
    assert!(filter["@type"].as_str().unwrap().ends_with(".dynamic_modules.v3.DynamicModuleFilter"));
    assert_eq!(filter["dynamic_module_config"]["module"]["local"]["filename"], library[1]);
    assert_eq!(filter["filter_name"], "claimgate");
    assert_eq!(filter.as_object().unwrap().len(), 4, "it can hold without a word of its own: {filter}");
    let bundle = filter["filter_config"]["value"].as_str().unwrap();
    assert!(claimgate::config::Config::from_json(bundle.as_bytes()).is_ok());

    let (entry, line) = run("module-inline", &[]);
    assert_eq!((&entry["name"], &entry["typed_config"]), (&"claimgate".into(), filter));
    assert_eq!(line.trim_end().lines().count(), 1, "it stands at any depth of a YAML list");
}

#[test]
fn a_file_for_the_other_host_is_refused_and_says_what_it_goes_with() {
    let copy = Copy::new("host");
    for (arguments, why) in [
        (
            &["--module", "./libclaimgate.so"][..],
            "`--module` goes with `--wrap module` or `--wrap module-inline`",
        ),
        (
            &["--wrap", "ecds", "--module", "./libclaimgate.so"],
            "`--module` goes with `--wrap module` or `--wrap module-inline`",
        ),
        (
            &["--wrap", "module", "--wasm", "a.wasm"],
            "`--wasm` goes with `--wrap ecds`; write `--module` with the library",
        ),
        (
            &["--wrap", "module-inline", "--module", "libclaimgate.so"],
            "--module: Envoy would search the system's library path for `libclaimgate.so`; write where it lies, such as \
             `./libclaimgate.so`",
        ),
    ] {
        let run = copy.run(&[&["bundle"], arguments, &["--output", "out.json"]].concat());
        assert_eq!((run.code, run.errors), (2, format!("error: {why}\n")), "{arguments:?}");
        assert!(!copy.path().join("out.json").exists());
    }
}
