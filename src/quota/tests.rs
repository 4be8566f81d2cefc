//! Quotas on a real ledger: who shares a counter, who is refused and when to come back, what is charged.

mod compiling;
mod costs;
mod overrides;
mod several;
mod sharing;

use serde_json::{Value, json};

use super::{Admission, Admitting, QuotaContext, QuotaSet, Size, UnreportedCharges};
use crate::config::Quota;
use crate::denial::{Answer, Denial, Ids, Reason};
use crate::expression::Engine;
use crate::ledger::{Allotments, Conflict, Ledger, MemoryStore, Store};
use crate::policy::fixture::{Case, NOW_MS, head, merged};
use crate::request::Wire;

/// A quota of one request a minute for each subject; `change` is put into its entry.
fn quota(id: &str, change: Value) -> Quota {
    let entry = json!({ "id": id, "limit": 1, "window": "60s", "window_kind": "fixed", "per": ["principal.subject"] });
    serde_json::from_value(merged(entry, change)).unwrap()
}

/// Quotas and the counters of one Envoy.
struct Envoy<S> {
    engine: Engine,
    quotas: QuotaSet,
    ledger: Ledger,
    store: S,
    allotments: Allotments,
    unreported: UnreportedCharges,
}

impl Envoy<MemoryStore> {
    fn new(quotas: &[Quota]) -> Self {
        let envoy = Self::on(MemoryStore::new(), Ledger::with_bounds(4, 8192), quotas);
        envoy.ledger.prepare(&envoy.store);
        envoy
    }
}

impl<S: Store> Envoy<S> {
    fn on(store: S, ledger: Ledger, quotas: &[Quota]) -> Self {
        let engine = Engine::new().unwrap();
        Self {
            quotas: QuotaSet::compile(quotas, None, &engine).unwrap(),
            engine,
            ledger,
            store,
            allotments: Allotments::default(),
            unreported: UnreportedCharges::default(),
        }
    }

    fn context(&self, now_ms: u64) -> QuotaContext<'_> {
        let Self { ledger, store, allotments, unreported, .. } = self;
        QuotaContext { ledger, store, allotments, unreported, now_ms }
    }

    fn admit(&self, case: &Case) -> Result<Admission, Denial> {
        self.admit_sized(case, &Size::default())
    }

    fn admit_sized(&self, case: &Case, size: &Size<'_>) -> Result<Admission, Denial> {
        let charges = self.quotas.charges(&self.engine, &case.facts())?;
        match self.quotas.admit(&charges, size, self.context(case.now_ms))? {
            Admitting::Done(admission) => Ok(admission),
            Admitting::Asks(_) => panic!("no quota here is counted by the service"),
        }
    }

    /// How many of `attempts` pass.
    fn passing(&self, case: &Case, attempts: usize) -> usize {
        (0..attempts).filter(|_| self.admit(case).is_ok()).count()
    }

    fn refusal(&self, case: &Case) -> Option<(Reason, String)> {
        let denial = self.admit(case).err()?;
        Some((denial.reason(), denial.rule().unwrap_or_default().to_owned()))
    }
}

fn by(subject: &str) -> Case {
    Case::with_key(json!({ "service_account": subject }))
}

fn answer(denial: &Denial) -> Answer {
    denial.answer(Wire::Openai, Ids { request: "req-1", decision: "dec-1" })
}

/// The rate headers of an answer that comes at once.
fn rate_headers(admission: &Admission) -> Vec<(&'static str, String)> {
    admission.rates().headers(Wire::Openai)
}

fn header<'a, N: AsRef<str>>(headers: &'a [(N, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(candidate, _)| candidate.as_ref() == name).map(|(_, value)| value.as_str())
}

