//! The whole configuration, and what of it is no section of its own.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::de::{IoRead, SliceRead};

use super::anomalies::AnomalySettings;
use super::credentials::{Credential, ServedFile};
use super::error::ConfigError;
use super::identity::{Discovery, Dpop, Issuer, Key, KeyFeed, Revocations, Tokens, shared_keys};
use super::metering::Metering;
use super::own_keys::OwnKeys;
use super::prices::Prices;
use super::quotas::Quota;
use super::rate_limit_service::RateLimitService;
use super::reading::read;
use super::record::RecordSettings;
use super::rules::Rule;
use super::upstreams::{Open, Upstream};
use super::values::{ByteSize, Span};

/// Everything one gateway enforces. Unknown fields are errors.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
// It has more than a dozen fields: one for each section of `gateway.yaml`.
pub struct Config {
    /// What the host can hold back while a decision is pending. `headers_and_body` needs
    /// `allow_on_headers_stop_iteration: true` in Envoy's plugin configuration, which `claimgate bundle` writes; a dynamic
    /// module always can.
    #[serde(default)]
    pub hold: Hold,
    /// Where the provider's credential goes on; see `docs/credentials.md`.
    #[serde(default)]
    pub attach: Attach,
    /// A request held longer than this is refused with 503 `hold_timeout`.
    #[serde(default = "Span::five_seconds")]
    pub hold_timeout: Span,
    /// Where `source.address` comes from; needed as soon as there are `anomalies`, a key has `cidrs` or a rule reads `source`. The record has
    /// `client.address` where it is set.
    #[serde(default)]
    pub client_address: Option<ClientAddress>,
    /// The largest request body that is read for a rule; a longer one is refused with 413. `128MiB` at most. Envoy's
    /// `request_body_buffer_limit` must be 2 MiB above it.
    #[serde(default = "ByteSize::thirty_two_mebibytes")]
    pub body_limit: ByteSize,
    /// How much of a form (an upload of audio or of images) is held until its fields have come, which may stand behind the
    /// file; a form that lacks them until then is refused with 413. A form that begins with its fields is not held. Default:
    /// `52MiB`, or `body_limit` where that is more, or was made less than its own default.
    #[serde(default)]
    pub form_limit: Option<ByteSize>,
    /// How much each worker holds of requests that wait, for their bodies or for what somebody else says: headers, bodies and
    /// 16 KiB for each. What does not fit is refused with 503 `overloaded`. Those who are not known yet have half of it. Default:
    /// `256MiB`, or four times `held_bytes_per_caller` where that is more.
    #[serde(default)]
    pub held_bytes: Option<ByteSize>,
    /// How much of that one caller may have, or one source of requests whose caller is not known yet; one request always has
    /// room. Default: `48MiB`, or `body_limit` where that is more.
    #[serde(default)]
    pub held_bytes_per_caller: Option<ByteSize>,
    /// Requests that need no credential, such as probes. They never get a provider credential; one that brings a credential, an identity header, a cookie, a body or an upgrade is judged as any other.
    #[serde(default)]
    pub open: Vec<Open>,
    /// API keys, by the SHA-256 of the key.
    #[serde(default, deserialize_with = "shared_keys")]
    pub keys: Vec<Arc<Key>>,
    /// Issuers whose JWTs are accepted.
    #[serde(default)]
    pub issuers: Vec<Issuer>,
    /// Lists of credentials that are refused although they have not expired.
    #[serde(default)]
    pub revocations: Vec<Revocations>,
    /// Documents of API keys beside those of `keys`. A feed with an entry whose id or hash another key has is refused as a
    /// whole, and its last good one stays.
    #[serde(default)]
    pub key_feeds: Vec<KeyFeed>,
    /// What the gateway tells of itself. Absent: nothing.
    #[serde(default)]
    pub discovery: Option<Discovery>,
    /// How callers prove that they hold the key that their credential is bound to.
    #[serde(default)]
    pub dpop: Option<Dpop>,
    /// Short-lived tokens that the gateway gives to its callers. Absent: it gives none.
    #[serde(default)]
    pub tokens: Option<Tokens>,
    /// The URLs by which callers know the gateway, such as `https://ai-gateway.example`, with the path that a proxy before
    /// Envoy takes off, if one does. URLs of the provider's in answers become URLs of the one that the caller has used.
    /// Default: those of `dpop`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_origins: Vec<String>,
    /// Expressions (CEL) with a name, which rules, quotas and each other read as `variables.<name>`. One without a value for a
    /// call is absent there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// The rules, all of which must hold. An empty list is an error.
    pub policies: Vec<Rule>,
    /// Where quotas with `engine: global` are counted.
    #[serde(default)]
    pub rate_limit_service: Option<RateLimitService>,
    /// The quotas, all of which must have room.
    #[serde(default)]
    pub quotas: Vec<Quota>,
    /// What is told of callers against their own recent past. Absent: nothing.
    #[serde(default)]
    pub anomalies: Option<AnomalySettings>,
    /// What model tokens cost. Absent: nothing is told in money.
    #[serde(default)]
    pub prices: Option<Prices>,
    /// Files that Envoy serves to the gateway, for credentials that are proven by what lies in one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ServedFile>,
    /// Credentials at providers that the gateway gets and renews, for `from` in `upstreams`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<Credential>,
    /// Users' own keys for providers, sealed by the gateway. Absent: it seals none, and takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_keys: Option<OwnKeys>,
    /// One entry per Envoy cluster that leads to a provider. A cluster without an entry is refused.
    pub upstreams: Vec<Upstream>,
    /// What is read of the providers' answers.
    #[serde(default)]
    pub metering: Metering,
    #[serde(default, skip_serializing_if = "RecordSettings::is_empty")]
    pub record: RecordSettings,
    /// How many verified credentials each worker remembers, at most; `0` verifies each every time. One is forgotten
    /// when it expires, and when its issuer's keys change.
    #[serde(default = "default_credential_cache")]
    pub credential_cache: u32,
    /// How many tenants get a metric label of their own in each worker; the others are counted as `other`.
    #[serde(default = "default_metric_tenants")]
    pub metric_tenants: u32,
}

