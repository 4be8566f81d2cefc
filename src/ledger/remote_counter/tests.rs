//! Counters of the rate limit service: what is admitted on which answer.

use super::{Basis, RemoteCounter, RemoteStatus, Take, TakeOutcome};
use crate::ledger::{Ledger, LedgerError, MemoryStore, Store};

const NOW: u64 = 1_800_000_000_000;
const WINDOW: u64 = 30_000_000;

struct Envoy {
    ledger: Ledger,
    store: MemoryStore,
    counter: RemoteCounter,
}

impl Envoy {
    fn new() -> Self {
        let envoy = Self {
            ledger: Ledger::with_bounds(4, 8192),
            store: MemoryStore::new(),
            counter: RemoteCounter::of(b"team"),
        };
        envoy.ledger.prepare(&envoy.store);
        envoy
    }

    fn at(&self) -> (&Ledger, &dyn Store) {
        (&self.ledger, &self.store)
    }

    fn take(&self, basis: Basis, take: Take, now_ms: u64) -> Option<TakeOutcome> {
        self.counter.take(self.at(), basis, take, now_ms).unwrap()
    }

    fn hold(&self, basis: Basis, amount: u64, now_ms: u64) -> Option<(bool, u64)> {
        self.take(basis, Take::Hold(amount), now_ms).map(|outcome| (outcome.admitted, outcome.left))
    }

    /// How much is left without a further answer of the service.
    fn left(&self, now_ms: u64) -> u64 {
        let outcome = self.take(Basis::Local { window: WINDOW, limit: 1000 }, Take::Spend(0), now_ms);
        outcome.unwrap().left
    }
}

fn status(left: u64, asked_ms: u64) -> RemoteStatus {
    RemoteStatus { window: WINDOW, limit: 1000, left, asked_ms }
}

fn fresh(left: u64, asked_ms: u64) -> Basis {
    Basis::Fresh(status(left, asked_ms))
}

#[test]
fn what_is_held_and_unreported_comes_off_what_the_service_says() {
    let envoy = Envoy::new();
    let first = envoy.take(fresh(1000, NOW), Take::Hold(400), NOW).unwrap();
    assert_eq!((first.admitted, first.left, first.limit), (true, 600, 1000));
    assert_eq!(envoy.hold(fresh(1000, NOW), 400, NOW), Some((true, 200)));
    assert_eq!(envoy.hold(fresh(1000, NOW), 400, NOW), Some((false, 200)), "there is not room for a third");
    // It cost less, and counts until it is reported.
    RemoteCounter::settle(envoy.at(), &first.reservation.unwrap(), 100, NOW).unwrap();
    assert_eq!(envoy.hold(fresh(1000, NOW), 400, NOW), Some((true, 100)));
    // Its report says what is left: nothing changes by it.
    envoy.counter.release(envoy.at(), 100, Some(status(900, NOW)), NOW + 1).unwrap();
    assert_eq!(envoy.left(NOW + 1), 100);
}

#[test]
fn a_limit_below_the_estimate_admits_one_at_a_time() {
    let envoy = Envoy::new();
    let small = |left| Basis::Fresh(RemoteStatus { limit: 10, ..status(left, NOW) });
    let outcome = envoy.take(small(10), Take::Hold(400), NOW).unwrap();
    assert!(outcome.admitted && outcome.left == 0);
    assert_eq!(envoy.hold(small(10), 400, NOW), Some((false, 0)), "while it is held");
    RemoteCounter::settle(envoy.at(), &outcome.reservation.unwrap(), 3, NOW).unwrap();
    assert_eq!(envoy.hold(small(10), 400, NOW), Some((false, 7)), "something is used");
    assert_eq!(Envoy::new().hold(small(9), 400, NOW), Some((false, 9)), "by another Envoy");
    let none = Basis::Fresh(RemoteStatus { limit: 0, ..status(0, NOW) });
    assert_eq!(Envoy::new().hold(none, 400, NOW), Some((false, 0)), "a limit of nothing");
}

