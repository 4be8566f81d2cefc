//! The walk as Envoy drives it: one configuration, real credentials, a ledger in memory.

mod account;
mod anomalies;
mod binding;
mod compiling;
mod documents;
mod evidence;
mod exchanging;
mod features;
mod feeding;
mod forms;
mod holding;
mod introspecting;
mod leaving;
mod memory;
mod metering;
mod minting;
mod models;
mod needs;
mod nonces;
mod own_keys;
mod places;
mod possession;
mod proofs;
mod provider_key_feed;
mod reasons;
mod reports;
mod revoking;
mod sharing;
mod stateless;
mod spending;
mod variables;
mod walk;

use std::rc::Rc;

use serde_json::{Value, json};

use super::{Body, Call, Gateway, Known, Memory, Outcome, Patience, Polled};
use crate::config::{Config, ConfigError, Thumbprint};
use crate::credentials::{PoolState, Slots};
use crate::denial::Reason;
use crate::identity::{KeyRing, signing::RawSigner};
use crate::ledger::{MemoryStore, Store};
use crate::policy::fixture::{NOW_MS, head, key, key_entry, merged, moment, no_engine};
use crate::request::Connection;
use crate::secret::Secret;
use crate::upstream::HeaderPatch;

const CHAT: &str = r#"{"model":"gpt-4o","messages":[]}"#;
const HEADER: &str = r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#;
/// What signs the gateway's own tokens.
const SIGNING_KEY: &str = r#"{"kty":"oct","kid":"s","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U"}"#;
/// What seals callers' own keys.
const SEALING_KEY: &str = r#"{"kty":"oct","kid":"seal-1","k":"c2VhbGVkLXNlYWxlZC1zZWFsZWQtc2VhbGVkLXNlYWw"}"#;
const NOW: u64 = NOW_MS / 1000;

/// A gateway, the counters of its Envoy, and an identity provider.
struct Scene {
    gateway: Gateway,
    store: MemoryStore,
    keys: KeyRing,
    polled: Polled,
    tokens: Slots,
    memory: Memory,
    signer: RawSigner,
}

/// One request, and what the host says of it.
#[derive(Clone)]
struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    connection: Connection,
    /// What Envoy says of the client's certificate.
    certificate: Rc<dyn Fn() -> Option<Thumbprint>>,
    body: Vec<u8>,
    patience: Patience,
}

fn issuer(name: &str, jwks: Value) -> Value {
    json!({
        "issuer": name, "audiences": ["gateway"], "algorithms": ["EdDSA"], "jwks": jwks,
        "max_lifetime": "1h", "principal": { "tenant": "claims.org" },
    })
}

fn config(signer: &RawSigner, change: Value) -> Value {
    let remote = json!({ "remote": { "cluster": "idp", "host": "remote.example", "path": "/jwks" } });
    let upstream = |cluster: &str, change: Value| {
        let plain = json!({ "cluster": cluster, "dialect": "openai", "credential": { "env": "KEY" } });
        merged(plain, change)
    };
    let own = json!({ "per_tenant": { "tenants": { "acme": "ACME", "globex": "GLOBEX" } } });
    merged(
        json!({
            "client_address": "peer",
            "keys": [
                key_entry(1, json!({ "tenant": "acme", "scopes": ["chat"] })),
                key_entry(2, json!({ "expires_at": "2025-01-01T00:00:00Z" })),
                key_entry(3, json!({ "not_before": "2027-01-01T00:00:00Z" })),
                key_entry(4, json!({ "disabled": true })),
                key_entry(5, json!({ "cidrs": ["10.0.0.0/8"] })),
                key_entry(6, json!({ "tenant": "initech" })),
                key_entry(7, json!({})),
            ],
            "issuers": [
                issuer("https://idp.example", json!({ "inline": { "keys": [signer.jwk()] } })),
                issuer("https://remote.example", remote),
            ],
            "policies": [{ "file": "all.cel", "expression": "true" }],
            "quotas": [{ "id": "q", "limit": 5, "window": "60s", "per": ["'everybody'"] }],
            "upstreams": [
                upstream("openai", json!({ "credential": own })),
                upstream("shared", json!({})),
                upstream("gemini", json!({ "dialect": "gemini" })),
                upstream(
                    "acme-gemini",
                    json!({ "dialect": "gemini", "tenant": "acme", "credential": { "env": "ACME_GEMINI" }, "path_prefix": "/g" }),
                ),
                upstream("globex", json!({ "tenant": "globex" })),
                upstream("bare", json!({ "credential": { "env": "ABSENT" } })),
                upstream("named", json!({ "organization": "principal" })),
                upstream("envoy", json!({ "credential": "envoy" })),
            ],
        }),
        change,
    )
}

fn compile(signer: &RawSigner, change: Value) -> Result<Gateway, ConfigError> {
    compile_with(SIGNING_KEY, signer, change)
}

fn compiled(change: Value) -> Result<Gateway, ConfigError> {
    compile(&RawSigner::generate("k"), change)
}

