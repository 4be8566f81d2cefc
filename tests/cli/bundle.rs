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
