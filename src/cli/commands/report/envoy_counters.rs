//! Envoy's counters of what quotas charged, and how the records differ from them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::audit::QuotaTally;

/// What Envoy puts before the name of a filter's counter in `/stats`: of a wasm filter, and of a dynamic module.
const PLAIN_PREFIXES: [&str; 2] = ["wasmcustom.", "dynamicmodulescustom."];
/// The second of a module, where Envoy leaves its prefix in.
const PROMETHEUS_NAMES: [&str; 2] = ["claimgate_charges", "envoy_dynamicmodulescustom_claimgate_charges"];

/// The counters of one or several Envoys.
#[derive(Debug, Default)]
pub(super) struct EnvoyCounters(BTreeMap<QuotaTally, u64>);

/// One quota whose records and counters do not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    quota: String,
    unit: String,
    records: u64,
    counters: u64,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quota, unit, records, counters } = self;
        write!(formatter, "the quota `{quota}` ({unit}): the records say {records}, the counters {counters}")
    }
}

impl EnvoyCounters {
    /// Adds the counters of one Envoy, as `/stats` or `/stats/prometheus` has them.
    ///
    /// # Errors
    /// One line, where the text is neither.
    pub(super) fn add(&mut self, text: &str) -> Result<(), String> {
        let mut is_stats = false;
        for (number, line) in text.lines().enumerate() {
            let Some((name, value)) = split(line) else { continue };
            is_stats = true;
            let Some(tally) = plain(name).or_else(|| prometheus(name)) else { continue };
            let value = value.parse::<u64>();
            let value = value
                .map_err(|_| format!("line {}: `{name}` has no whole number", number.saturating_add(1)))?;
            let sum = self.0.entry(tally).or_default();
            *sum = sum.saturating_add(value);
        }
        is_stats.then_some(()).ok_or_else(|| {
            "there are no counters in it; write the output of Envoy's `/stats` or `/stats/prometheus`"
                .to_owned()
        })
    }

    /// Every quota of which these and `charged` do not say the same; what is absent is 0.
    pub(super) fn differences(&self, charged: &BTreeMap<QuotaTally, u64>) -> Vec<Difference> {
        let mut both: BTreeMap<&QuotaTally, (u64, u64)> = BTreeMap::new();
        charged.iter().for_each(|(tally, sum)| both.entry(tally).or_default().0 = *sum);
        self.0.iter().for_each(|(tally, sum)| both.entry(tally).or_default().1 = *sum);
        let differing = both.into_iter().filter(|(_, (records, counters))| records != counters);
        let difference = |(tally, (records, counters)): (&QuotaTally, _)| Difference {
            quota: tally.label().to_owned(),
            unit: tally.unit().to_owned(),
            records,
            counters,
        };
        differing.map(difference).collect()
    }
}

/// A line's name, with labels, and its value; `None` where it is a comment or no statistic.
fn split(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (name, value) = line.rsplit_once(": ").or_else(|| line.rsplit_once(' '))?;
    let is_value = value.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    (is_value && !line.starts_with('#')).then_some((name, value))
}

/// `wasmcustom.claimgate.charges.quota.a.unit.tokens`
fn plain(name: &str) -> Option<QuotaTally> {
    QuotaTally::named(PLAIN_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))?)
}

/// `claimgate_charges{quota="a",unit="tokens"}`
fn prometheus(name: &str) -> Option<QuotaTally> {
    let labels = PROMETHEUS_NAMES.iter().find_map(|metric| name.strip_prefix(metric)?.strip_prefix('{'))?;
    let labels = labels.strip_suffix('}')?;
    let label = |wanted: &str| {
        labels.split(',').find_map(|label| label.split_once('=').filter(|(name, _)| *name == wanted))
    };
    let value = |wanted| label(wanted).map(|(_, value)| value.trim_matches('"'));
    Some(QuotaTally::of(value("quota")?, value("unit")?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{EnvoyCounters, QuotaTally};

    fn charged(sums: &[(&str, &str, u64)]) -> BTreeMap<QuotaTally, u64> {
        sums.iter().map(|(quota, unit, sum)| (QuotaTally::of(quota, unit), *sum)).collect()
    }

    #[test]
    fn both_forms_of_envoys_page_are_read_and_several_envoys_added() {
        let plain = "server.live: 1\nwasmcustom.claimgate.charges.quota.hour.unit.tokens: 150\nwasmcustom.claimgate.charges.quota.all.unit.requests: 2\nhttp.rq: P0(nan,1.0) P100(nan,2.0)\n";
        let prometheus = "# TYPE claimgate_charges counter\nclaimgate_charges{quota=\"hour\",unit=\"tokens\"} 50\n\nclaimgate_decisions{decision=\"allow\"} 7\n";
        let mut counters = EnvoyCounters::default();
        counters.add(plain).unwrap();
        counters.add(prometheus).unwrap();
        assert_eq!(counters.differences(&charged(&[("hour", "tokens", 200), ("all", "requests", 2)])), []);
    }

    #[test]
    fn the_pages_of_a_dynamic_module_are_read_with_and_without_its_prefix() {
        for page in [
            "dynamicmodulescustom.claimgate.charges.quota.hour.unit.tokens: 10",
            "# TYPE claimgate_charges counter\nclaimgate_charges{quota=\"hour\",unit=\"tokens\"} 10",
            "envoy_dynamicmodulescustom_claimgate_charges{quota=\"hour\",unit=\"tokens\"} 10",
        ] {
            let mut counters = EnvoyCounters::default();
            counters.add(page).unwrap();
            assert_eq!(counters.differences(&charged(&[("hour", "tokens", 10)])), [], "{page}");
        }
    }

    #[test]
    fn a_difference_names_its_quota_and_both_sums() {
        let mut counters = EnvoyCounters::default();
        counters.add("wasmcustom.claimgate.charges.quota.hour.unit.tokens: 150\nwasmcustom.claimgate.charges.quota.idle.unit.tokens: 0").unwrap();
        let told = |sums: &[(&str, &str, u64)]| {
            let differences = counters.differences(&charged(sums));
            differences.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(told(&[("hour", "tokens", 150)]), [""; 0], "what was charged nothing may be absent");
        for (sums, want) in [
            (
                charged(&[("hour", "tokens", 151)]),
                "the quota `hour` (tokens): the records say 151, the counters 150",
            ),
            (charged(&[]), "the quota `hour` (tokens): the records say 0, the counters 150"),
        ] {
            let differences = counters.differences(&sums);
            assert_eq!(differences.iter().map(ToString::to_string).collect::<Vec<_>>(), [want]);
        }
        let more = [("hour", "tokens", 150), ("other", "requests", 3)];
        assert_eq!(told(&more), ["the quota `other` (requests): the records say 3, the counters 0"]);
    }

    #[test]
    fn what_is_no_page_of_envoys_is_refused() {
        for text in ["", "<html>", "no numbers\nat all"] {
            assert!(EnvoyCounters::default().add(text).is_err(), "{text}");
        }
        let broken = "wasmcustom.claimgate.charges.quota.hour.unit.tokens: 1.5";
        assert!(EnvoyCounters::default().add(broken).unwrap_err().starts_with("line 1:"));
    }
}
