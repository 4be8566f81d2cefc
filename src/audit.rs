//! One record per request: who, on whose behalf, what, which rule decided, and how it ended.
//!
//! Names follow OpenTelemetry's semantic conventions (`gen_ai.*`, `http.*`, `url.*`, `client.*`) where those
//! have one. A record holds ids of credentials, never credentials; the path is recorded without its query.

mod bill;
mod labels;
mod truncated_text;
mod line;
mod spent;
mod unusual;
mod upstream_credential;

use std::borrow::Cow;

use serde::Deserialize;

pub use bill::{Bill, BillItem, QuotaTally};
pub use labels::Labels;
pub use line::{Line, Members};
pub use spent::{Price, Spent};
pub use unusual::Unusual;
pub use upstream_credential::UpstreamCredential;

/// How a decision came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    /// This filter: it refused, or it gave a token.
    Gateway,
    /// Envoy answered itself: no connection to the provider, a timeout, a direct response.
    Envoy,
    Provider,
    /// The caller was gone before there was an answer.
    Nobody,
}

impl AnsweredBy {
    fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Envoy => "envoy",
            Self::Provider => "provider",
            Self::Nobody => "nobody",
        }
    }
}

/// The audit record of one request: what happened, and of whom and what it speaks.
#[derive(Clone, Debug)]
// It has more than a dozen fields: one for each member of the line.
pub struct Record<'a> {
    /// RFC 3339, UTC, when the request's headers arrived.
    pub time: String,
    pub decision: Decision,
    pub reason: Option<&'a str>,
    pub rule: Option<&'a str>,
    /// For the operator: what the caller was not told.
    pub note: Option<&'a str>,
    pub decision_id: &'a str,
    pub request_id: &'a str,
    pub answered_by: AnsweredBy,
    /// OpenTelemetry's `error.type`: the reason code of a refusal, ours or Envoy's, or the status of a provider's.
    pub error_type: Option<Cow<'static, str>>,
    /// True where the exchange was cut off: the caller left, or the provider did in the middle of an answer.
    pub aborted: bool,
    pub duration_ms: u64,
    pub shadow_denials: Vec<&'a str>,
    /// The quotas of the rate limit service that this Envoy counted alone, because that did not answer.
    pub counted_alone: Vec<&'a str>,
    /// The provider's own request id, for its support.
    pub provider_request_id: Option<&'a str>,
    pub status: Option<u32>,
    /// The token that was given: the `claimgate.credential.id` of the requests that it is used for.
    pub token_id: Option<&'a str>,
    /// Whose principal that token has.
    pub token_subject: Option<&'a str>,
    /// When it ends, in Unix seconds.
    pub token_expires_at: Option<u64>,
    /// The key that was sealed: the `claimgate.upstream.credential.key_id` of the requests that it is used for.
    pub sealed_key_id: Option<&'a str>,
    /// When it ends, in Unix seconds.
    pub sealed_key_expires_at: Option<u64>,
    pub client_address: Option<&'a str>,
    /// How long the request waited for a token of the gateway's own.
    pub upstream_wait_ms: Option<u64>,
}

/// The part of a record that is the same for all calls of one caller by one path.
#[derive(Clone, Debug)]
// It has more than a dozen fields: one for each member of the line.
pub struct Subject<'a> {
    pub principal_kind: Option<&'a str>,
    pub subject: Option<&'a str>,
    pub issuer: Option<&'a str>,
    pub tenant: Option<&'a str>,
    pub project: Option<&'a str>,
    pub service_account: Option<&'a str>,
    pub client: Option<&'a str>,
    pub actor: Option<&'a str>,
    /// The id of the API key, or the token's `jti`.
    pub credential_id: Option<&'a str>,
    /// Of a token that this gateway gave: the ids of the credentials that it was got with.
    pub parents: Vec<&'a str>,
    /// What whoever sent the credential had to hold, too; where the call was let through, it was proven.
    pub bound_by: Vec<&'a str>,
    pub cluster: Option<&'a str>,
    pub provider: Option<&'a str>,
    pub operation: Option<&'a str>,
    pub model: Option<&'a str>,
    pub method: &'a str,
    pub path: &'a str,
}

impl Record<'_> {
    pub fn write(&self, line: &mut Line) {
        line.put([
            ("time", self.time.as_str().into()),
            ("claimgate.decision", self.decision.name().into()),
            ("claimgate.reason", self.reason.into()),
            ("claimgate.rule", self.rule.into()),
            ("claimgate.note", self.note.into()),
            ("claimgate.decision_id", self.decision_id.into()),
            ("claimgate.request_id", self.request_id.into()),
            ("claimgate.answered_by", self.answered_by.name().into()),
            ("error.type", self.error_type.as_deref().into()),
            ("claimgate.aborted", self.aborted.into()),
            ("claimgate.duration_ms", self.duration_ms.into()),
            ("claimgate.shadow_denials", self.shadow_denials.as_slice().into()),
            ("claimgate.counted_alone", self.counted_alone.as_slice().into()),
            ("claimgate.upstream.request_id", self.provider_request_id.into()),
            ("http.response.status_code", self.status.into()),
            ("claimgate.token.id", self.token_id.into()),
            ("claimgate.token.subject", self.token_subject.into()),
            ("claimgate.token.expires_at", self.token_expires_at.into()),
            ("claimgate.provider_key.id", self.sealed_key_id.into()),
            ("claimgate.provider_key.expires_at", self.sealed_key_expires_at.into()),
            ("client.address", self.client_address.into()),
            ("claimgate.upstream.credential.wait_ms", self.upstream_wait_ms.into()),
        ]);
    }
}

impl Subject<'_> {
    pub fn write(&self, line: &mut Line) {
        line.put([
            ("claimgate.principal.kind", self.principal_kind.into()),
            ("claimgate.principal.subject", self.subject.into()),
            ("claimgate.principal.issuer", self.issuer.into()),
            ("claimgate.principal.tenant", self.tenant.into()),
            ("claimgate.principal.project", self.project.into()),
            ("claimgate.principal.service_account", self.service_account.into()),
            ("claimgate.principal.client", self.client.into()),
            ("claimgate.principal.actor", self.actor.into()),
            ("claimgate.credential.id", self.credential_id.into()),
            ("claimgate.credential.parents", self.parents.as_slice().into()),
            ("claimgate.credential.bound_by", self.bound_by.as_slice().into()),
            ("claimgate.upstream.cluster", self.cluster.into()),
            ("gen_ai.provider.name", self.provider.into()),
            ("gen_ai.operation.name", self.operation.into()),
            ("gen_ai.request.model", self.model.into()),
            ("http.request.method", self.method.into()),
            ("url.path", self.path.into()),
        ]);
    }
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
    pub const FAMILY: &'static str = "claimgate.decisions";
    pub const LABELS: [&'static str; 4] = ["decision", "reason", "dialect", "tenant"];

    /// The values of its labels.
    pub fn values(&self) -> [&str; 4] {
        [self.decision, self.reason, self.dialect, &self.tenant]
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
    use super::{Decision, Tally, label};

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
        assert_eq!(tally.values(), ["deny", "key_unknown", "openai", "a_b"]);
    }

    #[test]
    fn the_words_of_records_and_metrics_are_the_same() {
        for decision in [Decision::Allow, Decision::Deny, Decision::Open, Decision::Undecided] {
            let read: Decision = serde_json::from_value(decision.name().into()).unwrap();
            assert_eq!(read, decision);
        }
    }
}
