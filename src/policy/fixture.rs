//! A proven caller and a request, for the tests of this room and of the rooms below it.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::facts::{CallFacts, UpstreamFacts};
use crate::cache::Cache;
use crate::config::Config;
use crate::dialect::{self, BodyFacts, Operation, Wanted};
use crate::expression::Engine;
use crate::identity::{ApiKey, Caller, EngineAnswer, Identity, Principal};
use crate::request::{Connection, Dialect, Moment, RequestHead};
use crate::secret::Secret;

/// 2026-01-01T12:00:00Z, a Thursday.
pub(crate) const NOW_MS: u64 = 1_767_268_800_000;

/// One call whose parts a test may change.
pub(crate) struct Case {
    pub(crate) head: RequestHead,
    pub(crate) connection: Connection,
    pub(crate) principal: Principal,
    pub(crate) operation: Operation,
    pub(crate) body: Option<BodyFacts>,
    pub(crate) tenant: Option<&'static str>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) now_ms: u64,
}

impl Case {
    /// A chat completion by the holder of an API key; `change` is put into the key's entry.
    pub(crate) fn with_key(change: Value) -> Self {
        Self::sending("POST", "/v1/chat/completions", &[], change)
    }

    /// A request by the holder of an API key, to OpenAI.
    pub(crate) fn sending(method: &str, path: &str, headers: &[(&str, &str)], change: Value) -> Self {
        let credential = key(1);
        let bearer = format!("Bearer {credential}");
        let more = [("authorization", bearer.as_str())];
        let head = head(method, path, &[&more, headers].concat());
        let connection = connection();
        Self {
            principal: principal(&head, &connection, change),
            operation: dialect::recognise(Dialect::Openai, &head, None, &[]).unwrap(),
            head,
            connection,
            body: None,
            tenant: None,
            metadata: BTreeMap::new(),
            now_ms: NOW_MS,
        }
    }

    /// The same call with this JSON body, read.
    pub(crate) fn with_body(self, body: &Value) -> Self {
        let body = body.to_string();
        let read = dialect::read_body(&self.operation, &self.head, body.as_bytes(), &Wanted::default());
        Self { body: Some(read.unwrap()), ..self }
    }

    pub(crate) fn facts(&self) -> CallFacts<'_> {
        CallFacts {
            request: &self.head,
            request_id: "req-1",
            moment: moment(self.now_ms),
            connection: &self.connection,
            principal: &self.principal,
            anomaly: None,
            operation: &self.operation,
            body: self.body.as_ref(),
            upstream: UpstreamFacts {
                cluster: "openai",
                tenant: self.tenant,
                metadata: &self.metadata,
                credential: None,
                owner: "gateway",
            },
        }
    }
}

pub(crate) fn moment(unix_ms: u64) -> Moment {
    Moment { unix_ms, entropy: [0x11; 16] }
}

/// A request head; a host and a JSON body's type are there.
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> RequestHead {
    let lines = lines(method, path, headers).into_iter();
    RequestHead::new(lines.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect())
}

/// The lines of such a head.
pub(crate) fn lines<'a>(
    method: &'a str,
    path: &'a str,
    headers: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let usual = [
        (":method", method),
        (":path", path),
        (":authority", "ai.example"),
        ("content-type", "application/json"),
    ];
    let is_replaced = |name: &str| headers.iter().any(|(other, _)| *other == name);
    usual.into_iter().filter(|(name, _)| !is_replaced(name)).chain(headers.iter().copied()).collect()
}

/// A well-formed API key.
pub(crate) fn key(seed: u8) -> String {
    String::from_utf8(ApiKey::mint([seed; 32]).expose().to_vec()).unwrap()
}

/// The configuration's entry of `key(seed)`, with `change` put into it.
pub(crate) fn key_entry(seed: u8, change: Value) -> Value {
    let entry = json!({
        "id": format!("k{seed}"), "hash": ApiKey::hash(&Secret::new(key(seed))).to_string(),
        "project": "search", "service_account": "indexer",
    });
    merged(entry, change)
}

/// `object` with each member of `change` put into it; `null` takes one away.
pub(crate) fn merged(mut object: Value, change: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    let Value::Object(change) = change else { panic!("a change is an object") };
    for (name, value) in change {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    object
}

/// An outside engine that never answers.
pub(crate) fn no_engine(_: &crate::identity::Question<'_>) -> EngineAnswer {
    EngineAnswer::Unavailable
}

fn principal(head: &RequestHead, connection: &Connection, change: Value) -> Principal {
    let config: Config = serde_json::from_value(json!({
        "keys": [key_entry(1, change)], "policies": [], "upstreams": [],
    }))
    .unwrap();
    let engine = Engine::new().unwrap();
    let identity = Identity::compile(&config, &engine, &|_| None).unwrap();
    let keys = identity.key_ring();
    let proven = Cache::new(0, &[0; 16]);
    let inactive = Cache::new(0, &[0; 16]);
    let caller = Caller {
        connection,
        keys: &keys,
        fed: &identity.feeds().none_fed(),
        moment: moment(NOW_MS),
        verify: &no_engine,
        proven: &proven,
        introspected: &[],
        inactive: &inactive,
    };
    Rc::unwrap_or_clone(identity.authenticate(&engine, head, caller).unwrap().principal)
}

/// A caller's own connection, to a request that Envoy routes to OpenAI.
pub(crate) fn connection() -> Connection {
    Connection {
        source_address: Some("192.0.2.7".to_owned()),
        source_port: Some(40_000),
        mtls: false,
        cluster: Some("openai".to_owned()),
    }
}
