//! What quotas were charged for a request, in its record and in Envoy's counters.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::label;
use crate::quota::Charged;

/// The part of a record that is there where a quota was charged.
#[derive(Clone, Debug, Serialize)]
pub struct Bill<'a> {
    #[serde(rename = "claimgate.charged")]
    items: Vec<BillItem<'a>>,
}

/// What one quota was charged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct BillItem<'a> {
    #[serde(borrow)]
    pub quota: Cow<'a, str>,
    #[serde(borrow)]
    pub unit: Cow<'a, str>,
    pub amount: u64,
}

impl<'a> Bill<'a> {
    pub fn of(charged: &'a [Charged]) -> Self {
        let item = |charged: &'a Charged| BillItem {
            quota: Cow::Borrowed(&*charged.quota),
            unit: Cow::Borrowed(charged.unit.name()),
            amount: charged.amount,
        };
        Self { items: charged.iter().map(item).collect() }
    }

    /// One object of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Which quota's charges one counter in Envoy's stats adds up. Quotas whose ids make the same label share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaTally {
    label: String,
    unit: String,
}

impl QuotaTally {
    const BEFORE_LABEL: &'static str = "claimgate.charges.quota.";
    const BEFORE_UNIT: &'static str = ".unit.";

    pub fn of(quota: &str, unit: &str) -> Self {
        Self { label: label(quota), unit: unit.to_owned() }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The name of the counter; the shipped `stats_tags` turn its parts into Prometheus labels.
    pub fn counter(&self) -> String {
        format!("{}{}{}{}", Self::BEFORE_LABEL, self.label, Self::BEFORE_UNIT, self.unit)
    }

    /// Of the counter with this name; `None` where it counts something else.
    pub fn named(counter: &str) -> Option<Self> {
        let (label, unit) = counter.strip_prefix(Self::BEFORE_LABEL)?.split_once(Self::BEFORE_UNIT)?;
        Some(Self::of(label, unit))
    }
}

#[cfg(test)]
mod tests {
    use super::QuotaTally;

    #[test]
    fn a_counter_is_found_again_by_its_name() {
        for (quota, counter) in [
            ("tokens-per-hour", "claimgate.charges.quota.tokens-per-hour.unit.tokens"),
            ("a.unit.b", "claimgate.charges.quota.a_unit_b.unit.tokens"),
            ("a b/ü", "claimgate.charges.quota.a_b__.unit.tokens"),
        ] {
            let tally = QuotaTally::of(quota, "tokens");
            assert_eq!(tally.counter(), counter);
            assert_eq!(QuotaTally::named(counter), Some(tally));
        }
        for counter in ["claimgate.decisions.decision.allow", "claimgate.charges.quota.a", "quota.a.unit.b"] {
            assert_eq!(QuotaTally::named(counter), None, "{counter}");
        }
    }
}
