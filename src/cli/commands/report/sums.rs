//! The rows of a report, filled record by record.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::billed_record::BilledRecord;
use super::dimension::Dimension;
use super::totals::Totals;
use crate::audit::{BillItem, Decision, QuotaTally};

/// How many bytes rows may take; what a caller chooses, such as a model, must not fill the memory.
const MOST_BYTES: usize = 256 * 1024 * 1024;
/// What a row takes beside its texts.
const ROW_BYTES: usize = 256;

/// What a row is for: a value for each column, `None` where the records have none.
pub(super) type Key = Vec<Option<Box<str>>>;

/// One row: what its records add up to, and what one quota charged for them.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) totals: Totals,
    pub(super) charged: u64,
}

/// The sums of all records read so far.
#[derive(Debug)]
pub(super) struct Sums<'a> {
    dimensions: &'a [Dimension],
    /// Labels of the records, in columns behind these.
    labels: &'a [String],
    rows: BTreeMap<Key, Row>,
    total: Totals,
    charged: BTreeMap<QuotaTally, u64>,
    bytes: usize,
}

/// There are more rows than memory is given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooManyRows;

impl<'a> Sums<'a> {
    pub(super) fn by(dimensions: &'a [Dimension], labels: &'a [String]) -> Self {
        Self {
            dimensions,
            labels,
            rows: BTreeMap::new(),
            total: Totals::default(),
            charged: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Adds a record to the row it belongs to; by quota, to the row of each that charged it.
    pub(super) fn add(&mut self, record: &BilledRecord<'_>) -> Result<(), TooManyRows> {
        if record.decision == Decision::Open {
            return Ok(());
        }
        self.total.add(record);
        for item in &record.charged {
            let sum = self.charged.entry(QuotaTally::of(&item.quota, &item.unit)).or_default();
            *sum = sum.saturating_add(item.amount);
        }
        if !self.has_quotas() || record.charged.is_empty() {
            return self.add_to_row(record, None);
        }
        record.charged.iter().try_for_each(|item| self.add_to_row(record, Some(item)))
    }

    fn add_to_row(
        &mut self,
        record: &BilledRecord<'_>,
        charge: Option<&BillItem<'_>>,
    ) -> Result<(), TooManyRows> {
        let mut key =
            Key::with_capacity(self.dimensions.len().saturating_add(self.labels.len()).saturating_add(1));
        self.dimensions.iter().for_each(|dimension| dimension.add_values(record, charge, &mut key));
        key.extend(
            self.labels
                .iter()
                .map(|label| record.labels.get(label.as_str()).map(|text| text.as_str().into())),
        );
        let row = match self.rows.get_mut(&key) {
            Some(row) => row,
            None => {
                let texts = key.iter().flatten().map(|text| text.len());
                let bytes = texts.fold(ROW_BYTES, usize::saturating_add);
                self.bytes = self.bytes.saturating_add(bytes);
                if self.bytes > MOST_BYTES {
                    return Err(TooManyRows);
                }
                self.rows.entry(key).or_default()
            }
        };
        row.totals.add(record);
        row.charged = row.charged.saturating_add(charge.map_or(0, |charge| charge.amount));
        Ok(())
    }

    /// True where there is a row for each quota.
    pub(super) fn has_quotas(&self) -> bool {
        self.dimensions.contains(&Dimension::Quota)
    }

    /// The names of the columns that say what a row is for.
    pub(super) fn columns(&self) -> impl Iterator<Item = Cow<'static, str>> {
        let columns = self.dimensions.iter().flat_map(|dimension| dimension.columns().iter().copied());
        columns.map(Cow::Borrowed).chain(self.labels.iter().map(|label| format!("label.{label}").into()))
    }

    /// In the order of what they are for.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&Key, &Row)> {
        self.rows.iter()
    }

    /// Of all records, each counted once.
    pub(super) fn total(&self) -> &Totals {
        &self.total
    }

    /// What each quota has charged.
    pub(super) fn charged(&self) -> &BTreeMap<QuotaTally, u64> {
        &self.charged
    }
}
