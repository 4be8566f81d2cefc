//! The closed list of headers that the gateway edits, on requests and on answers.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use crate::dialect::FORMS;
use crate::identity::{CARRIERS, protocols_without_credentials};
use crate::request::{Dialect, RequestHead, is_header};
use crate::secret::Secret;

/// Removed from every request that is forwarded, beside the [`CARRIERS`]: they may hold a credential.
const CREDENTIALS: [&str; 2] = ["cookie", "x-goog-iam-authorization-token"];

/// Removed from every request that is forwarded: they claim an identity.
const IDENTITIES: [&str; 7] = [
    ORGANIZATION,
    PROJECT,
    "x-tenant-id",
    "x-mse-consumer",
    USER_PROJECT,
    "x-goog-iam-authority-selector",
    "x-ms-client-principal",
];

/// Asserted from the principal, where the upstream's entry says so.
pub(super) const ORGANIZATION: &str = "openai-organization";
pub(super) const PROJECT: &str = "openai-project";

/// Set to the upstream's `quota_project`.
pub(super) const USER_PROJECT: &str = "x-goog-user-project";

/// Set where the caller sent none.
pub(super) const ANTHROPIC_VERSION: &str = "anthropic-version";

/// Set where a caller would take a compressed answer, which could not be metered.
pub(super) const ACCEPT_ENCODING: &str = "accept-encoding";

/// Set where the wish for a stream's usage makes a body longer.
const CONTENT_LENGTH: &str = "content-length";

/// Set on every request and every answer.
pub const REQUEST_ID: &str = "x-request-id";

/// May hold a credential among other things.
const PROTOCOLS: &str = "sec-websocket-protocol";

/// Prefixes of our own headers, which a caller must not send.
const OWN_PREFIXES: [&str; 2] = ["x-claimgate-", "claimgate-"];

/// Envoy's router obeys them: one admitted request would be sent several times, or to an address that the caller
/// wrote. The router sets its own when this filter is done.
const ENVOY_PREFIX: &str = "x-envoy-";

/// Removed from every answer: they name the provider account, or keep state on it.
const ANSWER_STRIPPED: [&str; 4] =
    ["openai-organization", "openai-project", "anthropic-organization-id", "set-cookie"];

/// What a request header is to the gateway, which edits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// It may hold the caller's credential, or holds the provider's once the gateway has attached it.
    Credential,
    /// It claims an identity: the caller's is removed, and some are asserted anew.
    Identity,
    /// It steers Envoy's router.
    Steering,
    /// It is set beside them.
    Beside,
}

/// The closed list: `None` for a request header that the gateway never edits. The name is in lower case.
pub fn edited(name: &str) -> Option<Edited> {
    if name.starts_with(':') {
        return None;
    }
    // Some servers take `_` for `-`.
    let is = |known: &&str| is_header(name, known);
    if CARRIERS.iter().chain(&CREDENTIALS).any(is) || is(&PROTOCOLS) {
        Some(Edited::Credential)
    } else if IDENTITIES.iter().any(is) || OWN_PREFIXES.iter().any(|own| begins_with(name, own)) {
        Some(Edited::Identity)
    } else if begins_with(name, ENVOY_PREFIX) {
        Some(Edited::Steering)
    } else {
        let is_beside = [ANTHROPIC_VERSION, ACCEPT_ENCODING, CONTENT_LENGTH, REQUEST_ID].contains(&name);
        (is_beside || FORMS.contains(&name)).then_some(Edited::Beside)
    }
}

/// What providers tell of their own rates begins so: OpenAI's and Azure's headers, Anthropic's, and the drafts of the IETF.
const RATE_PREFIXES: [&str; 4] = ["x-ratelimit-", "anthropic-ratelimit-", "x-rate-limit-", "ratelimit-"];

/// Edits of one message's headers: first the removals, then the settings.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderPatch {
    remove: Vec<String>,
    /// Settings that many messages have in common.
    common: Option<Rc<[Setting]>>,
    set: Vec<Setting>,
}

/// A header and the one value it gets.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Setting {
    name: Cow<'static, str>,
    value: Vec<u8>,
}

impl Setting {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, value: &[u8]) -> Self {
        Self { name: name.into(), value: value.to_vec() }
    }
}

impl HeaderPatch {
    /// Removes what a provider must not see of this request, or of its trailers.
    pub fn stripping(request: &RequestHead) -> Self {
        let mut patch = Self::default();
        for (name, _) in request.headers() {
            let is_stripped =
                matches!(edited(name), Some(Edited::Credential | Edited::Identity | Edited::Steering));
            if is_stripped && name != PROTOCOLS && !patch.remove.iter().any(|removed| removed == name) {
                patch.remove.push(name.to_owned());
            }
        }
        // Several lines are one list (RFC 6455 section 11.3.4), and a header that is set replaces them all.
        let protocols: Vec<_> = request.values(PROTOCOLS).collect();
        if !protocols.is_empty() {
            patch.strip_key_subprotocol(&protocols.join(b", ".as_slice()));
        }
        patch
    }

    /// The patch with these settings before its own.
    pub(super) fn with(self, common: &Rc<[Setting]>) -> Self {
        Self { common: Some(Rc::clone(common)), ..self }
    }

