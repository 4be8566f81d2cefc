//! What policy authors write beside their rules: `*.test.yaml`, calls and what is wanted of them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::anomaly::AssumedAnomaly;
use crate::cli::commands::test::caller::Caller;
use crate::config::Timestamp;

/// Monday 2026-01-05T12:00:00Z: an ordinary working hour, so that a script says `at` only where time matters.
const DEFAULT_TIME: u64 = 1_767_614_400;

/// One file. Its calls are made in order, on counters of their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Script {
    /// The rule or quota that the script is about.
    #[serde(default)]
    pub(in crate::cli) policy: Option<String>,
    /// Also run on the compiled filter in a real Envoy; such a script has neither `at` nor `from`.
    #[serde(default)]
    pub(in crate::cli) live: bool,
    pub(in crate::cli) calls: Vec<ScriptCall>,
}

/// One request and what is wanted of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct ScriptCall {
    /// One sentence that says what is shown; the test's name.
    pub(in crate::cli) note: String,
    /// When it happens. Default: Monday 2026-01-05T12:00:00Z; now where the script is `live`.
    #[serde(default)]
    pub(in crate::cli) at: Option<Timestamp>,
    pub(in crate::cli) send: Send,
    /// How often it is sent; `want` is about the last time.
    #[serde(default = "once")]
    pub(in crate::cli) times: NonZeroU32,
    pub(in crate::cli) want: Want,
}

/// The request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Send {
    /// Whose credential is sent; absent: none.
    #[serde(default, rename = "as")]
    pub(in crate::cli) caller: Option<Caller>,
    #[serde(default = "post")]
    pub(in crate::cli) method: String,
    /// With the query, as the caller sends it.
    pub(in crate::cli) path: String,
    #[serde(default)]
    pub(in crate::cli) headers: BTreeMap<String, String>,
    /// Sent as JSON.
    #[serde(default)]
    pub(in crate::cli) body: Option<Value>,
    /// The client's address. Default: 192.0.2.10.
    #[serde(default)]
    pub(in crate::cli) from: Option<IpAddr>,
    /// What is unusual about it. Default: what the calls before make it.
    #[serde(default)]
    pub(in crate::cli) anomaly: Option<AssumedAnomaly>,
    /// The Envoy cluster. Default: the upstream with the longest `path_prefix` that the path has.
    #[serde(default)]
    pub(in crate::cli) cluster: Option<String>,
}

/// What is wanted. Only what is written is compared.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Want {
    pub(in crate::cli) decision: Wanted,
    /// The HTTP status of a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) status: Option<u32>,
    /// The reason code of a denial, such as `insufficient_scope`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) reason: Option<String>,
    /// The rule or quota that denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) rule: Option<String>,
    /// Headers of the answer that the caller gets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::cli) answer_headers: BTreeMap<String, String>,
    /// Headers that reach the provider. A provider credential is `provider-credential-of-` and the name of
    /// its environment variable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::cli) upstream_headers: BTreeMap<String, String>,
    /// Headers that do not reach the provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) upstream_absent: Vec<String>,
    /// The rules and quotas in shadow mode that would have denied, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) shadow: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum Wanted {
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

impl ScriptCall {
    /// The name of the call: its note on one line.
    pub(in crate::cli) fn name(&self) -> String {
        on_one_line(&self.note)
    }

    /// The moment of the call, in Unix seconds: its own, else the one that is asked for, else the clock's where it is live.
    pub(in crate::cli) fn seconds(&self, script: &Script, (asked, clock): (Option<u64>, u64)) -> u64 {
        let default = asked.unwrap_or(if script.live { clock } else { DEFAULT_TIME });
        self.at.and_then(|at| u64::try_from(at.unix_seconds()).ok()).unwrap_or(default)
    }
}

/// A text without what blanks and ends of lines it is written with.
pub(in crate::cli) fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn once() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn post() -> String {
    "POST".to_owned()
}
