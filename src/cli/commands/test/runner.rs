//! Runs the calls of a script on the core that runs in Envoy.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};

use super::credentials::TestCredentials;
use super::outcome::{Got, got, unmet};
use super::request::{request_headers, routed};
use super::script::{ScriptCall, Send};
use super::token_signer::introspection_answer;
use crate::credentials::{Exchanged, PoolState, Slot, Slots};
use crate::gateway::{Body, Call, Gateway, Known, Memory, Need, Outcome, Patience, Polled, Remote};
use crate::identity::{EngineAnswer, Inquiry, Introspected, KeyRing};
use crate::ledger::MemoryStore;
use crate::request::{Connection, Moment, RequestHead};
use crate::upstream::HeaderPatch;

/// RFC 5737: an address for documentation.
const DEFAULT_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
const DEFAULT_PORT: u64 = 40_000;
/// What a script remembers is its own, and nobody aims at it.
const MEMORY_KEY: [u8; 16] = [0; 16];

/// What one script is run on: a gateway, and counters of its own.
pub(super) struct ScriptRunner<'a> {
    credentials: &'a TestCredentials,
    gateway: &'a Gateway,
    store: MemoryStore,
    ring: KeyRing,
    polled: RefCell<Polled>,
    memory: Memory,
}

/// What became of a call.
pub(super) struct CallResult {
    pub(super) call: Call,
    pub(super) got: Got,
    pub(super) moment: Moment,
    /// One line per wish that did not come true.
    pub(super) unmet: Vec<String>,
}

impl<'a> ScriptRunner<'a> {
    pub(super) fn new(credentials: &'a TestCredentials, gateway: &'a Gateway) -> Self {
        let store = MemoryStore::new();
        gateway.ledger().prepare(&store);
        Self {
            credentials,
            gateway,
            store,
            ring: gateway.key_ring(),
            polled: RefCell::new(gateway.polled()),
            memory: gateway.memory(&MEMORY_KEY),
        }
    }

    /// Sends the call as often as it says; the last time counts.
    pub(super) fn run(&self, script: &ScriptCall, unix_seconds: u64) -> CallResult {
        let moment = Moment { unix_ms: unix_seconds.saturating_mul(1000), entropy: [7; 16] };
        let mut sent = self.send(&script.send, moment);
        for _ in 1..script.times.get() {
            sent = self.send(&script.send, moment);
        }
        let (call, got) = sent;
        CallResult { unmet: unmet(&script.want, &got), call, got, moment }
    }

    fn send(&self, send: &Send, moment: Moment) -> (Call, Got) {
        let body = send.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let headers = request_headers(self.credentials, send, moment.unix_seconds());
        let cluster = send.cluster.clone().or_else(|| routed(self.credentials.config(), &send.path));
        let connection = Connection {
            source_address: Some(send.from.unwrap_or(DEFAULT_ADDRESS).to_string()),
            source_port: Some(DEFAULT_PORT),
            mtls: false,
            cluster,
        };
        let head = RequestHead::new(
            headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect(),
        );
        let mut call = self.gateway.open_call(head, connection, moment);
        if let Some(anomaly) = &send.anomaly {
            call.assume_anomaly(anomaly.into());
        }
        self.fill_in_documents(moment);
        let tokens = self.tokens(moment);
        let patch = self.walk(&mut call, (&body, &tokens), moment);
        let got = got(&call, patch.as_ref(), headers, moment);
        (call, got)
    }

    /// Nothing is fetched here, so that polled lists and feeds are empty, and never too old.
    fn fill_in_documents(&self, moment: Moment) {
        let mut polled = self.polled.borrow_mut();
        for (remote, _, _) in self.gateway.remotes() {
            let empty: &[u8] = match remote {
                Remote::RevocationList(_) => br#"{"revoked":[]}"#,
                Remote::KeyFeed(_) => br#"{"keys":[]}"#,
                Remote::ProviderKeyFeed => br#"{"credentials":[]}"#,
            };
            let _ = self.gateway.accept(&mut polled, remote, empty, moment.unix_ms);
        }
    }

    /// Nobody is asked for a token either: one stands in for each.
    fn tokens(&self, moment: Moment) -> Slots {
        let credentials = self.gateway.credentials();
        let mut slots = credentials.slots();
        for (index, credential) in credentials.iter() {
            slots.put(index, Slot::assumed(&format!("token-of-{}", credential.id()), moment.unix_ms));
        }
        slots
    }

    /// Fetches what a walk needs, as the filter does in Envoy.
    fn walk(&self, call: &mut Call, (body, tokens): (&[u8], &Slots), moment: Moment) -> Option<HeaderPatch> {
        let polled = self.polled.borrow();
        let mut known = Known {
            moment,
            store: &self.store,
            keys: &self.ring,
            polled: &polled,
            tokens,
            // Every key serves.
            pools: &|_| PoolState::default(),
            memory: &self.memory,
            verify: &|_| EngineAnswer::Unavailable,
            certificate: &|| None,
            body: Body::Coming,
            patience: Patience::Left,
        };
        loop {
            match self.gateway.decide(call, &known) {
                Outcome::Forward(patch) => return Some(patch),
                Outcome::Refuse | Outcome::Answer => return None,
                Outcome::Need(Need::Body { limit, .. })
                    if u64::try_from(body.len()).is_ok_and(|length| length <= limit) =>
                {
                    known.body = Body::Complete(&body);
                }
                Outcome::Need(Need::Body { limit, .. }) => {
                    self.gateway.refuse(call, self.gateway.too_large(limit));
                    return None;
                }
                // Every key set is inline here and every token is there, so there is nothing to fetch.
                Outcome::Need(Need::Keys { .. } | Need::Token { .. }) => known.patience = Patience::Exhausted,
                // Every issuer of one gives a token for whoever it is configured for.
                Outcome::Need(Need::UserToken(question)) => {
                    let exchanged = Exchanged::assumed("token-of-the-caller", moment.unix_ms);
                    self.memory.keep_exchanged(question.name, exchanged);
                }
                Outcome::Need(Need::Introspection(inquiry)) => match self.introspect(&inquiry, moment) {
                    Some(answer) => call.take_introspection(inquiry.name, answer),
                    None => known.patience = Patience::Exhausted,
                },
                // No service is asked here: the script's own counters stand for those of the fleet.
                Outcome::Need(Need::RateLimit(_)) => call.count_alone(),
            }
        }
    }
}

impl ScriptRunner<'_> {
    /// What the token's issuer says of it.
    fn introspect(&self, inquiry: &Inquiry, moment: Moment) -> Option<Introspected> {
        let request = self.gateway.identity().introspection_request(inquiry)?;
        let answer = introspection_answer(&request);
        self.gateway.read_introspection(inquiry, &answer, moment.unix_ms, &moment).ok()
    }
}
