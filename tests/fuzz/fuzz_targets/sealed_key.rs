//! Opens sealed keys: those that the gateway has sealed, and nothing that is made of them.

#![no_main]

use std::sync::LazyLock;

use claimgate::config::Config;
use claimgate::expression::Engine;
use claimgate::own_key::OwnKeys;
use claimgate::secret::Secret;
use claimgate_fuzz::callers::base64url;
use claimgate_fuzz::messages::cut;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

struct World {
    keys: OwnKeys,
    genuine: Vec<String>,
}

/// Sealed by the key below, by another implementation; they hold no provider's key.
const GENUINE: &str = include_str!("../sealed_keys.txt");

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let config = json!({
        "policies": [],
        "own_keys": { "issuer": "https://gateway.test/", "sealing_key": { "env": "SEAL" } },
        "upstreams": [{ "cluster": "openai", "dialect": "openai", "credential": { "own": {} } }],
    });
    let config = Config::from_json(config.to_string().as_bytes()).expect("a configuration");
    let jwk = json!({ "kty": "oct", "kid": "fuzz", "k": base64url(&[7; 32]) }).to_string();
    let environment = |_: &str| Some(Secret::new(jwk.clone()));
    let engine = Engine::new().expect("an engine");
    let keys = OwnKeys::compile(&config, &engine, &environment).expect("it compiles").expect("a section");
    let genuine: Vec<String> = GENUINE.lines().map(str::to_owned).collect();
    assert!(genuine.len() > 1 && genuine.iter().all(|value| keys.open(value.as_bytes()).is_ok()));
    World { keys, genuine }
});

// The first byte says what is made of the rest.
fuzz_target!(|data: &[u8]| {
    let Some((selector, rest)) = data.split_first() else { return };
    match selector.wrapping_sub(b'A') % 4 {
        0 => edited(rest),
        1 => spliced(rest),
        2 => headed(rest),
        _ => only_genuine(rest),
    }
});

/// A genuine one, edited: two bytes of position and one to put there, again and again.
fn edited(bytes: &[u8]) {
    let Some((which, edits)) = bytes.split_first() else { return };
    let mut value = genuine(*which).as_bytes().to_vec();
    for edit in edits.chunks_exact(4).take(8) {
        let position = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % (value.len() + 1);
        match edit[2] % 5 {
            0 => value.insert(position, edit[3]),
            1 if position < value.len() => drop(value.remove(position)),
            2 if position + 1 < value.len() => value.swap(position, position + 1),
            3 => value.truncate(position),
            _ if position < value.len() => value[position] = edit[3],
            _ => value.push(edit[3]),
        }
    }
    only_genuine(&value);
}

/// Parts of several genuine ones, and of none.
fn spliced(bytes: &[u8]) {
    let part = |byte: &u8| match byte % 7 {
        6 => "",
        place => {
            genuine(byte / 7).trim_start_matches("cgs_").split('.').nth(usize::from(place % 5)).unwrap_or("")
        }
    };
    let parts: Vec<&str> = bytes.iter().take(7).map(part).collect();
    only_genuine(format!("cgs_{}", parts.join(".")).as_bytes());
}

/// Any header before the parts of a genuine one.
fn headed(bytes: &[u8]) {
    let (header, rest) = cut(bytes, b"\n");
    let genuine = genuine(rest.first().copied().unwrap_or_default());
    let parts = genuine.split_once('.').map_or("", |(_, parts)| parts);
    only_genuine(format!("cgs_{}.{parts}", base64url(header)).as_bytes());
}

fn only_genuine(value: &[u8]) {
    let is_genuine = WORLD.genuine.iter().any(|genuine| genuine.as_bytes() == value);
    assert_eq!(WORLD.keys.open(value).is_ok(), is_genuine);
}

fn genuine(which: u8) -> &'static str {
    let genuine = &WORLD.genuine;
    &genuine[usize::from(which) % genuine.len()]
}