#[test]
fn the_limit_is_a_number_or_what_cel_gives() {
    let case = Case::with_key(json!({ "labels": { "limit": "2", "plan": "pro", "debt": "-1" } }));
    for (limit, want, note) in [
        (json!(3), Ok(3), "a number"),
        (json!(0), Ok(0), "nothing at all"),
        (json!("principal.key.labels.plan == 'pro' ? 2 : 1"), Ok(2), "an expression"),
        (json!("uint(2)"), Ok(2), "an unsigned number"),
        (json!("int(principal.key.labels.limit)"), Ok(2), "a label as a number"),
        (json!("int(principal.key.labels.debt)"), Err(Reason::QuotaError), "less than nothing"),
        (json!("int(principal.key.labels.absent)"), Err(Reason::QuotaError), "a label that is absent"),
        (json!("principal.key.labels['plan']"), Err(Reason::QuotaError), "a text"),
        (json!("int(principal.key.labels.plan)"), Err(Reason::QuotaError), "a text that is no number"),
    ] {
        let envoy = Envoy::new(&[quota("q", json!({ "limit": limit }))]);
        match want {
            Ok(passing) => assert_eq!(envoy.passing(&case, 5), passing, "{note}"),
            Err(reason) => assert_eq!(envoy.refusal(&case), Some((reason, "q".to_owned())), "{note}"),
        }
    }
}

#[test]
fn a_counter_is_shared_by_those_with_the_same_descriptor_and_nobody_else() {
    let labelled = |a: &str, b: &str| Case::with_key(json!({ "labels": { "a": a, "b": b } }));
    let per_both = json!(["principal.key.labels.a", "principal.key.labels.b"]);
    for (per, first, second, shared, note) in [
        (json!(["principal.subject"]), by("x"), by("x"), true, "the same subject"),
        (json!(["principal.subject"]), by("x"), by("y"), false, "two subjects"),
        (json!(["'everybody'"]), by("x"), by("y"), true, "one descriptor for all"),
        (per_both.clone(), labelled("ab", "c"), labelled("a", "bc"), false, "two texts cut elsewhere"),
        (per_both.clone(), labelled("a", "b"), labelled("b", "a"), false, "two texts the other way round"),
        (per_both, labelled("", "a"), labelled("a", ""), false, "an empty text on either side"),
        (
            json!(["principal.key.labels.a == '1' ? dyn('1') : dyn(1)"]),
            labelled("1", ""),
            labelled("2", ""),
            false,
            "a text and the number it spells",
        ),
    ] {
        let envoy = Envoy::new(&[quota("q", json!({ "per": per }))]);
        assert!(envoy.admit(&first).is_ok(), "{note}");
        assert_eq!(envoy.admit(&second).is_err(), shared, "{note}");
    }
}

#[test]
fn two_quotas_with_one_descriptor_count_apart() {
    let envoy = Envoy::new(&[quota("a", json!({ "limit": 2 })), quota("b", json!({ "limit": 2 }))]);
    assert_eq!(envoy.passing(&by("x"), 5), 2);
}

#[test]
fn what_cannot_be_evaluated_refuses_and_is_not_shown() {
    let case = by("x");
    let err = "principal.key.labels.hidden == 'a'";
    for (change, note) in [
        (json!({ "per": ["principal.key.labels.hidden"] }), "a descriptor that errs"),
        (json!({ "per": ["principal.key.labels"] }), "a descriptor that is a map"),
        (json!({ "per": ["principal.subject", "principal.tenant"] }), "one absent part"),
        (json!({ "when": err }), "a `when` that errs"),
        (json!({ "when": format!("!({err})") }), "the same the other way round"),
        (json!({ "limit": "principal.key.labels.hidden == 'a' ? 1 : 2" }), "a limit that errs"),
    ] {
        // Maps are found when the configuration loads; see there.
        let Ok(quotas) = QuotaSet::compile(&[quota("q", change)], None, &Engine::new().unwrap()) else {
            assert_eq!(note, "a descriptor that is a map");
            continue;
        };
        let envoy = Envoy { quotas, ..Envoy::new(&[]) };
        let denial = envoy.admit(&case).unwrap_err();
        assert_eq!((denial.reason(), denial.rule()), (Reason::QuotaError, Some("q")), "{note}");
        assert!(denial.note().unwrap().starts_with("there is no `"), "{note}: {:?}", denial.note());
        let shown = format!("{:?}", answer(&denial));
        assert!(!shown.contains("there is no") && !shown.contains("hidden"), "{note}: {shown}");
    }
}

#[test]
fn a_quota_counts_only_those_its_when_is_true_for() {
    let envoy = Envoy::new(&[quota("q", json!({ "when": "principal.subject == 'x'" }))]);
    assert_eq!(envoy.passing(&by("y"), 5), 5, "it does not apply");
    assert_eq!(envoy.passing(&by("x"), 5), 1, "it applies");
    assert!(envoy.admit(&by("y")).unwrap().rates().is_empty(), "what does not apply is not shown");
}

