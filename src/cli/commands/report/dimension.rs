//! What there can be a row for each of.

use clap::ValueEnum;

use super::billed_record::{BilledRecord, Text};
use crate::audit::BillItem;

/// One thing that sums are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Dimension {
    Tenant,
    Project,
    ServiceAccount,
    /// Whose credential it was: the user's, of a token
    Subject,
    /// The OAuth client that got the token: the application
    Client,
    /// Who acted on the subject's behalf
    Actor,
    /// The id of the API key, or the token's `jti`
    Key,
    /// As asked for; where that was not read, the one that answered
    Model,
    Provider,
    Cluster,
    /// Whose account at the provider it was: `gateway`, `tenant` or `caller`
    Owner,
    Operation,
    /// What was charged; with its unit
    Quota,
    /// In UTC, when the request came
    Day,
    /// Of the price table
    PriceVersion,
}

impl Dimension {
    /// The names of its columns.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Tenant => &["tenant"],
            Self::Project => &["project"],
            Self::ServiceAccount => &["service_account"],
            Self::Subject => &["subject"],
            Self::Client => &["client"],
            Self::Actor => &["actor"],
            Self::Key => &["key"],
            Self::Model => &["model"],
            Self::Provider => &["provider"],
            Self::Cluster => &["cluster"],
            Self::Owner => &["owner"],
            Self::Operation => &["operation"],
            Self::Quota => &["quota", "unit"],
            Self::Day => &["day"],
            Self::PriceVersion => &["price_version"],
        }
    }

    /// Adds what a record has in these columns; `charge` is what one quota charged for it.
    pub(super) fn add_values(
        self,
        record: &BilledRecord<'_>,
        charge: Option<&BillItem<'_>>,
        key: &mut Vec<Option<Box<str>>>,
    ) {
        let text = |text: &Option<Text<'_>>| text.as_ref().map(|text| text.as_str().into());
        if self == Self::Quota {
            key.push(charge.map(|charge| charge.quota.as_ref().into()));
        }
        key.push(match self {
            Self::Tenant => text(&record.tenant),
            Self::Project => text(&record.project),
            Self::ServiceAccount => text(&record.service_account),
            Self::Subject => text(&record.subject),
            Self::Client => text(&record.client),
            Self::Actor => text(&record.actor),
            Self::Key => text(&record.credential_id),
            Self::Model => record.model().map(Into::into),
            Self::Provider => text(&record.provider),
            Self::Cluster => text(&record.cluster),
            Self::Owner => text(&record.owner),
            Self::Operation => text(&record.operation),
            Self::Quota => charge.map(|charge| charge.unit.as_ref().into()),
            Self::Day => Some(record.time.to_utc().date_naive().to_string().into()),
            Self::PriceVersion => text(&record.price_version),
        });
    }
}
