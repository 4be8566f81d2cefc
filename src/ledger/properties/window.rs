//! No interval holds more than the limit, and the promised wait is exact.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, TestCaseError, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::prepared;
use crate::config::{Span, WindowKind};
use crate::ledger::{Count, Entry, Ledger, LedgerError, MemoryStore, Namespace, Store, Window, compose};

const KINDS: [WindowKind; 2] = [WindowKind::Sliding, WindowKind::Fixed];

struct Counter {
    window: Window,
    ledger: Ledger,
    store: MemoryStore,
}

impl Counter {
    fn new(kind: WindowKind, length_ms: u64) -> Self {
        let window = Window::compile(kind, Span::from_milliseconds(length_ms)).unwrap();
        let ledger = Ledger::with_bounds(1, 8192);
        Self { window, store: prepared(&ledger), ledger }
    }

    fn spend(&self, limit: u64, cost: u64, now_ms: u64) -> Count {
        self.window
            .spend(&self.ledger, &self.store, &self.window.counter(b"key"), limit, cost, now_ms)
            .unwrap()
    }

    /// Has the page rewritten by a worker whose clock says `now_ms`.
    fn rewrite_page(&self, now_ms: u64) {
        self.window
            .spend(&self.ledger, &self.store, &self.window.counter(b"other"), u64::MAX, 1, now_ms)
            .unwrap();
    }

    fn peek(&self, limit: u64, now_ms: u64) -> Count {
        self.window.peek(&self.ledger, &self.store, &self.window.counter(b"key"), limit, now_ms).unwrap()
    }
}

#[test]
fn lengths_from_a_second_to_31_days_compile() {
    for (length, compiles) in [
        (Span::from_milliseconds(0), false),
        (Span::from_milliseconds(999), false),
        (Span::from_seconds(1), true),
        (Span::from_seconds(31 * 86_400), true),
        (Span::from_seconds(31 * 86_400 + 1), false),
    ] {
        assert_eq!(Window::compile(WindowKind::Sliding, length).is_ok(), compiles, "{length}");
    }
    let error = Window::compile(WindowKind::Fixed, Span::from_milliseconds(5)).unwrap_err();
    assert_eq!(error.to_string(), "window: `5ms` is not between 1s and 31d");
}

#[test]
fn a_fixed_window_starts_anew_at_its_boundary() {
    let counter = Counter::new(WindowKind::Fixed, 60_000);
    for (now_ms, used, reset_ms, retry_ms, admitted, note) in [
        (119_000, 1, 1_000, 0, true, "the end of the second minute"),
        (119_500, 2, 500, 0, true, "the last one that fits"),
        (119_999, 2, 1, 1, false, "used up"),
        (120_000, 1, 60_000, 0, true, "the third minute"),
        (119_990, 2, 60_010, 0, true, "a clock that is behind spends in the third minute too"),
        (119_990, 2, 60_010, 60_010, false, "and finds it used up"),
    ] {
        let count = Count { used, limit: 2, reset_ms, retry_ms, admitted };
        assert_eq!(counter.spend(2, 1, now_ms), count, "{note}");
    }
}

#[test]
fn a_sliding_window_gives_room_back_step_by_step() {
    let counter = Counter::new(WindowKind::Sliding, 60_000);
    for (now_ms, used, reset_ms, retry_ms, admitted, note) in [
        (60_000, 1, 65_000, 0, true, "at the start of a step of 5 s"),
        (69_999, 2, 60_001, 0, true, "at the end of the next one"),
        (120_000, 2, 10_000, 5_000, false, "a window later the first still counts"),
        (124_999, 2, 5_001, 1, false, "until its step is over"),
        (125_000, 2, 65_000, 0, true, "it came back"),
    ] {
        let count = Count { used, limit: 2, reset_ms, retry_ms, admitted };
        assert_eq!(counter.spend(2, 1, now_ms), count, "{note}");
    }
}