#[test]
fn a_refusal_says_when_to_come_back() {
    let mut case = by("x");
    for (window, kind, at_ms, retry, reset, should_retry, note) in [
        ("60s", "fixed", 0, "60", "1m0s", "true", "a whole window"),
        ("60s", "fixed", 59_999, "1", "1s", "true", "never 0, though a millisecond would do"),
        ("60s", "sliding", 0, "65", "1m5s", "false", "a sliding window and its oldest step"),
        ("1h", "fixed", 0, "3600", "1h0m0s", "false", "longer than an SDK waits"),
    ] {
        let envoy = Envoy::new(&[quota("q", json!({ "window": window, "window_kind": kind }))]);
        case.now_ms = NOW_MS + at_ms;
        assert!(envoy.admit(&case).is_ok());
        let denial = envoy.admit(&case).unwrap_err();
        assert_eq!((denial.reason(), denial.rule()), (Reason::QuotaExceeded, Some("q")), "{note}");
        let answer = answer(&denial);
        assert_eq!(header(&answer.headers, "retry-after"), Some(retry), "{note}");
        assert_eq!(header(&answer.headers, "x-should-retry"), Some(should_retry), "{note}");
        assert_eq!(header(&answer.headers, "x-ratelimit-limit-requests"), Some("1"), "{note}");
        assert_eq!(header(&answer.headers, "x-ratelimit-remaining-requests"), Some("0"), "{note}");
        assert_eq!(header(&answer.headers, "x-ratelimit-reset-requests"), Some(reset), "{note}");
        case.now_ms += retry.parse::<u64>().unwrap() * 1000;
        assert!(envoy.admit(&case).is_ok(), "{note}: it passes then");
    }
}

/// [`NOW_MS`] is at noon of a Thursday in January.
#[test]
fn what_is_there_for_long_and_money_is_refused_as_a_budget() {
    const HOUR: &str = "3600";
    let noon_to_midnight = (12 * 3600).to_string();
    for (change, reason, retry, note) in [
        (json!({ "window": "1h" }), Reason::QuotaExceeded, HOUR, "an hour"),
        (
            json!({ "window": "23h", "durability": "process" }),
            Reason::QuotaExceeded,
            "14400",
            "less than a day",
        ),
        (
            json!({ "window": "1d", "durability": "process" }),
            Reason::BudgetExhausted,
            &noon_to_midnight,
            "a day",
        ),
        (
            json!({ "window": "day", "window_kind": null, "time_zone": "Asia/Tokyo", "durability": "process" }),
            Reason::BudgetExhausted,
            "10800",
            "a day in Tokyo, where it is nine in the evening",
        ),
        (
            json!({ "window": "1h", "refused_as": "budget" }),
            Reason::BudgetExhausted,
            HOUR,
            "an hour that is written to be one",
        ),
        (
            json!({ "window": "month", "window_kind": null, "durability": "process", "refused_as": "rate_limit" }),
            Reason::QuotaExceeded,
            "2635200",
            "a month that is written not to be one",
        ),
    ] {
        let envoy = Envoy::new(&[quota("q", change)]);
        assert!(envoy.admit(&by("x")).is_ok(), "{note}");
        let denial = envoy.admit(&by("x")).unwrap_err();
        assert_eq!((denial.reason(), denial.rule()), (reason, Some("q")), "{note}");
        let answer = answer(&denial);
        assert_eq!(header(&answer.headers, "retry-after"), Some(retry), "{note}");
        assert_eq!(header(&answer.headers, "x-should-retry"), Some("false"), "{note}");
        assert_eq!(header(&answer.headers, "x-ratelimit-remaining-requests"), Some("0"), "{note}");
        let says_budget = answer.body.contains("\"insufficient_quota\"");
        assert_eq!(says_budget, reason == Reason::BudgetExhausted, "{note}: {}", answer.body);
    }
    let by_the_minute = json!({ "unit": "microdollars", "limit": 1, "reserve": 1 });
    let size = Size { may_be_unpriced: true, ..Size::default() };
    for (change, reason) in [
        (by_the_minute.clone(), Reason::BudgetExhausted),
        (merged(by_the_minute, json!({ "refused_as": "rate_limit" })), Reason::QuotaExceeded),
    ] {
        let envoy = Envoy::new(&[quota("q", change)]);
        assert!(envoy.admit_sized(&by("x"), &size).is_ok());
        assert_eq!(envoy.admit_sized(&by("x"), &size).unwrap_err().reason(), reason, "money by the minute");
    }
}

