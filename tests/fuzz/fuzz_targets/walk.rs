//! Walks whole requests: nothing is forwarded without a credential, and none of the caller's goes on.

#![no_main]

use std::sync::LazyLock;

use claimgate::credentials::PoolState;
use claimgate::gateway::{Body, Call, Gateway, Known, Memory, Need, Outcome, Patience};
use claimgate::identity::{CARRIERS, EngineAnswer, KeyRing};
use claimgate::ledger::MemoryStore;
use claimgate::request::{Connection, Dialect, RequestHead};
use claimgate::upstream::HeaderPatch;
use claimgate_fuzz::callers::{Callers, PROVIDER, moment};
use claimgate_fuzz::messages::Message;
use libfuzzer_sys::fuzz_target;

/// Where the beginning of a form is looked at.
const FILLER: usize = 64 * 1024;

struct World {
    callers: Callers,
    gateway: Gateway,
    store: MemoryStore,
    keys: KeyRing,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let callers = Callers::new();
    let gateway = callers.gateway();
    let store = MemoryStore::new();
    gateway.ledger().prepare(&store);
    World { keys: gateway.key_ring(), callers, gateway, store }
});

// The first byte says the cluster, which has a dialect's name, and whether a body is too long to be held. `$key` and `$token` in a header stand for the
// genuine credentials.
fuzz_target!(|data: &[u8]| {
    let Some((selector, rest)) = data.split_first() else { return };
    let world = &*WORLD;
    let message = Message::read(rest);
    let (head, holds_genuine) = head(&message);
    let selector = usize::from(selector.wrapping_sub(b'A'));
    let cluster = match (selector % 6, selector / 12) {
        (5, _) => None,
        (0, 1) => Some(Dialect::Vertex.name().to_owned()),
        (index, _) => Some(Dialect::ALL[index].name().to_owned()),
    };
    let is_long = selector / 6 % 2 == 1;
    let memory = world.gateway.memory(&[0; 16]);
    let (call, outcome) = decide(&memory, &head, cluster.as_deref(), message.body, is_long);
    let (again, same) = decide(&memory, &head, cluster.as_deref(), message.body, is_long);
    assert_eq!(call.denial(), again.denial(), "what is remembered is what was decided");
    match outcome {
        Outcome::Forward(patch) if !call.is_open() => {
            assert!(matches!(same, Outcome::Forward(other) if other == patch), "other edits the second time");
            assert!(call.is_let_through());
            assert!(holds_genuine, "forwarded without a credential");
            assert!(cluster.is_some(), "forwarded without an upstream");
            assert!(call.denial().is_none());
            let provided = patch.settings().filter(|(_, value)| value.ends_with(PROVIDER.as_bytes()));
            assert_eq!(provided.count(), 1, "the provider's credential goes on once");
            carries_nothing(&head, &patch);
        }
        Outcome::Forward(patch) => {
            assert_eq!((head.method(), head.path()), ("GET", "/healthz"), "open, and not listed");
            assert!(patch.settings().all(|(_, value)| !value.ends_with(PROVIDER.as_bytes())));
            carries_nothing(&head, &patch);
        }
        Outcome::Refuse => {
            let answer = call.answer().expect("a refusal has an answer");
            assert!((400..600).contains(&answer.status), "the status {}", answer.status);
        }
        Outcome::Answer => panic!("answered, though this gateway gives nothing"),
        Outcome::Need(need) => panic!("{need:?} with everything known"),
    }
});

/// Decides one request with what its worker remembers.
fn decide(
    memory: &Memory,
    head: &RequestHead,
    cluster: Option<&str>,
    body: &[u8],
    is_long: bool,
) -> (Call, Outcome) {
    let world = &*WORLD;
    let connection = Connection { cluster: cluster.map(str::to_owned), ..Connection::default() };
    let mut call = world.gateway.open_call(head.clone(), connection, moment());
    let known = Known {
        moment: moment(),
        store: &world.store,
        keys: &world.keys,
        polled: &world.gateway.polled(),
        tokens: &world.gateway.credentials().slots(),
        pools: &|_| PoolState::default(),
        verify: &|_| EngineAnswer::Unavailable,
        certificate: &|| None,
        body: Body::Coming,
        memory,
        patience: Patience::Left,
    };
    let mut outcome = world.gateway.decide(&mut call, &known);
    if let Outcome::Need(Need::Body { look, .. }) = outcome {
        let (beginning, rest) = body.split_at(body.len() / 2);
        if look.is_some() && is_long {
            // So that there is enough to look at: a part that nobody reads.
            let filler = format!(
                "--b\r\ncontent-disposition: form-data; name=\"f\"\r\n\r\n{}\r\n",
                "x".repeat(FILLER)
            );
            let beginning = [filler.as_bytes(), beginning].concat();
            outcome = world.gateway.decide(&mut call, &Known { body: Body::Beginning(&beginning), ..known });
            if call.is_let_through() {
                let _ = call.watch(rest, true);
            }
        }
        if let Outcome::Need(_) = outcome {
            outcome = world.gateway.decide(&mut call, &Known { body: Body::Complete(&body), ..known });
        }
    }
    (call, outcome)
}

fn head(message: &Message<'_>) -> (RequestHead, bool) {
    let mut headers = message.headers();
    let mut holds_genuine = false;
    for (_, value) in headers.iter_mut().skip(2) {
        for (mark, credential) in [("$key", &WORLD.callers.api_key), ("$token", &WORLD.callers.tokens[0])] {
            if let Some(position) = value.windows(mark.len()).position(|window| window == mark.as_bytes()) {
                holds_genuine = true;
                value.splice(position..position + mark.len(), credential.bytes());
            }
        }
    }
    (RequestHead::new(headers), holds_genuine)
}

/// No header that is left, and none that is set, holds the caller's credential where one is read.
fn carries_nothing(head: &RequestHead, patch: &HeaderPatch) {
    let removed: Vec<&str> = patch.removals().collect();
    for (name, _) in head.headers().filter(|(name, _)| CARRIERS.contains(name)) {
        assert!(removed.contains(&name), "`{name}` goes on");
    }
    let credentials = [&WORLD.callers.api_key, &WORLD.callers.tokens[0]];
    for (name, value) in patch.settings() {
        let holds = |credential: &&String| {
            value.windows(credential.len()).any(|window| window == credential.as_bytes())
        };
        match name {
            // A caller may call subprotocols what it likes, if they are none of the provider's.
            "sec-websocket-protocol" => assert!(!is_key_protocol(value), "a key goes on as a subprotocol"),
            name => assert!(!credentials.iter().any(holds), "`{name}` holds the caller's credential"),
        }
    }
}

fn is_key_protocol(value: &[u8]) -> bool {
    let mut protocols = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    protocols.any(|protocol| protocol.to_ascii_lowercase().starts_with(b"openai-insecure-api-key."))
}
