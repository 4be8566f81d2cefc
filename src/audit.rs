//! One record per request: who, on whose behalf, what, which rule decided, and how it ended.
//!
//! Names follow OpenTelemetry's semantic conventions (`gen_ai.*`, `http.*`, `url.*`, `client.*`) where those
//! have one. A record holds ids of credentials, never credentials; the path is recorded without its query.

mod bill;
mod spent;
mod unusual;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::anomaly::AnomalyKind;

pub use bill::{Bill, BillItem, QuotaTally};
pub use spent::{Price, Spent};
pub use unusual::Unusual;

/// As much as most records have of their own, in bytes.
const OWN_BYTES: usize = 512;

/// How a decision came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Allow,
    Deny,
    /// A request of the `open` list, which needs no credential.
    Open,
    /// The request ended before it was decided.
    Undecided,
}

impl Decision {
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Open => "open",
            Self::Undecided => "undecided",
        }
    }
}

/// Who gave the answer that the caller got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// This filter: it refused, or it gave a token.
    Gateway,
    /// Envoy answered itself: no connection to the provider, a timeout, a direct response.
    Envoy,
    Provider,
    /// The caller was gone before there was an answer.
    Nobody,
}

/// The audit record of one request: what happened, and of whom and what it speaks.
#[derive(Clone, Debug, Serialize)]
pub struct Record<'a> {
    /// RFC 3339, UTC, when the request's headers arrived.
    pub time: String,
    #[serde(rename = "claimgate.decision")]
    pub decision: Decision,
    #[serde(rename = "claimgate.reason", skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    #[serde(rename = "claimgate.rule", skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
    /// For the operator: what the caller was not told.
    #[serde(rename = "claimgate.note", skip_serializing_if = "Option::is_none")]
    pub note: Option<&'a str>,
    #[serde(rename = "claimgate.decision_id")]
    pub decision_id: &'a str,
    #[serde(rename = "claimgate.request_id")]
    pub request_id: &'a str,
    #[serde(rename = "claimgate.answered_by")]
    pub answered_by: AnsweredBy,
    /// OpenTelemetry's `error.type`: the reason code of a refusal, ours or Envoy's, or the status of a provider's.
    #[serde(rename = "error.type", skip_serializing_if = "Option::is_none")]
    pub error_type: Option<Cow<'static, str>>,
    /// True where the exchange was cut off: the caller left, or the provider did in the middle of an answer.
    #[serde(rename = "claimgate.aborted")]
    pub aborted: bool,
    #[serde(rename = "claimgate.duration_ms")]
    pub duration_ms: u64,
    #[serde(rename = "claimgate.shadow_denials", skip_serializing_if = "Vec::is_empty")]
    pub shadow_denials: Vec<&'a str>,
    /// The quotas of the rate limit service that this Envoy counted alone, because that did not answer.
    #[serde(rename = "claimgate.counted_alone", skip_serializing_if = "Vec::is_empty")]
    pub counted_alone: Vec<&'a str>,
    /// The provider's own request id, for its support.
    #[serde(rename = "claimgate.upstream.request_id", skip_serializing_if = "Option::is_none")]
    pub provider_request_id: Option<&'a str>,
    #[serde(rename = "http.response.status_code", skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// The token that was given: the `claimgate.credential.id` of the requests that it is used for.
    #[serde(rename = "claimgate.token.id", skip_serializing_if = "Option::is_none")]
    pub token_id: Option<&'a str>,
    /// Whose principal that token has.
    #[serde(rename = "claimgate.token.subject", skip_serializing_if = "Option::is_none")]
    pub token_subject: Option<&'a str>,
    /// When it ends, in Unix seconds.
    #[serde(rename = "claimgate.token.expires_at", skip_serializing_if = "Option::is_none")]
    pub token_expires_at: Option<u64>,
    #[serde(rename = "client.address", skip_serializing_if = "Option::is_none")]
    pub client_address: Option<&'a str>,
}