#[test]
fn a_limit_may_change_between_calls() {
    for kind in KINDS {
        let counter = Counter::new(kind, 12_000);
        assert!(counter.spend(10, 8, 0).admitted);
        let lowered = counter.spend(5, 1, 1);
        assert_eq!((lowered.admitted, lowered.used, lowered.remaining()), (false, 8, 0), "{kind:?}");
        assert!(counter.spend(5, 1, 1 + lowered.retry_ms).admitted, "{kind:?}");
        assert!(counter.spend(20, 19, 1 + lowered.retry_ms).admitted, "{kind:?}");
    }
}

#[test]
fn what_costs_more_than_the_limit_never_passes() {
    for kind in KINDS {
        let counter = Counter::new(kind, 12_000);
        for (limit, cost) in [(0, 1), (4, 5), (0, u64::MAX), (u64::MAX - 1, u64::MAX)] {
            let count = counter.spend(limit, cost, 0);
            let refused = Count { used: 0, limit, reset_ms: 0, retry_ms: Count::NEVER, admitted: false };
            assert_eq!(count, refused, "{kind:?} {cost} of {limit}");
        }
        assert!(counter.spend(u64::MAX, u64::MAX, 0).admitted);
        assert!(!counter.spend(u64::MAX, 1, 0).admitted, "the sum does not wrap");
    }
}

#[test]
fn windows_of_another_kind_or_length_count_apart() {
    let ledger = Ledger::with_bounds(1, 8192);
    let store = prepared(&ledger);
    for kind in KINDS {
        for seconds in [1, 60] {
            let window = Window::compile(kind, Span::from_seconds(seconds)).unwrap();
            let count = window.spend(&ledger, &store, &window.counter(b"key"), 1, 1, 5).unwrap();
            assert!(count.admitted, "{kind:?} {seconds}");
        }
    }
}

#[test]
fn a_refusal_and_a_peek_write_nothing() {
    for kind in KINDS {
        let counter = Counter::new(kind, 12_000);
        counter.spend(1, 1, 0);
        let before = counter.store.read(0);
        assert!(!counter.spend(1, 1, 0).admitted);
        assert!(!counter.peek(1, 0).admitted);
        assert!(counter.peek(2, 0).admitted);
        assert_eq!(counter.spend(2, 0, 0), counter.peek(2, 0), "a cost of 0 is a peek");
        assert_eq!(counter.store.read(0), before);
    }
}

#[test]
fn a_value_that_is_no_counter_denies() {
    let counter = Counter::new(WindowKind::Fixed, 1_000);
    let key = compose(&[b"fixed", &1_000_u64.to_le_bytes(), b"key"]);
    let entry = Entry { namespace: Namespace::Quota, key: &key };
    counter.ledger.lease(&counter.store, entry, 0, 100).unwrap();
    let count =
        counter.window.spend(&counter.ledger, &counter.store, &counter.window.counter(b"key"), 1, 1, 0);
    assert_eq!(count, Err(LedgerError::Absent));
}

#[derive(Clone, Debug)]
struct Call {
    after_ms: u64,
    /// How far the worker's clock is behind.
    behind_ms: u64,
    limit: u64,
    cost: u64,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let after_ms = prop_oneof![4 => 0..40_u64, 2 => 0..400_u64, 1 => 0..3_000_u64];
    let behind_ms = prop_oneof![2 => Just(0_u64), 1 => 0..1_000_u64];
    let limit = prop_oneof![3 => Just(7_u64), 1 => 0..20_u64];
    let cost = prop_oneof![3 => Just(1_u64), 1 => 0..9_u64];
    let call = (after_ms, behind_ms, limit, cost).prop_map(|(after_ms, behind_ms, limit, cost)| Call {
        after_ms,
        behind_ms,
        limit,
        cost,
    });
    vec(call, 1..120)
}

/// What was spent at which time, by the latest clock seen.
#[derive(Default)]
struct History(Vec<(u64, u64)>);