#[test]
fn a_limit_of_nothing_promises_nothing() {
    let envoy = Envoy::new(&[quota("q", json!({ "limit": 0 }))]);
    let answer = answer(&envoy.admit(&by("x")).unwrap_err());
    assert_eq!(header(&answer.headers, "retry-after"), None);
    assert_eq!(header(&answer.headers, "x-should-retry"), Some("false"));
    assert_eq!(header(&answer.headers, "x-ratelimit-limit-requests"), Some("0"));
}

/// Another worker is always faster.
struct Contended(MemoryStore);

impl Store for Contended {
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)> {
        self.0.read(page)
    }

    fn write(&self, _: u32, _: &[u8], _: u32) -> Result<(), Conflict> {
        Err(Conflict)
    }

    fn create(&self, page: u32, bytes: &[u8]) {
        self.0.create(page, bytes);
    }
}

#[test]
fn whoever_names_counters_without_end_is_refused_alone() {
    let per =
        json!({ "per": ["principal.tenant", "principal.subject", "request.headers['x-user']"], "limit": 2 });
    let envoy = Envoy::new(&[quota("q", per)]);
    let caller =
        |subject: &str, tenant: &str| Case::with_key(json!({ "service_account": subject, "tenant": tenant }));
    let refused = |case: &mut Case, user: usize| {
        case.head = head("POST", "/v1/chat/completions", &[("x-user", &user.to_string())]);
        envoy.refusal(case)
    };
    let crowded = Some((Reason::TooManyCounters, "q".to_owned()));
    let mut greedy = caller("greedy", "acme");
    let many = (0..400).filter(|user| refused(&mut greedy, *user).is_none()).count();
    assert!((120..=200).contains(&many), "{many}: four pages, a quarter of each");
    assert_eq!(refused(&mut greedy, 5000), crowded);
    assert_eq!(refused(&mut greedy, 0), None, "a counter that is there goes on");
    assert_eq!(refused(&mut greedy, 0), Some((Reason::QuotaExceeded, "q".to_owned())), "and counts");
    assert_eq!(refused(&mut caller("modest", "acme"), 0), None, "another caller of the tenant");
    for friend in ["second", "third", "fourth", "fifth"] {
        let mut friend = caller(friend, "acme");
        (0..400).for_each(|user| drop(refused(&mut friend, user)));
    }
    assert_eq!(refused(&mut caller("sixth", "acme"), 1), crowded, "the tenant as a whole");
    assert_eq!(refused(&mut caller("innocent", "globex"), 0), None, "another tenant");
}

#[test]
fn a_counter_that_cannot_be_kept_refuses() {
    let quotas = [quota("q", json!({}))];
    let unprepared = Envoy::on(MemoryStore::new(), Ledger::with_bounds(4, 8192), &quotas);
    let full = Envoy::on(MemoryStore::new(), Ledger::with_bounds(1, 48), &quotas);
    full.ledger.prepare(&full.store);
    assert!(full.admit(&by("first")).is_ok(), "there is room for one counter");
    let contended = Envoy::on(Contended(MemoryStore::new()), Ledger::with_bounds(4, 8192), &quotas);
    contended.ledger.prepare(&contended.store);
    for (denial, note) in [
        (unprepared.admit(&by("x")).unwrap_err(), "the page is missing or not one of this ledger"),
        (full.admit(&by("x")).unwrap_err(), "the page has no room beside its live entries"),
        (contended.admit(&by("x")).unwrap_err(), "other workers changed the same page every time"),
    ] {
        assert_eq!((denial.reason(), denial.rule()), (Reason::QuotaUnavailable, Some("q")), "{note}");
        assert_eq!(denial.note(), Some(note));
        assert!(!format!("{:?}", answer(&denial)).contains("page"), "{note}: the caller does not see it");
    }
}
