//! Compiles and runs CEL: whatever compiles has the same value twice.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use claimgate::anomaly::Anomaly;
use claimgate::dialect::{BodyFacts, Operation, recognise};
use claimgate::expression::{Engine, Expression, Scope};
use claimgate::identity::{Binding, KeyFacts, Kind, Principal};
use claimgate::policy::{CallFacts, UpstreamFacts, VOCABULARY};
use claimgate::request::{Connection, Dialect, RequestHead};
use claimgate_fuzz::callers::moment;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

struct World {
    engine: Engine,
    head: RequestHead,
    connection: Connection,
    principal: Principal,
    operation: Operation,
    body: BodyFacts,
    metadata: BTreeMap<String, String>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let headers = [(":method", "POST"), (":path", "/v1/responses?a=1&b=%C3%A9"), ("x-a", "b")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.into()));
    let head = RequestHead::new(headers.into());
    let metadata = BTreeMap::from([("region".to_owned(), "eu".to_owned())]);
    World {
        engine: Engine::new().expect("an engine"),
        operation: recognise(Dialect::Openai, &head, None, &[]).expect("the operation is known"),
        head,
        connection: Connection { source_address: Some("10.0.0.1".to_owned()), ..Connection::default() },
        principal: principal(metadata.clone()),
        body: BodyFacts { model: Some("gpt-4o".to_owned()), max_tokens: Some(64), ..BodyFacts::default() },
        metadata,
    }
});

fn principal(labels: BTreeMap<String, String>) -> Principal {
    let claims = json!({"a": [1, -1, 1.5, u64::MAX, "x", null, {"b": true}], "plan": "pro", "\u{e9}": {}});
    let Value::Object(claims) = claims else { unreachable!() };
    Principal {
        kind: Kind::ApiKey,
        subject: "alice".to_owned(),
        tenant: Some("acme".to_owned()),
        project: None,
        service_account: None,
        client: None,
        scopes: vec!["chat".to_owned(), "files:read".to_owned(), "model:*".to_owned()],
        roles: Vec::new(),
        claims,
        key: Some(KeyFacts { id: "k".to_owned(), labels, created_at: Some(-1) }),
        issuer: None,
        credential_id: "k".to_owned(),
        actor: None,
        actors: Vec::new(),
        expires_at: None,
        issued_at: None,
        binding: Binding::default(),
        minted: None,
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let world = &*WORLD;
    let expression = match world.engine.compile("fuzz.cel", source, &VOCABULARY) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let facts = CallFacts {
        request: &world.head,
        request_id: "r",
        moment: moment(),
        connection: &world.connection,
        principal: &world.principal,
        anomaly: Some(&Anomaly::NONE),
        operation: &world.operation,
        body: Some(&world.body),
        upstream: UpstreamFacts {
            cluster: "openai",
            tenant: None,
            metadata: &world.metadata,
            credential: None,
            owner: "gateway",
        },
    };
    let scope = world.engine.scope(expression.reads(), &facts);
    let first = value(&expression, &scope, data.len());
    assert_eq!(first, value(&expression, &scope, data.len()), "two values of one expression");
});

/// The value as one of its users wants it; which one hangs on a number, because five would take five times as long.
fn value(expression: &Expression, scope: &Scope<'_>, which: usize) -> String {
    match which % 6 {
        0 => format!("{:?}", expression.text(scope)),
        1 => format!("{:?}", expression.texts(scope)),
        2 => format!("{:?}", expression.number(scope)),
        3 => format!("{:?}", expression.descriptor(scope)),
        4 => format!("{:?}", expression.missing_scopes(scope)),
        _ => format!("{:?}", expression.boolean(scope)),
    }
}