fn compile_with(signing_key: &str, signer: &RawSigner, change: Value) -> Result<Gateway, ConfigError> {
    let bundle = config(signer, change).to_string();
    let environment = |name: &str| match name {
        "ABSENT" => None,
        "SIGNING" => Some(Secret::new(signing_key)),
        "SEALING" => Some(Secret::new(SEALING_KEY)),
        "FEED" => Some(Secret::new(provider_key_feed::pair().0.to_string())),
        name => Some(Secret::new(format!("sk-{name}"))),
    };
    Gateway::compile(&Config::from_json(bundle.as_bytes())?, &environment)
}

impl Scene {
    fn new(change: Value) -> Self {
        Self::with_signing_key(change, SIGNING_KEY)
    }

    fn with_signing_key(change: Value, signing_key: &str) -> Self {
        let signer = RawSigner::generate("k");
        let mut gateway = compile_with(signing_key, &signer, change).unwrap();
        let store = MemoryStore::new();
        gateway.prepare(&store, || Some([7; 32]), NOW_MS).unwrap();
        Self {
            keys: gateway.key_ring(),
            polled: gateway.polled(),
            tokens: gateway.credentials().slots(),
            memory: gateway.memory(&[0; 16]),
            gateway,
            store,
            signer,
        }
    }

    /// A token of the issuer whose keys are in the configuration.
    fn token(&self, change: Value) -> String {
        self.token_with(HEADER, change)
    }

    fn token_with(&self, header: &str, change: Value) -> String {
        let claims = json!({
            "iss": "https://idp.example", "aud": "gateway", "sub": "alice", "org": "acme",
            "iat": NOW - 10, "exp": NOW + 300,
        });
        self.signer.sign(header, &merged(claims, change).to_string())
    }

    fn open(&self, request: &Request) -> Call {
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let head = head(request.method, &request.path, &headers);
        self.gateway.open_call(head, request.connection.clone(), moment(NOW_MS))
    }

    fn known<'a>(&'a self, request: &'a Request) -> Known<'a> {
        Known {
            moment: moment(NOW_MS),
            store: &self.store,
            keys: &self.keys,
            polled: &self.polled,
            tokens: &self.tokens,
            pools: &|_| PoolState::default(),
            verify: &no_engine,
            body: Body::Complete(&request.body),
            memory: &self.memory,
            certificate: &*request.certificate,
            patience: request.patience,
        }
    }

    /// Decides with everything known.
    fn decide(&self, request: &Request) -> (Call, Outcome) {
        self.decide_at(request, NOW_MS)
    }

    fn decide_at(&self, request: &Request, unix_ms: u64) -> (Call, Outcome) {
        let mut call = self.open(request);
        let known = Known { moment: moment(unix_ms), ..self.known(request) };
        let outcome = self.gateway.decide(&mut call, &known);
        (call, outcome)
    }

    fn patch(&self, request: &Request) -> HeaderPatch {
        match self.decide(request) {
            (_, Outcome::Forward(patch)) => patch,
            (call, other) => panic!("{other:?}: {:?}", call.denial()),
        }
    }

    fn refusal(&self, request: &Request) -> Option<Reason> {
        self.decide(request).0.denial().map(|denial| denial.reason())
    }

    /// All counters; two that are equal have spent the same.
    fn spent(&self) -> Vec<Vec<u8>> {
        self.gateway.ledger().pages().filter_map(|page| Some(self.store.read(page)?.0)).collect()
    }
}

impl Request {
    fn new(method: &'static str, path: &str) -> Self {
        let connection = crate::policy::fixture::connection();
        Self {
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            connection,
            certificate: Rc::new(|| None),
            body: CHAT.into(),
            patience: Patience::Left,
        }
        .at(method, path)
    }

    /// A chat completion by the holder of `key(1)`, of the tenant `acme`.
    fn chat() -> Self {
        Self::new("POST", "/v1/chat/completions").keyed(1)
    }

    /// A chat completion by the bearer of `token`.
    fn bearing(token: &str) -> Self {
        Self::new("POST", "/v1/chat/completions").with("authorization", &format!("Bearer {token}"))
    }

    fn keyed(self, seed: u8) -> Self {
        self.with("authorization", &format!("Bearer {}", key(seed)))
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn at(mut self, method: &'static str, path: &str) -> Self {
        self.method = method;
        self.path = path.to_owned();
        if method == "GET" {
            self.body.clear();
        }
        self
    }

    fn to(mut self, cluster: Option<&str>) -> Self {
        self.connection.cluster = cluster.map(str::to_owned);
        self
    }

    fn through_port(mut self, port: Option<u64>) -> Self {
        self.connection.source_port = port;
        self
    }

    fn body(mut self, body: &str) -> Self {
        self.body = body.into();
        self
    }

    fn out_of_patience(mut self) -> Self {
        self.patience = Patience::Exhausted;
        self
    }
}

fn setting(patch: &HeaderPatch, wanted: &str) -> Option<String> {
    let found = patch.settings().find(|(name, _)| *name == wanted);
    found.map(|(_, value)| String::from_utf8(value.to_vec()).unwrap())
}

fn rule(expression: &str, change: Value) -> Value {
    merged(json!({ "file": "tried.cel", "expression": expression }), change)
}
