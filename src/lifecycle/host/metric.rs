//! Counters and gauges, as Prometheus has them: families, in which the values of labels tell one from another.

use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
}

/// Counters or gauges of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    pub kind: MetricKind,
    /// With points where Prometheus has `_`.
    pub name: Cow<'static, str>,
    pub labels: &'static [&'static str],
}

impl Family {
    pub(in crate::lifecycle) const fn counter(name: &'static str, labels: &'static [&'static str]) -> Self {
        Self { kind: MetricKind::Counter, name: Cow::Borrowed(name), labels }
    }

    pub(in crate::lifecycle) const fn gauge(name: &'static str) -> Self {
        Self { kind: MetricKind::Gauge, name: Cow::Borrowed(name), labels: &[] }
    }

    /// A counter of something that the configuration names.
    pub(in crate::lifecycle) const fn counter_of(name: String, labels: &'static [&'static str]) -> Self {
        Self { kind: MetricKind::Counter, name: Cow::Owned(name), labels }
    }

    /// A gauge of something that the configuration names.
    pub(in crate::lifecycle) const fn gauge_of(name: String) -> Self {
        Self { kind: MetricKind::Gauge, name: Cow::Owned(name), labels: &[] }
    }

    /// The name that Envoy's own stats have: `claimgate.charges.quota.<id>.unit.<unit>`.
    pub fn flat(&self, values: &[&str]) -> String {
        let mut name = self.name.to_string();
        for (label, value) in self.labels.iter().zip(values) {
            name.extend([".", label, ".", value]);
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::Family;

    #[test]
    fn labels_follow_the_name() {
        const CHARGES: Family = Family::counter("claimgate.charges", &["quota", "unit"]);
        assert_eq!(CHARGES.flat(&["hour", "tokens"]), "claimgate.charges.quota.hour.unit.tokens");
        assert_eq!(Family::gauge("claimgate.held_bytes").flat(&[]), "claimgate.held_bytes");
    }
}
