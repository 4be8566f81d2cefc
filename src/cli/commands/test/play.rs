//! Plays one call of a script on the core that runs in Envoy, and compares what came out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use super::cast::{Cast, introspection_answer};
use super::script::{ScriptCall, Send, Want, Wanted};
use crate::config::Config;
use crate::gateway::{Body, Call, Gateway, Known, Memory, Need, Outcome, Patience, Polled, Remote};
use crate::identity::{EngineAnswer, Inquiry, Introspected, KeyRing};
use crate::ledger::MemoryStore;
use crate::request::{Connection, Moment, RequestHead};
use crate::upstream::HeaderPatch;

/// RFC 5737: an address for documentation.
const DEFAULT_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
const DEFAULT_PORT: u64 = 40_000;
/// The name by which callers reach the gateway.
const HOST: &str = "gateway.example";

/// What a script remembers is its own, and nobody aims at it.
const MEMORY_KEY: [u8; 16] = [0; 16];

/// The stage of one script: a gateway, and counters of its own.
pub(super) struct Stage<'a> {
    cast: &'a Cast,
    gateway: &'a Gateway,
    store: MemoryStore,
    ring: KeyRing,
    polled: RefCell<Polled>,
    memory: Memory,
}

/// What became of a call.
pub(super) struct Played {
    pub(super) call: Call,
    pub(super) got: Got,
    pub(super) moment: Moment,
    /// One line per wish that did not come true.
    pub(super) unmet: Vec<String>,
}

/// The decision, as far as a script can want something of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Got {
    pub(super) decision: Wanted,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    /// What only the operator's record says of the denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    pub(super) shadow: Vec<String>,
    #[serde(skip)]
    answer_headers: BTreeMap<String, String>,
    #[serde(skip)]
    upstream_headers: BTreeMap<String, String>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(cast: &'a Cast, gateway: &'a Gateway) -> Self {
        let store = MemoryStore::new();
        gateway.ledger().prepare(&store);
        Self {
            cast,
            gateway,
            store,
            ring: gateway.key_ring(),
            polled: RefCell::new(gateway.polled()),
            memory: gateway.memory(&MEMORY_KEY),
        }
    }

    /// Sends the call as often as it says; the last time counts.
    pub(super) fn play(&self, script: &ScriptCall, unix_seconds: u64) -> Played {
        let moment = Moment { unix_ms: unix_seconds.saturating_mul(1000), entropy: [7; 16] };
        let mut played = self.send(&script.send, moment);
        for _ in 1..script.times.get() {
            played = self.send(&script.send, moment);
        }
        let (call, got) = played;
        Played { unmet: unmet(&script.want, &got), call, got, moment }
    }

    fn send(&self, send: &Send, moment: Moment) -> (Call, Got) {
        let body = send.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let headers = request_headers(self.cast, send, moment.unix_seconds());
        let cluster = send.cluster.clone().or_else(|| routed(self.cast.config(), &send.path));
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
        let patch = self.walk(&mut call, &body, moment);
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
            };
            let _ = self.gateway.accept(&mut polled, remote, empty, moment.unix_ms);
        }
    }

    /// Fetches what a walk needs, as the filter does in Envoy.
    fn walk(&self, call: &mut Call, body: &[u8], moment: Moment) -> Option<HeaderPatch> {
        let polled = self.polled.borrow();
        let mut known = Known {
            moment,
            store: &self.store,
            keys: &self.ring,
            polled: &polled,
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
                // Every key set is inline here, so there is nothing to fetch.
                Outcome::Need(Need::Keys { .. }) => known.patience = Patience::Exhausted,
                Outcome::Need(Need::Introspection(inquiry)) => match self.introspect(&inquiry, moment) {
                    Some(answer) => call.hear(inquiry.name, answer),
                    None => known.patience = Patience::Exhausted,
                },
                // No service is asked here: the script's own counters stand for those of the fleet.
                Outcome::Need(Need::RateLimit(_)) => call.count_alone(),
            }
        }
    }
}

impl Stage<'_> {
    /// What the token's issuer says of it.
    fn introspect(&self, inquiry: &Inquiry, moment: Moment) -> Option<Introspected> {
        let request = self.gateway.identity().introspection_request(inquiry)?;
        let answer = introspection_answer(&request);
        self.gateway.read_introspection(inquiry, &answer, moment.unix_ms, &moment).ok()
    }
}

