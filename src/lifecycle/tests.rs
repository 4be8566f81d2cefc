//! Every row of the lifecycle's table, with a scripted host, and the orders of events that a real one produces seldom.

mod answers;
mod at_cluster;
mod body;
mod forms;
mod issuers;
mod keys;
mod limits;
mod orders;
mod panics;
mod played;
mod pools;
mod records;
mod revoking;
mod scripted;
mod tokens;
mod user_tokens;

use std::rc::Rc;

use serde_json::{Value, json};

use super::{Attribute, Delivery, Event, HouseEvent, Next, Part, Side, Stream, Worker};
use crate::config::Config;
use crate::identity::signing::RawSigner;
use crate::policy::fixture::{NOW_MS, key, key_entry, lines, merged};
use crate::secret::Secret;
use played::Played;
use scripted::{ScriptedHouse, SharedData};

const CHAT: &str = "/v1/chat/completions";
const BODY: &str = r#"{"model":"gpt-4o","messages":[]}"#;
/// No rule below reads the body of this one.
const MODELS: &str = "/v1/models";
const KIB: usize = 1024;
const BODY_LIMIT: usize = 64 * KIB;
const HOLD_MS: u64 = 5000;

/// One configuration in one worker.
struct Scene {
    house: Rc<ScriptedHouse>,
    worker: Rc<Worker>,
    shared: Rc<SharedData>,
    config: Value,
}

/// One exchange that is being played.
struct Playing<'a> {
    scene: &'a Scene,
    id: u32,
    stream: Stream,
    exchange: Rc<Played>,
    /// What the host has passed on of the request's body.
    passed: Vec<u8>,
    is_held: bool,
}

fn config(change: Value) -> Value {
    let plain = json!({
        "keys": [key_entry(1, json!({ "tenant": "acme" })), key_entry(2, json!({ "tenant": "globex" }))],
        "policies": [{ "file": "model.cel", "expression": "!has(llm.model) || llm.model != 'forbidden'" }],
        "quotas": [],
        "hold_timeout": "5s", "body_limit": "64KiB", "form_limit": "128KiB",
        "held_bytes": "1MiB", "held_bytes_per_caller": "512KiB",
        "upstreams": [{ "cluster": "openai", "dialect": "openai", "credential": { "env": "KEY" } }],
    });
    merged(plain, change)
}

/// Nothing reads a body: no rule, no quota, and the account is the tenant's own.
fn unread() -> Value {
    json!({
        "policies": [{ "file": "all.cel", "expression": "true" }],
        "upstreams": [{
            "cluster": "openai", "dialect": "openai", "credential": { "env": "KEY" }, "tenant": "acme",
        }],
        "metering": { "stream_usage": "as_asked" },
    })
}

/// An issuer whose keys are fetched.
fn remote_issuer() -> Value {
    let remote = json!({
        "cluster": "idp", "host": "idp.example", "path": "/jwks", "refetch": "1s", "timeout": "2s",
    });
    json!({ "issuers": [{
        "issuer": "https://idp.example", "audiences": ["gateway"], "algorithms": ["EdDSA"],
        "jwks": { "remote": remote }, "max_lifetime": "1h", "principal": { "tenant": "claims.org" },
    }] })
}

fn token(signer: &RawSigner) -> String {
    let now = NOW_MS / 1000;
    let claims = json!({
        "iss": "https://idp.example", "aud": "gateway", "sub": "alice", "org": "acme",
        "iat": now - 10, "exp": now + 300,
    });
    signer.sign(r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#, &claims.to_string())
}

impl Scene {
    fn new(change: Value) -> Self {
        Self::beside(&Rc::default(), change)
    }

    /// Another worker of the same host, or the next configuration in it.
    fn beside(shared: &Rc<SharedData>, change: Value) -> Self {
        let (shared, config) = (Rc::clone(shared), config(change));
        let house = ScriptedHouse::beside(&shared);
        let read = Config::from_json(config.to_string().as_bytes()).unwrap();
        let environment = |name: &str| (name != "ABSENT").then(|| Secret::new(format!("sk-{name}")));
        let gateway = Worker::compile(&read, &environment, &*house).unwrap();
        let worker = Worker::open(gateway, Rc::clone(&house) as Rc<_>);
        Self { house, worker, shared, config }
    }

    fn tick(&self) {
        self.worker.on(HouseEvent::Tick);
    }

    fn tick_after(&self, milliseconds: u64) {
        self.house.pass(milliseconds);
        self.tick();
    }

    /// Delivers the answer to the only fetch that was sent since the last one.
    fn answer_fetch(&self, status: &str, body: &str) {
        let fetches = self.house.take_fetches();
        assert_eq!(fetches.len(), 1, "{fetches:?}");
        self.answer_token(fetches[0].token, status, body);
    }

    fn answer_token(&self, token: u32, status: &str, body: &str) {
        self.house.deliver(&[(":status", status)], body.as_bytes());
        let delivery = Delivery { headers: 1, body_size: body.len() };
        self.worker.on(HouseEvent::Fetched { token, delivery });
    }

    fn answer_keys(&self, signer: &RawSigner) {
        self.answer_fetch("200", &json!({ "keys": [signer.jwk()] }).to_string());
    }

    /// How many bytes are held of requests that wait.
    fn held_bytes(&self) -> u64 {
        self.worker.memory.held_bytes()
    }

    /// A chat completion by the holder of `key(1)`, whose headers have not been told of yet.
    fn chat(&self, id: u32) -> Playing<'_> {
        self.request(id, "POST", CHAT, &[("authorization", &format!("Bearer {}", key(1)))])
    }

    fn bearing(&self, id: u32, token: &str) -> Playing<'_> {
        self.request(id, "POST", CHAT, &[("authorization", &format!("Bearer {token}"))])
    }

    fn request(&self, id: u32, method: &str, path: &str, headers: &[(&str, &str)]) -> Playing<'_> {
        let exchange = Rc::new(Played::default());
        exchange.put(Part::RequestHeaders, &lines(method, path, headers));
        exchange.texts.borrow_mut().push((Attribute::Cluster, "openai".to_owned()));
        exchange.texts.borrow_mut().push((Attribute::SourceAddress, "192.0.2.7:4000".to_owned()));
        exchange.numbers.borrow_mut().push((Attribute::SourcePort, 4000));
        self.house.add(id, &exchange);
        let stream = Stream::new(id, &self.worker);
        Playing { scene: self, id, stream, exchange, passed: Vec::new(), is_held: false }
    }
}

