//! Reads configurations: the bundle as Envoy hands it over, and `gateway.yaml` as the command reads it.

#![no_main]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use claimgate::cli::{self, Exit, Terminal};
use claimgate::config::Config;
use claimgate::gateway::Gateway;
use claimgate_fuzz::callers::provider;
use libfuzzer_sys::fuzz_target;

/// A directory of this process with two policies.
static DESK: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let desk = parent.join(format!("claimgate-fuzz-{}", std::process::id()));
    let policies = desk.join("policies");
    fs::create_dir_all(&policies).expect("a directory");
    fs::write(policies.join("all.cel"), "// Everybody.\ntrue\n").expect("a policy");
    fs::write(policies.join("model.cel"), "has(llm.model) && llm.model != 'x'\n").expect("a policy");
    desk
});

// `{` begins a bundle, everything else is YAML behind its first byte.
fuzz_target!(|data: &[u8]| {
    match data {
        [b'{', ..] => bundle(data),
        [_, yaml @ ..] => command(yaml),
        [] => {}
    }
});

/// A bundle that is read is written back as the same one.
fn bundle(bytes: &[u8]) {
    let config = match Config::from_json(bytes) {
        Ok(config) => config,
        Err(error) => return is_one_line(&error.to_string()),
    };
    let written = serde_json::to_string(&config).expect("a configuration can be written");
    let again = Config::from_json(written.as_bytes()).expect("what was written can be read");
    assert_eq!(serde_json::to_string(&again).expect("it can be written again"), written);
    let compiled = Gateway::compile(&config, &provider).map(drop);
    assert_eq!(compiled, Gateway::compile(&again, &provider).map(drop), "the two compile alike");
}

/// What `claimgate check` finds fine, `claimgate bundle` makes into a bundle that compiles.
fn command(yaml: &[u8]) {
    fs::write(DESK.join("gateway.yaml"), yaml).expect("the file can be written");
    let (exit, _, errors) = run("check");
    if exit != Exit::Fine {
        assert!(!errors.is_empty(), "an error without a word");
        return;
    }
    let (exit, bundle, _) = run("bundle");
    assert_eq!(exit, Exit::Fine);
    let config = Config::from_json(&bundle).expect("a bundle can be read");
    Gateway::compile(&config, &provider).expect("a bundle compiles");
}

fn run(command: &str) -> (Exit, Vec<u8>, Vec<u8>) {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut terminal = Terminal { input: &mut std::io::empty(), output: &mut output, errors: &mut errors };
    let files = ["--config".into(), DESK.join("gateway.yaml"), "--policies".into(), DESK.join("policies")];
    let arguments = ["claimgate", command].map(OsString::from).into_iter().chain(files.map(OsString::from));
    let exit = cli::run(arguments, &mut terminal);
    (exit, output, errors)
}

fn is_one_line(text: &str) {
    assert!(!text.contains('\n'), "an error of several lines: {text}");
}
