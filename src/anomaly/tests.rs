//! Callers' histories on a real ledger: what a request shows, and who shares a place with whom.

use serde_json::{Value, json};

use super::principal_hash::SLOTS;
use super::{Anomalies, Anomaly, AnomalyKind, Observation, PendingTotals, PrincipalHash, Totals};
use crate::config::AnomalySettings;
use crate::ledger::{Ledger, MemoryStore};

const PERIOD_MS: u64 = 60_000;
/// The beginning of a period.
const START_MS: u64 = 1_767_268_800_000;

/// The callers of one Envoy.
struct Envoy {
    anomalies: Anomalies,
    ledger: Ledger,
    store: MemoryStore,
    pending: PendingTotals,
}

fn settings(change: Value) -> AnomalySettings {
    let mut entry = json!({ "warm_up": 3, "memory": 4, "least_requests": 2, "least_tokens": 100 });
    entry.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    serde_json::from_value(entry).unwrap()
}

impl Envoy {
    fn new() -> Self {
        let envoy = Self {
            anomalies: Anomalies::compile(&settings(json!({}))).unwrap(),
            ledger: Ledger::new(),
            store: MemoryStore::new(),
            pending: PendingTotals::default(),
        };
        envoy.ledger.prepare(&envoy.store);
        envoy
    }

    fn at(&self, name: PrincipalHash, period: u64, model: &str, address: &str) -> Anomaly {
        let observation =
            Observation { model: Some(model), address: Some(address), now_ms: START_MS + period * PERIOD_MS };
        self.anomalies.observe((&self.ledger, &self.store), &self.pending, name, &observation).unwrap()
    }

    /// Requests as ever, in one period; the last one counts.
    fn usual(&self, name: PrincipalHash, period: u64, times: u64) -> Anomaly {
        (0..times).map(|_| self.at(name, period, "a", "192.0.2.1")).last().unwrap()
    }

    /// A caller with a baseline of four requests and 200 model tokens, in the period after.
    fn warm(&self, name: PrincipalHash) -> u64 {
        for period in 0..4 {
            self.usual(name, period, 4);
            self.ended(name, period, &Totals { requests: 4, refused: 0, tokens: 200 });
            // So that the model tokens are of this period.
            self.anomalies.settle((&self.ledger, &self.store), &self.pending, START_MS + period * PERIOD_MS);
        }
        4
    }

    fn ended(&self, name: PrincipalHash, period: u64, totals: &Totals) {
        let now_ms = START_MS + period * PERIOD_MS;
        self.anomalies.note((&self.ledger, &self.store), &self.pending, name, totals, now_ms);
    }
}

fn name(number: u64) -> PrincipalHash {
    PrincipalHash(number.to_le_bytes())
}

#[test]
fn a_caller_without_a_history_has_no_anomalies() {
    let envoy = Envoy::new();
    for period in 0..3 {
        assert_eq!(envoy.usual(name(1), period, 50), Anomaly::NONE, "period {period}");
        assert_eq!(envoy.at(name(1), period, &format!("m{period}"), "198.51.100.1"), Anomaly::NONE);
    }
    let warm = envoy.at(name(1), 3, "m9", "203.0.113.1");
    assert!(warm.new_model && warm.new_network, "three periods are enough");
}

#[test]
fn a_rate_is_to_its_own_average_period() {
    let envoy = Envoy::new();
    let period = envoy.warm(name(1));
    assert_eq!(envoy.usual(name(1), period, 1).request_rate, 0.25);
    assert_eq!(envoy.usual(name(1), period, 3).request_rate, 1.0);
    assert_eq!(envoy.usual(name(1), period, 16).request_rate, 5.0);
    envoy.ended(name(1), period, &Totals { requests: 1, refused: 0, tokens: 1000 });
    assert_eq!(envoy.usual(name(1), period, 1).token_rate, 5.0);
    assert_eq!(envoy.usual(name(2), period, 100), Anomaly::NONE, "another caller has another history");
}

#[test]
fn periods_without_a_request_do_not_lower_the_baseline() {
    let envoy = Envoy::new();
    let period = envoy.warm(name(1));
    assert_eq!(envoy.usual(name(1), period + 1000, 4).request_rate, 1.0);
}

#[test]
fn a_baseline_is_never_below_the_least() {
    let envoy = Envoy::new();
    for period in 0..4 {
        envoy.usual(name(1), period, 1);
    }
    assert_eq!(envoy.usual(name(1), 4, 6).request_rate, 3.0, "of two, though it was one");
}

#[test]
fn a_burst_that_goes_on_is_one_for_long() {
    let envoy = Envoy::new();
    let start = envoy.warm(name(1));
    let rates: Vec<f64> =
        (start..start + 6).map(|period| envoy.usual(name(1), period, 400).request_rate).collect();
    assert_eq!(rates[0], 100.0);
    assert!(rates.windows(2).all(|pair| pair[1] < pair[0]), "the baseline rises: {rates:?}");
    assert!(rates[5] > 30.0, "by a quarter at most with a memory of four periods: {rates:?}");
}