impl History {
    fn spent(&mut self, at_ms: u64, cost: u64) {
        let latest = self.0.last().map_or(0, |(latest, _)| *latest);
        self.0.push((at_ms.max(latest), cost));
    }

    fn since(&self, at_ms: u64) -> u64 {
        self.0.iter().filter(|(spent_at, _)| *spent_at >= at_ms).map(|(_, cost)| cost).sum()
    }
}

fn no_interval_holds_more_than_the_limit(
    kind: WindowKind,
    length_ms: u64,
    calls: &[Call],
) -> Result<(), TestCaseError> {
    let counter = Counter::new(kind, length_ms);
    let mut history = History::default();
    let mut time_ms = 1_700_000_000_000;
    for call in calls {
        time_ms += call.after_ms;
        counter.rewrite_page(time_ms);
        let now_ms = time_ms - call.behind_ms;
        let count = counter.spend(call.limit, call.cost, now_ms);
        if count.admitted && call.cost > 0 {
            history.spent(now_ms, call.cost);
            let (latest, _) = history.0[history.0.len() - 1];
            let start = match kind {
                WindowKind::Sliding => latest - length_ms,
                WindowKind::Fixed => latest - latest % length_ms,
            };
            // Every interval that could overflow ends at a spend; a sliding one is closed at both ends.
            prop_assert!(history.since(start) <= call.limit);
            prop_assert!(history.since(start) <= count.used, "an interval holds more than was counted");
        }
        prop_assert_eq!(count.retry_ms == 0, count.admitted);
        prop_assert_eq!(count.reset_ms == 0, count.used == 0);
    }
    Ok(())
}

/// Until then what was spent still counts, at the latest.
fn step_bound(kind: WindowKind, length_ms: u64) -> u64 {
    match kind {
        WindowKind::Sliding => length_ms + length_ms.div_ceil(12),
        WindowKind::Fixed => length_ms,
    }
}

proptest! {
    #[test]
    fn zero_overshoot(length_ms in 1_000..2_500_u64, calls in calls()) {
        for kind in KINDS {
            no_interval_holds_more_than_the_limit(kind, length_ms, &calls)?;
        }
    }

    #[test]
    fn the_promised_wait_is_exact(length_ms in 1_000..2_500_u64, calls in calls(), cost in 1..6_u64) {
        for kind in KINDS {
            let counter = Counter::new(kind, length_ms);
            let mut now_ms = 1_700_000_000_000;
            for call in &calls {
                now_ms += call.after_ms;
                let count = counter.spend(7, cost, now_ms - call.behind_ms);
                if !count.admitted {
                    let now_behind = now_ms - call.behind_ms;
                    let early = counter.spend(7, cost, now_behind + count.retry_ms - 1);
                    prop_assert!(!early.admitted, "{kind:?}: a millisecond early");
                    prop_assert_eq!(early.retry_ms, 1);
                    let in_time = counter.spend(7, cost, now_behind + count.retry_ms);
                    prop_assert!(in_time.admitted, "{kind:?}: in time");
                    now_ms = now_ms.max(now_behind + count.retry_ms);
                }
            }
        }
    }

    #[test]
    fn room_comes_back_at_most_one_step_late(length_ms in 1_000..2_500_u64, calls in calls()) {
        for kind in KINDS {
            let counter = Counter::new(kind, length_ms);
            let mut history = History::default();
            let mut now_ms = 1_700_000_000_000;
            for call in &calls {
                now_ms += call.after_ms;
                let count = counter.spend(7, 1, now_ms);
                let counted_at_most = history.since(now_ms - step_bound(kind, length_ms));
                if count.admitted {
                    history.spent(now_ms, 1);
                } else {
                    prop_assert!(counted_at_most >= 7, "{kind:?}: refused although room was due");
                    prop_assert!(count.retry_ms <= count.reset_ms);
                }
                prop_assert!(count.reset_ms <= step_bound(kind, length_ms));
            }
        }
    }
}
