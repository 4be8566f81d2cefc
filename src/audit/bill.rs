//! What quotas were charged for a request, in its record and in Envoy's counters.

use std::borrow::Cow;

use serde::Deserialize;

use super::line::Value;
use super::{Line, label};
use crate::quota::Charged;

/// The part of a record that is there where a quota was charged.
#[derive(Clone, Copy, Debug)]
pub struct Bill<'a>(pub &'a [Charged]);

/// What one quota was charged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BillItem<'a> {
    #[serde(borrow)]
    pub quota: Cow<'a, str>,
    #[serde(borrow)]
    pub unit: Cow<'a, str>,
    pub amount: u64,
}

impl<'a> Bill<'a> {
    pub fn write(&self, line: &mut Line) {
        let members = |charged: &'a Charged| {
            [
                ("quota", Value::from(&*charged.quota)),
                ("unit", charged.unit.name().into()),
                ("amount", charged.amount.into()),
            ]
        };
        if !self.0.is_empty() {
            line.put_list("claimgate.charged", self.0.iter().map(members));
        }
    }
}

/// Which quota's charges one counter in Envoy's stats adds up. Quotas whose ids make the same label share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaTally {
    label: String,
    unit: String,
}

impl QuotaTally {
    pub const FAMILY: &'static str = "claimgate.charges";
    pub const LABELS: [&'static str; 2] = ["quota", "unit"];

    pub fn of(quota: &str, unit: &str) -> Self {
        Self { label: label(quota), unit: unit.to_owned() }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The values of its labels.
    pub fn values(&self) -> [&str; 2] {
        [&self.label, &self.unit]
    }

    /// Of the counter that Envoy's own stats have under this name; `None` where it counts something else.
    pub fn named(counter: &str) -> Option<Self> {
        let [quota, unit] = Self::LABELS;
        let labels = counter.strip_prefix(Self::FAMILY)?.strip_prefix(&format!(".{quota}."))?;
        let (label, unit) = labels.split_once(&format!(".{unit}."))?;
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
            assert_eq!(QuotaTally::named(counter), Some(tally));
        }
        for counter in ["claimgate.decisions.decision.allow", "claimgate.charges.quota.a", "quota.a.unit.b"] {
            assert_eq!(QuotaTally::named(counter), None, "{counter}");
        }
    }
}