#[test]
fn the_share_of_refusals_is_of_the_latest_requests() {
    let envoy = Envoy::new();
    envoy.usual(name(1), 0, 1);
    let share = |requests, refused, period| {
        envoy.ended(name(1), period, &Totals { requests, refused, tokens: 0 });
        envoy.at(name(1), period, "a", "192.0.2.1").denial_share
    };
    assert_eq!(share(9, 9, 0), 0.0, "nine say little");
    assert_eq!(share(1, 0, 0), 0.9);
    assert_eq!(share(10, 1, 0), 0.5);
    assert_eq!(share(0, 0, 1), 0.5, "half as many count");
    assert_eq!(share(0, 0, 3), 0.0, "too few are left");
    assert_eq!(share(20, 20, 40), 1.0);
}

#[test]
fn a_network_is_new_by_its_first_24_or_48_bits() {
    let envoy = Envoy::new();
    let period = envoy.warm(name(1));
    for (address, want, note) in [
        ("192.0.2.200", false, "the same /24"),
        ("192.0.3.1", true, "the next one"),
        ("192.0.3.77", false, "known by now"),
        ("::ffff:192.0.2.9", false, "IPv4 in IPv6"),
        ("2001:db8:1::1", true, "a /48"),
        ("2001:db8:1:ffff::1", false, "the same /48"),
        ("2001:db8:2::1", true, "the next one"),
        ("not an address", false, "none"),
    ] {
        assert_eq!(envoy.at(name(1), period, "a", address).new_network, want, "{note}");
    }
    assert!(envoy.at(name(1), period, "b", "192.0.2.1").new_model);
    assert!(!envoy.at(name(1), period, "b", "192.0.2.1").new_model, "once");
}

#[test]
fn a_place_is_taken_over_only_where_its_caller_is_idle() {
    let envoy = Envoy::new();
    let (first, second) = (name(7), name(7 + SLOTS));
    let period = envoy.warm(first);
    assert_eq!(envoy.at(second, period, "new", "203.0.113.1"), Anomaly::NONE);
    assert_eq!(envoy.usual(first, period, 4).request_rate, 1.0, "its history is as it was");
    envoy.usual(second, period + 11, 1);
    assert_eq!(envoy.usual(first, period + 11, 400), Anomaly::NONE, "it has lost its place");
}

#[test]
fn many_callers_take_a_bounded_part_of_the_ledger() {
    let envoy = Envoy::new();
    let addresses = |number: u64| format!("10.{}.{}.1", number % 250, number % 12);
    for number in 0..100_000 {
        let model = format!("model-{}", number % 12);
        envoy.at(name(number * 7919), number / 20_000, &model, &addresses(number));
    }
    let occupancy =
        envoy.ledger.pages().map(|page| envoy.ledger.occupancy(&envoy.store, page, START_MS).unwrap());
    let (entries, bytes) =
        occupancy.fold((0, 0), |(entries, bytes), page| (entries + page.live_entries, bytes + page.bytes));
    assert!(entries as u64 <= SLOTS && bytes < 3 * 1024 * 1024, "{entries} entries, {bytes} bytes");
}

#[test]
fn what_waits_is_bounded_and_adds_up() {
    let envoy = Envoy::new();
    for number in 0..3000 {
        envoy.ended(name(number), 0, &Totals { requests: 12, refused: 6, tokens: 1 });
    }
    assert!(envoy.pending.take_all().len() <= 1024);
    assert_eq!(envoy.at(name(3), 0, "a", "192.0.2.1").denial_share, 0.5, "what did not fit is on the ledger");
}

#[test]
fn thresholds_tell_which_are_anomalies() {
    let anomalies = Anomalies::compile(&settings(json!({}))).unwrap();
    let kinds = |anomaly: Anomaly| anomalies.kinds(&anomaly).map(AnomalyKind::name).collect::<Vec<_>>();
    assert_eq!(kinds(Anomaly::NONE), [""; 0]);
    assert_eq!(kinds(Anomaly { request_rate: 4.99, denial_share: 0.49, ..Anomaly::NONE }), [""; 0]);
    let all =
        Anomaly { request_rate: 5.0, token_rate: 5.0, new_model: true, new_network: true, denial_share: 0.5 };
    assert_eq!(kinds(all), ["request_rate", "token_rate", "new_model", "new_network", "denial_share"]);
}

#[test]
fn settings_that_could_tell_nothing_are_refused() {
    for (change, field) in [
        (json!({ "period": "999ms" }), "period"),
        (json!({ "period": "2d" }), "period"),
        (json!({ "warm_up": 0 }), "warm_up"),
        (json!({ "memory": 2 }), "memory"),
        (json!({ "forget_after": "30s" }), "forget_after"),
        (json!({ "request_rate": 1.0 }), "request_rate"),
        (json!({ "token_rate": 0.5 }), "token_rate"),
        (json!({ "denial_share": 0.0 }), "denial_share"),
        (json!({ "denial_share": 1.1 }), "denial_share"),
        (json!({ "least_requests": 0 }), "least_requests"),
        (json!({ "least_tokens": 0 }), "least_tokens"),
    ] {
        let error = Anomalies::compile(&settings(change.clone())).unwrap_err();
        assert_eq!(error.at, format!("anomalies.{field}"), "{change}");
    }
    let defaults: AnomalySettings = serde_json::from_value(json!({})).unwrap();
    assert!(Anomalies::compile(&defaults).is_ok());
    assert!(serde_json::from_value::<AnomalySettings>(json!({ "perod": "1m" })).is_err());
}
