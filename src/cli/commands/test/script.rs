//! What policy authors write beside their rules: `*.test.yaml`, calls and what is wanted of them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::assumed::AssumedAnomaly;
use super::caller::Caller;
use super::cast::Cast;
use crate::cli::document::{ReadError, Segment};
use crate::config::Timestamp;

/// One file. Its calls are played in order, on counters of their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// The rule or quota that the script is about.
    #[serde(default)]
    pub(super) policy: Option<String>,
    /// Also played on the compiled filter in a real Envoy; such a script has neither `at` nor `from`.
    #[serde(default)]
    pub(super) live: bool,
    pub(super) calls: Vec<ScriptCall>,
}

/// One request and what is wanted of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScriptCall {
    /// One sentence that says what is shown; the test's name.
    pub(super) note: String,
    /// When it happens. Default: Monday 2026-01-05T12:00:00Z; now where the script is `live`.
    #[serde(default)]
    pub(super) at: Option<Timestamp>,
    pub(super) send: Send,
    /// How often it is sent; `want` is about the last time.
    #[serde(default = "once")]
    pub(super) times: NonZeroU32,
    pub(super) want: Want,
}

/// The request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    /// Whose credential is sent; absent: none.
    #[serde(default, rename = "as")]
    pub(super) caller: Option<Caller>,
    #[serde(default = "post")]
    pub(super) method: String,
    /// With the query, as the caller sends it.
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// Sent as JSON.
    #[serde(default)]
    pub(super) body: Option<Value>,
    /// The client's address. Default: 192.0.2.10.
    #[serde(default)]
    pub(super) from: Option<IpAddr>,
    /// What is unusual about it. Default: what the calls before make it.
    #[serde(default)]
    pub(super) anomaly: Option<AssumedAnomaly>,
    /// The Envoy cluster. Default: the upstream with the longest `path_prefix` that the path has.
    #[serde(default)]
    pub(super) cluster: Option<String>,
}

/// What is wanted. Only what is written is compared.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Want {
    pub(super) decision: Wanted,
    /// The HTTP status of a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u32>,
    /// The reason code of a denial, such as `insufficient_scope`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The rule or quota that denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    /// Headers of the answer that the caller gets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) answer_headers: BTreeMap<String, String>,
    /// Headers that reach the provider. A provider credential is `provider-credential-of-` and the name of
    /// its environment variable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) upstream_headers: BTreeMap<String, String>,
    /// Headers that do not reach the provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) upstream_absent: Vec<String>,
    /// The rules and quotas in shadow mode that would have denied, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shadow: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wanted {
    Allow,
    Deny,
}

impl fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        })
    }
}

fn once() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn post() -> String {
    "POST".to_owned()
}

impl Script {
    /// Refuses what cannot be played with this cast, or says nothing.
    ///
    /// # Errors
    /// The first name that the configuration does not have, or wish that could never come true.
    pub(super) fn suits(&self, cast: &Cast) -> Result<(), ReadError> {
        if let Some(policy) = self.policy.as_deref()
            && !cast.rules_and_quotas().any(|id| id == policy)
        {
            return Err(trouble(
                "policy",
                format!("there is no rule or quota `{policy}` in the configuration"),
            ));
        }
        if self.calls.is_empty() {
            return Err(trouble("calls", "the list is empty; write at least one call".to_owned()));
        }
        self.calls.iter().enumerate().try_for_each(|(index, call)| {
            call.suits(cast, self.live)
                .map_err(|(field, why)| trouble(&format!("calls[{index}].{field}"), why))
        })
    }
}

impl ScriptCall {
    fn suits(&self, cast: &Cast, live: bool) -> Result<(), (&'static str, String)> {
        let refuse = |field, why: &str| Err((field, why.to_owned()));
        if live && self.at.is_some() {
            return refuse("at", "a real Envoy has its own clock; leave `live` or `at` out");
        }
        if live && self.send.from.is_some() {
            return refuse("send.from", "a real Envoy sees the real address; leave `live` or `from` out");
        }
        if live && self.send.anomaly.is_some() {
            return refuse("send.anomaly", "a real Envoy finds out itself; leave `live` or `anomaly` out");
        }
        if self.send.anomaly.is_some() && cast.config().anomalies.is_none() {
            return refuse(
                "send.anomaly",
                "the configuration tells nothing of callers' past; write `anomalies: {}` there",
            );
        }
        if live && self.send.cluster.is_some() {
            return refuse("send.cluster", "a real Envoy routes by the path; leave `live` or `cluster` out");
        }
        if !self.send.path.starts_with('/') {
            return Err(("send.path", format!("`{}` is not a path; begin it with `/`", self.send.path)));
        }
        if let Some(caller) = &self.send.caller {
            caller.suits(cast)?;
        }
        let want = &self.want;
        match want.decision {
            Wanted::Allow if want.status.is_some() => {
                refuse("want.status", "the status of an allowed call is the provider's; leave it out")
            }
            Wanted::Allow if want.reason.is_some() => {
                refuse("want.reason", "only a denial has a reason; leave it out")
            }
            Wanted::Allow if want.rule.is_some() => {
                refuse("want.rule", "only a denial has a rule; leave it out")
            }
            Wanted::Deny if !want.upstream_headers.is_empty() => {
                refuse("want.upstream_headers", "a denied call does not reach the provider; leave it out")
            }
            Wanted::Deny if !want.upstream_absent.is_empty() => {
                refuse("want.upstream_absent", "a denied call does not reach the provider; leave it out")
            }
            Wanted::Deny if want.reason.is_none() => refuse(
                "want.reason",
                "a denial without its reason proves little; write the one you want, such as `insufficient_scope`",
            ),
            Wanted::Allow | Wanted::Deny => Ok(()),
        }
    }
}

impl Caller {
    fn suits(&self, cast: &Cast) -> Result<(), (&'static str, String)> {
        match (&self.key, &self.issuer) {
            (Some(_), None) if !self.claims.is_empty() => {
                Err(("send.as.claims", "a key has no claims; name an issuer".to_owned()))
            }
            (Some(key), None) if !cast.has_key(key) => {
                Err(("send.as.key", format!("there is no key `{key}` in the configuration")))
            }
            (None, Some(issuer)) if !cast.has_issuer(issuer) => {
                Err(("send.as.issuer", format!("there is no issuer `{issuer}` in the configuration")))
            }
            (Some(_), None) | (None, Some(_)) => Ok(()),
            (None, None) | (Some(_), Some(_)) => Err((
                "send.as",
                "write either `key` or `issuer`; leave `as` out to send no credential".to_owned(),
            )),
        }
    }
}

fn trouble(path: &str, why: String) -> ReadError {
    ReadError { path: Segment::parse(path), why }
}