impl Playing<'_> {
    /// The headers come.
    fn begins(mut self, end_of_stream: bool) -> Self {
        self.on_request(Event::RequestHeaders { end_of_stream });
        self
    }

    /// The headers come, and the whole body.
    fn sends(self, body: &str) -> Self {
        let mut playing = self.begins(false);
        playing.chunk(body.as_bytes(), true);
        playing
    }

    fn chunk(&mut self, piece: &[u8], end_of_stream: bool) {
        let size = {
            let mut buffer = self.exchange.buffer(Side::Request).borrow_mut();
            buffer.extend_from_slice(piece);
            buffer.len()
        };
        self.on_request(Event::RequestBody { size, end_of_stream });
    }

    fn trailers(&mut self, trailers: &[(&str, &str)]) {
        self.exchange.put(Part::RequestTrailers, trailers);
        self.on_request(Event::RequestTrailers);
    }

    fn on_request(&mut self, event: Event) {
        self.is_held = self.stream.on(&*self.exchange, event) == Next::Pause;
        self.settle();
    }

    /// What is let go goes on.
    fn settle(&mut self) {
        if self.exchange.resumes() > 0 {
            self.is_held = false;
        }
        if !self.is_held {
            self.passed.append(&mut self.exchange.buffer(Side::Request).borrow_mut());
        }
    }

    /// The provider answers. True where the headers go on.
    fn answered(&self, status: &str, headers: &[(&str, &str)], end_of_stream: bool) -> bool {
        self.exchange.texts.borrow_mut().push((Attribute::CodeDetails, "via_upstream".to_owned()));
        self.responds(status, headers, end_of_stream)
    }

    /// The host answers by itself.
    fn replied(&self, status: &str, details: &str) -> bool {
        self.exchange.texts.borrow_mut().push((Attribute::CodeDetails, details.to_owned()));
        self.responds(status, &[("content-type", "text/plain")], false)
    }

    /// Another filter answers.
    fn replied_with(&self, status: &str, headers: &[(&str, &str)]) -> bool {
        self.responds(status, headers, true)
    }

    fn responds(&self, status: &str, headers: &[(&str, &str)], end_of_stream: bool) -> bool {
        let mut all = vec![(":status", status)];
        all.extend_from_slice(headers);
        self.exchange.put(Part::ResponseHeaders, &all);
        self.exchange.numbers.borrow_mut().push((Attribute::Status, status.parse().unwrap()));
        self.stream.on(&*self.exchange, Event::ResponseHeaders { end_of_stream }) == Next::Continue
    }

    /// A piece of the answer's body; what of it reaches the caller.
    fn answer_chunk(&self, piece: &str, end_of_stream: bool) -> String {
        let buffer = self.exchange.buffer(Side::Response);
        *buffer.borrow_mut() = piece.as_bytes().to_vec();
        let next = self.stream.on(&*self.exchange, Event::ResponseBody { size: piece.len(), end_of_stream });
        assert_eq!(next, Next::Continue, "an answer is never delayed");
        String::from_utf8(buffer.take()).unwrap()
    }

    /// The exchange is over; its record.
    fn ends(&self) -> Value {
        self.stream.on(&*self.exchange, Event::Log);
        self.scene.house.remove(self.id);
        self.exchange.record()
    }

    /// The gateway's own answer.
    #[track_caller]
    fn is_refused(&self, status: u32, reason: &str) {
        assert_eq!(self.exchange.refusal(), Some((status, reason.to_owned())));
        assert_eq!(self.exchange.resumes(), 0, "what is refused does not go on");
    }

    #[track_caller]
    fn waits(&mut self) {
        self.settle();
        assert!(self.is_held && self.exchange.refusal().is_none(), "{:?}", self.exchange.refusal());
        assert!(self.passed.is_empty(), "a body that waits does not go on");
    }

    /// It was let through with this token.
    #[track_caller]
    fn carries(&mut self, token: &str) {
        self.settle();
        assert_eq!(self.exchange.refusal(), None);
        assert!(!self.is_held, "it waits");
        let credential = self.exchange.header(Part::RequestHeaders, "authorization");
        assert_eq!(credential, Some(format!("Bearer {token}")));
    }

    /// It was let through with the provider's credential, and all of this body.
    #[track_caller]
    fn is_through(&mut self, body: &[u8]) {
        self.settle();
        assert_eq!(self.exchange.refusal(), None);
        assert!(!self.is_held, "it waits");
        assert_eq!(self.passed, body, "the body");
        let credential = self.exchange.header(Part::RequestHeaders, "authorization");
        assert_eq!(credential.as_deref(), Some("Bearer sk-KEY"));
    }
}
