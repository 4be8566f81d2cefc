//! What a record's answer costs by another price table, worked out as the gateway does.

mod metered_record;

use std::path::Path;

use serde::Deserialize;

use super::billed_record::{BilledRecord, Text};
use crate::cli::document::{Finding, ReadError, Segment, attempt_all, read_document, read_node};
use crate::config::{Factor, Prices};
use crate::price::{Circumstances, PriceTable};
use metered_record::MeteredRecord;

/// A price table from a file.
#[derive(Debug)]
pub(super) struct Pricing(PriceTable);

/// A file with the section `prices`, such as a whole configuration.
#[derive(Deserialize)]
struct PricesFile {
    prices: Prices,
}

impl Pricing {
    pub(super) fn read(file: &Path) -> Result<Self, Vec<Finding>> {
        let document = read_document(file).map_err(|finding| vec![finding])?;
        let compile = |node: &_| {
            let PricesFile { prices } = read_node(node)?;
            PriceTable::compile(&prices)
                .map_err(|error| ReadError { path: Segment::parse(&error.at), why: error.why })
        };
        attempt_all(file, document, compile).map(Self)
    }

    /// Puts what a record's answer costs by this table in the place of what it cost; a record that cannot be read keeps that.
    pub(super) fn reprice(&self, record: &mut BilledRecord<'_>) {
        let Ok(metered) = serde_json::from_slice::<MeteredRecord<'_>>(record.text) else { return };
        let Some(usage) = metered.usage() else { return };
        let circumstances = Circumstances {
            answered: metered.answered.as_deref(),
            asked: metered.asked.as_deref(),
            cluster: metered.cluster.as_deref(),
            unix_seconds: u64::try_from(record.time.timestamp()).unwrap_or(0),
            multiplier: metered.multiplier.unwrap_or(Factor::ONE),
        };
        let charge = self.0.charge(&usage.consumption(&usage.at_least()), &circumstances);
        record.microdollars = charge.microdollars.unwrap_or(0);
        record.is_unpriced = charge.is_unpriced;
        record.price_version = Some(Text::from(self.0.version().to_owned()));
    }
}

#[cfg(test)]
mod tests;