#[test]
fn answers_count_by_what_they_can_know() {
    for (first, second, fetched_ms, want, note) in [
        ((900, NOW), (800, NOW), NOW + 5, 800, "under way together: the lower"),
        ((800, NOW), (900, NOW + 1), NOW + 5, 800, "which came first"),
        ((800, NOW), (900, NOW + 6), NOW + 5, 900, "asked after the other had come: more is left again"),
    ] {
        let envoy = Envoy::new();
        envoy.take(fresh(first.0, first.1), Take::Spend(0), fetched_ms);
        envoy.take(fresh(second.0, second.1), Take::Spend(0), fetched_ms + 3);
        assert_eq!(envoy.left(fetched_ms + 3), want, "{note}");
    }
    let other = |window, left| Basis::Fresh(RemoteStatus { window, ..status(left, NOW) });
    let envoy = Envoy::new();
    envoy.take(fresh(5, NOW), Take::Spend(0), NOW);
    assert_eq!(envoy.hold(other(WINDOW - 1, 1000), 10, NOW), Some((false, 5)), "of a window that is over");
    assert_eq!(envoy.hold(other(WINDOW + 1, 1000), 10, NOW), Some((true, 990)), "of the next one");
}

#[test]
fn an_answer_serves_as_long_as_it_is_fresh() {
    let envoy = Envoy::new();
    let cached = |since_ms| Basis::Cached { window: WINDOW, since_ms };
    assert_eq!(envoy.hold(cached(0), 1, NOW), None, "nothing is known");
    envoy.take(fresh(2, NOW), Take::Spend(0), NOW);
    assert_eq!(envoy.hold(cached(NOW), 1, NOW), Some((true, 1)));
    assert_eq!(envoy.hold(cached(NOW + 1), 1, NOW), None, "too old");
    assert_eq!(
        envoy.hold(Basis::Cached { window: WINDOW + 1, since_ms: NOW }, 1, NOW),
        None,
        "another window"
    );
    assert_eq!(envoy.hold(cached(NOW), 1, NOW), Some((true, 0)));
    assert_eq!(envoy.hold(cached(NOW), 1, NOW), Some((false, 0)), "fresh, and used up");
}

#[test]
fn without_an_answer_it_goes_on_from_the_last_one() {
    let envoy = Envoy::new();
    let local = |window| Basis::Local { window, limit: 1000 };
    envoy.take(fresh(300, NOW), Take::Spend(0), NOW);
    assert_eq!(envoy.take(local(WINDOW), Take::Spend(100), NOW).unwrap().left, 200);
    assert_eq!(envoy.take(local(WINDOW), Take::Spend(100), NOW).unwrap().left, 100);
    assert_eq!(
        envoy.take(local(WINDOW + 1), Take::Spend(100), NOW).unwrap().left,
        700,
        "a new window, in which what is unreported will be reported"
    );
    assert_eq!(Envoy::new().take(local(WINDOW), Take::Spend(100), NOW).unwrap().left, 900, "of the limit");
}

#[test]
fn what_is_given_back_or_lost_comes_off() {
    let envoy = Envoy::new();
    envoy.take(fresh(1000, NOW), Take::Spend(100), NOW);
    envoy.take(fresh(1000, NOW), Take::Hold(200), NOW);
    assert_eq!(envoy.left(NOW), 700);
    envoy.counter.release(envoy.at(), 100, None, NOW).unwrap();
    assert_eq!(envoy.left(NOW), 800);
    assert_eq!(envoy.left(NOW + 60 * 60 * 1000), 800, "held for an hour");
    assert_eq!(envoy.left(NOW + 65 * 60 * 1000 + 1), 1000, "its worker is lost");
}

#[test]
fn a_refusal_says_whether_waiting_for_others_would_help() {
    let envoy = Envoy::new();
    envoy.take(fresh(500, NOW), Take::Hold(400), NOW);
    let refused = envoy.take(fresh(500, NOW), Take::Hold(400), NOW).unwrap();
    assert!(!refused.admitted && !refused.is_used_up, "what is held may come back");
    let refused = envoy.take(fresh(300, NOW), Take::Hold(400), NOW).unwrap();
    assert!(!refused.admitted && refused.is_used_up);
}

#[test]
fn a_table_that_cannot_answer_is_an_error() {
    let (ledger, store) = (Ledger::new(), MemoryStore::new());
    let taken = RemoteCounter::of(b"team").take((&ledger, &store), fresh(1, NOW), Take::Hold(1), NOW);
    assert_eq!(taken, Err(LedgerError::Absent));
}