    pub fn set(&mut self, name: &'static str, value: &[u8]) {
        self.set.push(Setting::new(name, value));
    }

    /// A token that was got, where every provider takes one (RFC 6750 section 2.1).
    pub(super) fn set_bearer(&mut self, token: &Secret) {
        self.set.push(bearer(token));
    }

    /// A key, where this provider takes one.
    pub(super) fn set_key(&mut self, place: Place, key: &Secret) {
        self.set.push(place.holding(key));
    }

    /// Asks the provider not to compress its answer, where the request says that it may (RFC 9110 section 12.5.3).
    pub fn ask_for_plain_answer(&mut self, request: &RequestHead) {
        const PLAIN: &[u8] = b"identity";
        if request.values(ACCEPT_ENCODING).any(|codings| codings != PLAIN) {
            self.set(ACCEPT_ENCODING, PLAIN);
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.remove.push(name.to_owned());
    }

    pub fn removals(&self) -> impl Iterator<Item = &str> {
        self.remove.iter().map(String::as_str)
    }

    pub fn settings(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let common = self.common.iter().flat_map(|common| common.iter());
        common.chain(&self.set).map(|Setting { name, value }| (name.as_ref(), value.as_slice()))
    }

    fn strip_key_subprotocol(&mut self, value: &[u8]) {
        let Ok(text) = std::str::from_utf8(value) else {
            return self.remove(PROTOCOLS);
        };
        match protocols_without_credentials(text) {
            kept if kept.is_empty() => self.remove(PROTOCOLS),
            kept => self.set(PROTOCOLS, kept.as_bytes()),
        }
    }
}

/// The header in which a provider wants its credential.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// `Authorization: Bearer`.
    Bearer,
    Header(&'static str),
}

/// Where the provider's API reference wants its credential.
pub(super) fn place(dialect: Dialect, is_openai_compatible: bool) -> Place {
    match dialect {
        Dialect::Azure => Place::Header("api-key"),
        Dialect::Anthropic => Place::Header("x-api-key"),
        // Gemini's OpenAI-compatible operations want a bearer, as OpenAI's do.
        Dialect::Gemini if !is_openai_compatible => Place::Header("x-goog-api-key"),
        // Vertex AI refuses API keys where models answer.
        Dialect::Openai | Dialect::Bedrock | Dialect::Gemini | Dialect::Vertex => Place::Bearer,
    }
}

impl Place {
    pub(super) fn holding(self, secret: &Secret) -> Setting {
        match self {
            Self::Bearer => bearer(secret),
            Self::Header(name) => Setting::new(name, secret.expose()),
        }
    }
}

fn bearer(secret: &Secret) -> Setting {
    Setting::new("authorization", &[b"Bearer ", secret.expose()].concat())
}

/// Names only: a value may be the provider's credential.
impl fmt::Debug for HeaderPatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.settings().map(|(name, _)| name).collect();
        formatter.debug_struct("HeaderPatch").field("remove", &self.remove).field("set", &names).finish()
    }
}

/// True where the request claims an identity or brings a credential, whether or not anybody here reads it.
pub fn claims_identity(request: &RequestHead) -> bool {
    request.headers().any(|(name, _)| matches!(edited(name), Some(Edited::Credential | Edited::Identity)))
}

/// True where the request steers Envoy's router by headers that Envoy has not put there itself.
pub fn steers(request: &RequestHead) -> bool {
    const ENVOYS: [&str; 5] =
        ["external-address", "internal", "peer-metadata", "peer-metadata-id", "decorator-operation"];
    let is_envoys = |name: &str| name.strip_prefix(ENVOY_PREFIX).is_some_and(|name| ENVOYS.contains(&name));
    request.headers().any(|(name, _)| edited(name) == Some(Edited::Steering) && !is_envoys(name))
}

fn is_own(name: &str) -> bool {
    OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// As [`is_header`], of the beginning of a name.
fn begins_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|begin| is_header(begin, prefix))
}

/// What is taken off a provider's answer; its own rate headers are kept apart where ours are added.
pub fn answer_patch<'a>(
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    has_own_rates: bool,
) -> HeaderPatch {
    let mut patch = HeaderPatch::default();
    for (name, value) in headers {
        if ANSWER_STRIPPED.contains(&name) || is_own(name) {
            patch.remove(name);
        } else if name == REQUEST_ID {
            patch.set("x-upstream-request-id", value);
        } else if has_own_rates && let Some(rate) = rate(name) {
            patch.remove(name);
            patch.set.push(Setting::new(format!("x-upstream-ratelimit-{rate}"), value));
        }
    }
    patch
}

/// What is taken off the trailers of an answer.
pub fn trailer_patch<'a>(trailers: impl Iterator<Item = (&'a str, &'a [u8])>) -> HeaderPatch {
    let mut patch = HeaderPatch::default();
    for (name, _) in trailers {
        if ANSWER_STRIPPED.contains(&name) || is_own(name) || name == REQUEST_ID {
            patch.remove(name);
        }
    }
    patch
}

/// What a provider's own header says of its rates.
fn rate(name: &str) -> Option<&str> {
    RATE_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))
}

/// RFC 9110 section 5.5: visible ASCII and inner blanks.
pub(super) fn is_value(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}
