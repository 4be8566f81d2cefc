//! Authenticates: nobody but the holders of the genuine credentials, whatever is made of these.

#![no_main]

use std::sync::LazyLock;

use claimgate::cache::Cache;
use claimgate::expression::Engine;
use claimgate::identity::{Caller, EngineAnswer, Identity, KeyRing, Principal, Question};
use claimgate::request::{Connection, RequestHead};
use claimgate_fuzz::callers::{AUDIENCE, Callers, ISSUER, NOW, base64url, moment};
use claimgate_fuzz::messages::{Message, cut};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

struct World {
    callers: Callers,
    identity: Identity,
    engine: Engine,
    keys: KeyRing,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let callers = Callers::new();
    let (identity, engine) = callers.identity();
    World { keys: identity.key_ring(), callers, identity, engine }
});

// The first byte says what is made of the rest.
fuzz_target!(|data: &[u8]| {
    let Some((selector, rest)) = data.split_first() else { return };
    match selector.wrapping_sub(b'A') % 6 {
        0 => whole_request(rest),
        1 => edited(rest),
        2 => signed(rest),
        3 => wrongly_signed(rest),
        4 => spliced(rest),
        _ => bare(rest),
    }
});

/// Headers of any kind; the names of the genuine credentials stand for these.
fn whole_request(bytes: &[u8]) {
    let mut headers = Message::read(bytes).headers();
    let mut holds_genuine = false;
    for (_, value) in &mut headers {
        for (mark, credential) in [("$key", &WORLD.callers.api_key), ("$token", &WORLD.callers.tokens[0])] {
            let position = value.windows(mark.len()).position(|window| window == mark.as_bytes());
            if let Some(position) = position {
                holds_genuine = true;
                value.splice(position..position + mark.len(), credential.bytes());
            }
        }
    }
    let principal = authenticate(&RequestHead::new(headers));
    assert!(principal.is_none() || holds_genuine, "authenticated without a credential");
}

/// A genuine credential, edited: two bytes of position and one to put there, again and again.
fn edited(bytes: &[u8]) {
    let Some((which, edits)) = bytes.split_first() else { return };
    let genuine = genuine(*which);
    let mut credential = genuine.as_bytes().to_vec();
    for edit in edits.chunks_exact(4).take(8) {
        let position = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % (credential.len() + 1);
        match edit[2] % 5 {
            0 => credential.insert(position, edit[3]),
            1 if position < credential.len() => drop(credential.remove(position)),
            2 if position + 1 < credential.len() => credential.swap(position, position + 1),
            3 => credential.truncate(position),
            _ if position < credential.len() => credential[position] = edit[3],
            _ => credential.push(edit[3]),
        }
    }
    only_genuine(&credential);
}

/// A header and claims of any kind whose signature holds: what is accepted must say what the issuer demands.
fn signed(bytes: &[u8]) {
    let (header, claims) = cut(bytes, b"\n");
    let token = WORLD.callers.sign(header, claims);
    if let Some(principal) = authenticate(&bearing(token.as_bytes())) {
        let object = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).expect("an object");
        let (header, claims) = (object(header), object(claims));
        assert_eq!(header.get("alg"), Some(&"EdDSA".into()));
        assert_eq!(claims.get("iss"), Some(&ISSUER.into()));
        let audience = claims.get("aud").expect("an audience");
        let is_listed = audience.as_array().is_some_and(|list| list.contains(&AUDIENCE.into()));
        assert!(audience == AUDIENCE || is_listed);
        let expires_at = claims.get("exp").and_then(Value::as_f64).expect("an end");
        assert!(expires_at + 30.0 > NOW as f64);
        assert_eq!(claims.get("sub").and_then(Value::as_str), Some(principal.subject.as_str()));
        assert_eq!(claims.get("org").and_then(Value::as_str), principal.tenant.as_deref());
        assert_eq!(principal.claims, claims);
    }
}

/// A header and claims of any kind under the signature of a genuine token.
fn wrongly_signed(bytes: &[u8]) {
    let Some((which, rest)) = bytes.split_first() else { return };
    let (header, claims) = cut(rest, b"\n");
    let signature = segments(token(*which))[2];
    only_genuine(format!("{}.{}.{signature}", base64url(header), base64url(claims)).as_bytes());
}

/// Segments of several genuine tokens.
fn spliced(bytes: &[u8]) {
    let chosen = bytes.iter().take(6).map(|byte| segments(token(*byte))[usize::from(byte / 3 % 3)]);
    only_genuine(chosen.collect::<Vec<_>>().join(".").as_bytes());
}

/// The bytes themselves.
fn bare(bytes: &[u8]) {
    only_genuine(bytes);
}

fn only_genuine(credential: &[u8]) {
    let callers = &WORLD.callers;
    // RFC 6750 lets any number of spaces stand behind the scheme.
    let sent = credential;
    let credential = &sent[sent.iter().take_while(|byte| **byte == b' ').count()..];
    let is_genuine = credential == callers.api_key.as_bytes()
        || callers.tokens.iter().any(|token| token.as_bytes() == credential);
    assert_eq!(authenticate(&bearing(sent)).is_some(), is_genuine);
}

fn bearing(credential: &[u8]) -> RequestHead {
    let value = [b"Bearer ", credential].concat();
    RequestHead::new(vec![("authorization".to_owned(), value)])
}

fn authenticate(head: &RequestHead) -> Option<Principal> {
    let world = &*WORLD;
    let engine = |question: &Question<'_>| -> EngineAnswer { world.callers.engine(question) };
    let connection = Connection::default();
    let proven = Cache::new(1, &[0; 16]);
    let (keys, moment, verify) = (&world.keys, moment(), &engine);
    let inactive = Cache::new(0, &[0; 16]);
    let caller = Caller {
        connection: &connection,
        keys,
        fed: &world.identity.feeds().none_fed(),
        moment,
        verify,
        proven: &proven,
        introspected: &[],
        inactive: &inactive,
    };
    let first = world.identity.authenticate(&world.engine, head, caller).ok()?.principal;
    let again = world.identity.authenticate(&world.engine, head, caller).expect("it was proven a moment ago");
    assert_eq!(first, again.principal, "what is remembered is what was proven");
    Some(Principal::clone(&first))
}

fn genuine(which: u8) -> &'static str {
    let callers = &WORLD.callers;
    match which % 4 {
        3 => &callers.api_key,
        _ => token(which % 4),
    }
}

fn token(which: u8) -> &'static str {
    &WORLD.callers.tokens[usize::from(which % 3)]
}

fn segments(token: &str) -> Vec<&str> {
    token.split('.').collect()
}