/// How much of a request the host can hold back.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    #[default]
    HeadersAndBody,
    /// Istio's WasmPlugin and Envoy Gateway: rules that read the body are a configuration error.
    Headers,
}

/// Where the provider's credential goes on.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Attach {
    /// In the listener's filter chain, together with the decision.
    #[default]
    InChain,
    /// By the same module as an HTTP filter of the cluster, which sees the cluster really chosen and every
    /// retry, and refuses a request whose permit names another one.
    AtCluster,
}

/// Whether the client's address is the socket's peer or what trusted proxies forwarded.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClientAddress {
    /// The peer of the connection; an address that came from a header (port 0) is refused.
    Peer,
    /// The address Envoy derives from `x-forwarded-for`, for a gateway behind trusted proxies.
    Forwarded,
}

fn default_metric_tenants() -> u32 {
    200
}

fn default_credential_cache() -> u32 {
    1000
}

const BUNDLE: &str = "bundle";

impl Config {
    /// Reads the JSON bundle that `claimgate bundle` wrote.
    ///
    /// # Errors
    /// The path of the first field that is unknown, missing or of the wrong shape.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ConfigError> {
        read(SliceRead::new(bytes), BUNDLE)
    }

    /// Reads the same bundle as it comes, so that it need not be in memory as a whole.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    pub fn from_reader(reader: impl io::Read) -> Result<Self, ConfigError> {
        read(IoRead::new(reader), BUNDLE)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use serde_json::{Value, json, to_string};

    use super::{Config, ConfigError};

    #[test]
    fn an_error_is_one_line_whatever_is_quoted() {
        for (bundle, quoted) in
            [(r#"{"hold":"a\nb\u001b"}"#, r"`a\nb\u{1b}`"), (r#"{"hold":"headers","a\r\nb":1}"#, r"`a\r\nb`")]
        {
            let error = Config::from_json(bundle.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(quoted) && !error.contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn a_bundle_is_read_alike_as_it_comes_and_as_a_whole() {
        let hash = format!("sha256:{}", "0".repeat(64));
        let key = |hash: &str| json!({ "id": "k", "hash": hash, "project": "p", "service_account": "s" });
        let bundle = |keys: Value| json!({ "keys": keys, "policies": [], "upstreams": [] }).to_string();
        for (bundle, want) in [
            (bundle(json!([key(&hash)])), None),
            (bundle(json!([key(&hash), key("cgk_secret")])), Some("keys[1].hash")),
            (bundle(json!([{ "id": "k", "hsah": hash }])), Some("keys[0].hsah")),
            (bundle(json!({})), Some("keys")),
            (bundle(json!([])) + "{}", Some("bundle")),
            ("{\"keys\":[".to_owned(), Some("keys")),
        ] {
            // The columns of the two differ by one where a text ends in an error.
            let told = |read: Result<Config, ConfigError>| match read {
                Ok(config) => Ok(to_string(&config).unwrap()),
                Err(error) => Err(error.at),
            };
            let whole = told(Config::from_json(bundle.as_bytes()));
            // Of two bytes at a time, no text comes as a whole.
            let pieces = BufReader::with_capacity(2, bundle.as_bytes());
            assert_eq!(told(Config::from_reader(pieces)), whole, "{bundle}");
            assert_eq!(whole.err().as_deref(), want, "{bundle}");
        }
    }
}