/// The headers of the call as Envoy shows them to the filter.
pub(super) fn request_headers(cast: &Cast, send: &Send, unix_seconds: u64) -> Vec<(String, String)> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    if send.body.is_some() {
        headers.insert("content-type".to_owned(), "application/json".to_owned());
    }
    headers.extend(send.caller.as_ref().and_then(|caller| cast.credential(caller, unix_seconds)));
    headers.extend(send.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
    let pseudo =
        [(":method", send.method.as_str()), (":path", &send.path), (":authority", HOST), (":scheme", "http")];
    pseudo.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).chain(headers).collect()
}

/// The cluster that the shipped Envoy configuration would route the path to.
fn routed(config: &Config, path: &str) -> Option<String> {
    let prefixed = config.upstreams.iter().filter_map(|upstream| {
        let prefix = upstream.path_prefix.as_deref().unwrap_or_default();
        let rest = path.strip_prefix(prefix)?;
        rest.starts_with(['/', '?']).then_some((prefix.len(), &upstream.cluster))
    });
    prefixed.max_by_key(|(length, _)| *length).map(|(_, cluster)| cluster.clone())
}

fn got(call: &Call, patch: Option<&HeaderPatch>, sent: Vec<(String, String)>, moment: Moment) -> Got {
    let denial = call.denial();
    let answer_headers = match call.answer() {
        Some(answer) => answer.headers.into_iter().collect(),
        None => patched(BTreeMap::new(), &call.answer_patch(std::iter::empty(), moment.unix_ms)),
    };
    Got {
        decision: if denial.is_some() { Wanted::Deny } else { Wanted::Allow },
        status: denial.map(|denial| denial.status()),
        reason: denial.map(|denial| denial.reason().code()),
        rule: denial.and_then(|denial| denial.rule()).map(str::to_owned),
        note: denial.and_then(|denial| denial.note()).map(str::to_owned),
        shadow: call.shadow_denials().into_iter().map(str::to_owned).collect(),
        answer_headers,
        upstream_headers: patch.map(|patch| patched(sent.into_iter().collect(), patch)).unwrap_or_default(),
    }
}

fn patched(mut headers: BTreeMap<String, String>, patch: &HeaderPatch) -> BTreeMap<String, String> {
    for name in patch.removals() {
        headers.remove(name);
    }
    for (name, value) in patch.settings() {
        headers.insert(name.to_owned(), String::from_utf8_lossy(value).into_owned());
    }
    headers
}

fn unmet(want: &Want, got: &Got) -> Vec<String> {
    if want.decision != got.decision {
        // Nothing else can be right then.
        return vec![format!("decision: wanted `{}`, got `{}`", want.decision, got.decision)];
    }
    let mut unmet = Vec::new();
    let mut compare = |what: &str, wanted: Option<String>, got: Option<String>| {
        if wanted.is_some() && wanted != got {
            let present = |text: Option<String>| text.filter(|text| !text.is_empty());
            let quoted = |text| present(text).map_or("none".to_owned(), |text| format!("`{text}`"));
            unmet.push(format!("{what}: wanted {}, got {}", quoted(wanted), quoted(got)));
        }
    };
    compare(
        "status",
        want.status.map(|status| status.to_string()),
        got.status.map(|status| status.to_string()),
    );
    compare("reason", want.reason.clone(), got.reason.map(str::to_owned));
    compare("rule", want.rule.clone(), got.rule.clone());
    compare("shadow", want.shadow.as_ref().map(|shadow| shadow.join(" ")), Some(got.shadow.join(" ")));
    for (name, value) in &want.answer_headers {
        compare(
            &format!("answer header `{name}`"),
            Some(value.clone()),
            got.answer_headers.get(name).cloned(),
        );
    }
    for (name, value) in &want.upstream_headers {
        compare(
            &format!("upstream header `{name}`"),
            Some(value.clone()),
            got.upstream_headers.get(name).cloned(),
        );
    }
    for name in want.upstream_absent.iter().filter(|name| got.upstream_headers.contains_key(*name)) {
        unmet.push(format!("upstream header `{name}`: wanted none, got one"));
    }
    unmet
}
