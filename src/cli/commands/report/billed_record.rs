//! One audit record, as far as bills need it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};
use serde::Deserialize;

use crate::audit::{BillItem, Decision};

/// A record. What it has beside these members is not read.
#[derive(Debug, Deserialize)]
// It has more than a dozen fields: one for each member of the line.
pub(super) struct BilledRecord<'a> {
    /// The whole record, as it is written.
    #[serde(skip)]
    pub(super) text: &'a [u8],
    pub(super) time: DateTime<FixedOffset>,
    #[serde(rename = "claimgate.decision")]
    pub(super) decision: Decision,
    #[serde(rename = "claimgate.aborted", default)]
    pub(super) is_aborted: bool,
    #[serde(rename = "error.type", borrow)]
    pub(super) error: Option<Text<'a>>,
    #[serde(rename = "claimgate.principal.tenant", borrow)]
    pub(super) tenant: Option<Text<'a>>,
    #[serde(rename = "claimgate.principal.project", borrow)]
    pub(super) project: Option<Text<'a>>,
    #[serde(rename = "claimgate.principal.service_account", borrow)]
    pub(super) service_account: Option<Text<'a>>,
    #[serde(rename = "claimgate.principal.subject", borrow)]
    pub(super) subject: Option<Text<'a>>,
    #[serde(rename = "claimgate.principal.client", borrow)]
    pub(super) client: Option<Text<'a>>,
    #[serde(rename = "claimgate.principal.actor", borrow)]
    pub(super) actor: Option<Text<'a>>,
    #[serde(rename = "claimgate.credential.id", borrow)]
    pub(super) credential_id: Option<Text<'a>>,
    #[serde(rename = "claimgate.upstream.cluster", borrow)]
    pub(super) cluster: Option<Text<'a>>,
    #[serde(rename = "claimgate.upstream.credential.owner", borrow)]
    pub(super) owner: Option<Text<'a>>,
    #[serde(rename = "gen_ai.provider.name", borrow)]
    pub(super) provider: Option<Text<'a>>,
    #[serde(rename = "gen_ai.operation.name", borrow)]
    pub(super) operation: Option<Text<'a>>,
    #[serde(rename = "gen_ai.request.model", borrow)]
    requested_model: Option<Text<'a>>,
    #[serde(rename = "gen_ai.response.model", borrow)]
    answering_model: Option<Text<'a>>,
    #[serde(rename = "gen_ai.usage.input_tokens", default)]
    pub(super) input: u64,
    #[serde(rename = "gen_ai.usage.cache_read.input_tokens", default)]
    pub(super) cached_input: u64,
    #[serde(rename = "gen_ai.usage.output_tokens", default)]
    pub(super) output: u64,
    #[serde(rename = "claimgate.usage.total_tokens", default)]
    pub(super) total: u64,
    /// Absent where nothing was metered.
    #[serde(rename = "claimgate.usage.complete")]
    pub(super) is_complete: Option<bool>,
    #[serde(rename = "claimgate.cost.microdollars", default)]
    pub(super) microdollars: u64,
    #[serde(rename = "claimgate.cost.price_version", borrow)]
    pub(super) price_version: Option<Text<'a>>,
    #[serde(rename = "claimgate.cost.unpriced", default)]
    pub(super) is_unpriced: bool,
    #[serde(rename = "claimgate.charged", borrow, default)]
    pub(super) charged: Vec<BillItem<'a>>,
    #[serde(rename = "claimgate.labels", borrow, default)]
    pub(super) labels: BTreeMap<Cow<'a, str>, Text<'a>>,
}

/// A text that is copied only where it holds escapes. (serde borrows a bare `Cow` alone, not one in an `Option`.)
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl<'a> BilledRecord<'a> {
    pub(super) fn read(record: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(record).map(|read| Self { text: record, ..read })
    }
}

impl BilledRecord<'_> {
    /// The one asked for, so that what was refused stands beside what was answered; where that is not known, the one that
    /// answered.
    pub(super) fn model(&self) -> Option<&str> {
        self.requested_model.as_ref().or(self.answering_model.as_ref()).map(Text::as_str)
    }
}
