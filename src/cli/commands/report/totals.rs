//! What one row adds up.

use super::billed_record::BilledRecord;
use crate::audit::Decision;

/// The sums of some records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    requests: u64,
    refused: u64,
    failed: u64,
    incomplete: u64,
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    microdollars: u64,
    unpriced: u64,
}

impl Totals {
    pub(super) fn add(&mut self, record: &BilledRecord<'_>) {
        let is_refused = record.decision == Decision::Deny;
        let has_failed = !is_refused && record.error.is_some();
        let is_incomplete = !is_refused && (record.is_aborted || record.is_complete == Some(false));
        for (sum, more) in [
            (&mut self.requests, 1),
            (&mut self.refused, u64::from(is_refused)),
            (&mut self.failed, u64::from(has_failed)),
            (&mut self.incomplete, u64::from(is_incomplete)),
            (&mut self.input_tokens, record.input),
            (&mut self.cached_input_tokens, record.cached_input),
            (&mut self.output_tokens, record.output),
            (&mut self.total_tokens, record.total),
            (&mut self.microdollars, record.microdollars),
            (&mut self.unpriced, u64::from(record.is_unpriced)),
        ] {
            *sum = sum.saturating_add(more);
        }
    }

    /// All sums, with the names that programs know them by.
    pub(super) fn named(&self) -> [(&'static str, u64); 10] {
        [
            ("requests", self.requests),
            ("refused", self.refused),
            ("failed", self.failed),
            ("incomplete", self.incomplete),
            ("input_tokens", self.input_tokens),
            ("cached_input_tokens", self.cached_input_tokens),
            ("output_tokens", self.output_tokens),
            ("total_tokens", self.total_tokens),
            ("microdollars", self.microdollars),
            ("unpriced", self.unpriced),
        ]
    }
}