/// The part of a record that is the same for all calls of one caller by one path.
#[derive(Clone, Debug, Serialize)]
pub struct Subject<'a> {
    #[serde(rename = "claimgate.principal.kind", skip_serializing_if = "Option::is_none")]
    pub principal_kind: Option<&'a str>,
    #[serde(rename = "claimgate.principal.subject", skip_serializing_if = "Option::is_none")]
    pub subject: Option<&'a str>,
    #[serde(rename = "claimgate.principal.issuer", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<&'a str>,
    #[serde(rename = "claimgate.principal.tenant", skip_serializing_if = "Option::is_none")]
    pub tenant: Option<&'a str>,
    #[serde(rename = "claimgate.principal.project", skip_serializing_if = "Option::is_none")]
    pub project: Option<&'a str>,
    #[serde(rename = "claimgate.principal.service_account", skip_serializing_if = "Option::is_none")]
    pub service_account: Option<&'a str>,
    #[serde(rename = "claimgate.principal.client", skip_serializing_if = "Option::is_none")]
    pub client: Option<&'a str>,
    #[serde(rename = "claimgate.principal.actor", skip_serializing_if = "Option::is_none")]
    pub actor: Option<&'a str>,
    /// The id of the API key, or the token's `jti`.
    #[serde(rename = "claimgate.credential.id", skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<&'a str>,
    /// Of a token that this gateway gave: the ids of the credentials that it was got with.
    #[serde(rename = "claimgate.credential.parents", skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<&'a str>,
    /// What whoever sent the credential had to hold, too; where the call was let through, it was proven.
    #[serde(rename = "claimgate.credential.bound_by", skip_serializing_if = "Vec::is_empty")]
    pub bound_by: Vec<&'a str>,
    #[serde(rename = "claimgate.upstream.cluster", skip_serializing_if = "Option::is_none")]
    pub cluster: Option<&'a str>,
    #[serde(rename = "gen_ai.provider.name", skip_serializing_if = "Option::is_none")]
    pub provider: Option<&'a str>,
    #[serde(rename = "gen_ai.operation.name", skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'a str>,
    #[serde(rename = "gen_ai.request.model", skip_serializing_if = "Option::is_none")]
    pub model: Option<&'a str>,
    #[serde(rename = "http.request.method")]
    pub method: &'a str,
    #[serde(rename = "url.path")]
    pub path: &'a str,
}

impl Subject<'_> {
    /// One object of JSON.
    pub fn json(&self) -> String {
        json(self, OWN_BYTES).unwrap_or_default()
    }
}

impl Record<'_> {
    /// One line of JSON, with the members of `others`, which are objects too.
    pub fn line<'a>(&self, others: impl Iterator<Item = &'a str> + Clone) -> String {
        let room = others.clone().fold(OWN_BYTES, |room, other| room.saturating_add(other.len()));
        let Some(mut line) = json(self, room) else {
            return format!(
                "{{\"claimgate.decision\":\"{}\",\"claimgate.note\":\"the record cannot be written\"}}",
                self.decision.name()
            );
        };
        for other in others {
            // Neither of them is empty.
            if let Some(members) = other.strip_prefix('{').filter(|_| line.ends_with('}')) {
                line.pop();
                line.push(',');
                line.push_str(members);
            }
        }
        line
    }
}

/// The counter of one kind of anomaly; the shipped `stats_tags` make a label of the kind.
pub fn anomaly_counter(kind: AnomalyKind) -> String {
    format!("claimgate.anomalies.kind.{}", kind.name())
}

/// As `serde_json::to_string`, but that the text does not move as it grows to this size.
fn json(value: &impl Serialize, room: usize) -> Option<String> {
    let mut bytes = Vec::with_capacity(room);
    serde_json::to_writer(&mut bytes, value).ok()?;
    String::from_utf8(bytes).ok()
}

/// What one counter in Envoy's stats stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tally {
    pub decision: &'static str,
    pub reason: &'static str,
    pub dialect: &'static str,
    pub tenant: String,
}

impl Tally {
    /// The name of the counter; the shipped `stats_tags` turn its parts into Prometheus labels.
    pub fn counter(&self) -> String {
        format!(
            "claimgate.decisions.decision.{}.reason.{}.dialect.{}.tenant.{}",
            self.decision, self.reason, self.dialect, self.tenant
        )
    }
}

/// A tenant as a metric label: what could split the name of a counter is replaced.
pub fn label(tenant: &str) -> String {
    let plain =
        |character: char| if character.is_ascii_alphanumeric() || character == '-' { character } else { '_' };
    tenant.chars().take(64).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::{AnsweredBy, Decision, Tally, label};

    #[test]
    fn a_label_holds_nothing_that_splits_a_counters_name() {
        for (tenant, want, note) in [
            ("acme-1", "acme-1", "a plain one"),
            ("a.b", "a_b", "a point"),
            ("a b/ü", "a_b__", "blanks, slashes and letters beyond ASCII"),
            ("a\nb", "a_b", "a line break"),
            ("", "", "nothing"),
        ] {
            assert_eq!(label(tenant), want, "{note}");
        }
        assert_eq!(label(&"ä".repeat(100)), "_".repeat(64), "a long one is cut");
        let tally =
            Tally { decision: "deny", reason: "key_unknown", dialect: "openai", tenant: label("a.b") };
        let name = "claimgate.decisions.decision.deny.reason.key_unknown.dialect.openai.tenant.a_b";
        assert_eq!(tally.counter(), name);
    }

    #[test]
    fn the_words_of_records_and_metrics_are_the_same() {
        for decision in [Decision::Allow, Decision::Deny, Decision::Open, Decision::Undecided] {
            assert_eq!(serde_json::to_value(decision).unwrap(), decision.name());
        }
        for (answered_by, want) in [
            (AnsweredBy::Gateway, "gateway"),
            (AnsweredBy::Envoy, "envoy"),
            (AnsweredBy::Provider, "provider"),
            (AnsweredBy::Nobody, "nobody"),
        ] {
            assert_eq!(serde_json::to_value(answered_by).unwrap(), want);
        }
    }
}
