//! Opens sealed keys: those that the gateway has sealed, or others for its feed, and nothing that is made of them.

#![no_main]

use std::sync::LazyLock;

use claimgate::config::Config;
use claimgate::expression::Engine;
use claimgate::own_key::{FeedEntry, FeedPublicKey, OwnKeys, new_pair};
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

/// What keys that are kept in a feed begin with where they travel.
const OF_FEED: &str = "cgf_";

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let remote = json!({ "cluster": "lists", "host": "lists.test", "path": "/credentials.json" });
    let feed = json!({ "remote": remote, "key": { "env": "FEED" } });
    let config = json!({
        "policies": [],
        "own_keys": { "issuer": "https://gateway.test/", "sealing_key": { "env": "SEAL" }, "feed": feed },
        "upstreams": [{ "cluster": "openai", "dialect": "openai", "credential": { "own": {} } }],
    });
    let config = Config::from_json(config.to_string().as_bytes()).expect("a configuration");
    let jwk = json!({ "kty": "oct", "kid": "fuzz", "k": base64url(&[7; 32]) }).to_string();
    let (private, public) = new_pair("feed", [7; 32]).expect("a pair");
    let environment =
        |name: &str| Some(Secret::new(if name == "FEED" { private.to_string() } else { jwk.clone() }));
    let engine = Engine::new().expect("an engine");
    let keys = OwnKeys::compile(&config, &engine, &environment).expect("it compiles").expect("a section");
    let public = FeedPublicKey::parse(public.to_string().as_bytes()).expect("its public half");
    let kept = [1, 2].map(|number: u8| {
        let entry = json!({ "id": number.to_string(), "tenant": "acme", "upstreams": ["openai"], "jwe": "" });
        let entry: FeedEntry = serde_json::from_value(entry).expect("an entry");
        let entry = public.seal(entry, &Secret::new("sk-none"), &[number; 32]).expect("it seals");
        format!("{OF_FEED}{}", entry.jwe)
    });
    let genuine: Vec<String> = GENUINE.lines().map(str::to_owned).chain(kept).collect();
    assert!(genuine.len() > 3 && genuine.iter().all(|value| keys.open_carried(value.as_bytes()).is_ok()));
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
        place => jwe(genuine(byte / 7)).split('.').nth(usize::from(place % 5)).unwrap_or(""),
    };
    let parts: Vec<&str> = bytes.iter().take(7).map(part).collect();
    let prefix = if bytes.first().is_some_and(|byte| byte % 2 == 0) { "cgs_" } else { OF_FEED };
    only_genuine(format!("{prefix}{}", parts.join(".")).as_bytes());
}

/// Any header before the parts of a genuine one.
fn headed(bytes: &[u8]) {
    let (header, rest) = cut(bytes, b"\n");
    let genuine = genuine(rest.first().copied().unwrap_or_default());
    let prefix = genuine.trim_end_matches(jwe(genuine));
    let parts = genuine.split_once('.').map_or("", |(_, parts)| parts);
    only_genuine(format!("{prefix}{}.{parts}", base64url(header)).as_bytes());
}

fn only_genuine(value: &[u8]) {
    let is_genuine = WORLD.genuine.iter().any(|genuine| genuine.as_bytes() == value);
    assert_eq!(WORLD.keys.open_carried(value).is_ok(), is_genuine);
    // Nobody sends one that is kept in a feed.
    let is_of_feed = value.starts_with(OF_FEED.as_bytes());
    assert_eq!(WORLD.keys.open(value).is_ok(), is_genuine && !is_of_feed);
}

/// Without its prefix.
fn jwe(sealed: &str) -> &str {
    sealed.split_once('_').map_or("", |(_, jwe)| jwe)
}

fn genuine(which: u8) -> &'static str {
    let genuine = &WORLD.genuine;
    &genuine[usize::from(which) % genuine.len()]
}
