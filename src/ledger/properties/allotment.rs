//! Charging ahead never lets a window hold more than its limit, and holds back little and for a moment only.

use proptest::collection::vec;
use proptest::prelude::{prop_assert, proptest};

use super::prepared;
use crate::config::{Span, WindowKind};
use crate::ledger::{Allotments, Count, Counter, Ledger, MemoryStore, Store, Window};

/// Workers of one Envoy that share a counter.
struct Workers {
    window: Window,
    counter: Counter,
    ledger: Ledger,
    store: MemoryStore,
    allotments: Vec<Allotments>,
}

impl Workers {
    fn new(kind: WindowKind, length_ms: u64, count: usize) -> Self {
        let window = Window::compile(kind, Span::from_milliseconds(length_ms)).unwrap();
        let ledger = Ledger::with_bounds(1, 8192);
        let allotments = (0..count).map(|_| Allotments::default()).collect();
        Self { counter: window.counter(b"key"), window, store: prepared(&ledger), ledger, allotments }
    }

    fn spend(&self, worker: usize, limit: u64, now_ms: u64) -> Count {
        let charge = (&self.counter, limit);
        self.window.spend_one(&self.ledger, &self.store, &self.allotments[worker], charge, now_ms).unwrap()
    }

    fn settle(&self, now_ms: u64) {
        self.allotments.iter().for_each(|own| own.settle(&self.ledger, &self.store, now_ms));
    }

    /// What the shared table holds as spent.
    fn charged(&self, now_ms: u64) -> u64 {
        self.window.peek(&self.ledger, &self.store, &self.counter, u64::MAX, now_ms).unwrap().used
    }

    fn page(&self) -> Vec<u8> {
        self.store.read(0).unwrap().0
    }
}

#[test]
fn a_busy_counter_is_charged_ahead_where_plenty_is_left() {
    let workers = Workers::new(WindowKind::Fixed, 60_000, 1);
    let limit = 1_000_000;
    assert_eq!((workers.spend(0, limit, 0).used, workers.charged(0)), (1, 1), "the first one alone");
    for number in 2..=34 {
        assert_eq!(workers.spend(0, limit, 0).used, number);
        assert_eq!(workers.charged(0), if number <= 33 { 33 } else { 65 }, "{number}");
    }
    let before = workers.page();
    let count = workers.spend(0, limit, 999);
    assert_eq!((workers.page() == before, count.reset_ms), (true, 59_001), "no look at the table");
}

#[test]
fn near_its_limit_a_counter_is_charged_one_by_one() {
    let workers = Workers::new(WindowKind::Sliding, 60_000, 2);
    for number in 1..=2047 {
        let count = workers.spend(number % 2, 2047, 5);
        assert_eq!((count.admitted, count.used), (true, number as u64));
        assert_eq!(workers.charged(5), number as u64);
    }
    assert!(!workers.spend(0, 2047, 5).admitted);
}

#[test]
fn what_is_left_goes_back_after_a_second_or_with_the_next_charge() {
    let (limit, second) = (1_000_000, 1000);
    let workers = Workers::new(WindowKind::Fixed, 60_000, 2);
    for worker in [0, 0, 1, 1] {
        workers.spend(worker, limit, 0);
    }
    assert_eq!(workers.charged(0), 66, "two each, and 31 ahead each");
    workers.settle(second - 1);
    assert_eq!(workers.charged(second - 1), 66, "not yet a second");
    assert_eq!(workers.spend(0, limit, second).used, 36, "its own went back, that of the other counts");
    workers.settle(second);
    assert_eq!(workers.charged(second), 5, "all went back");
    workers.settle(60_000);
    assert_eq!(workers.spend(1, limit, 60_000).used, 1, "a new window");
}

#[test]
fn another_limit_or_step_ends_an_allotment() {
    for (limit, now_ms, used, note) in [
        (1_000_000, 4_999, 3, "the same step"),
        (2_000_000, 4_999, 3, "another limit"),
        (1_000_000, 5_000, 34, "the next step: what was left of the last one stays charged"),
    ] {
        let workers = Workers::new(WindowKind::Sliding, 60_000, 1);
        workers.spend(0, 1_000_000, 4_990);
        workers.spend(0, 1_000_000, 4_990);
        assert_eq!(workers.spend(0, limit, now_ms).used, used, "{note}");
    }
}

proptest! {
    #[test]
    fn no_window_holds_more_than_its_limit(
        limit in 1..6000_u64,
        calls in vec((0..3_usize, 0..120_u64, 1..400_usize), 1..60),
    ) {
        for kind in [WindowKind::Sliding, WindowKind::Fixed] {
            let workers = Workers::new(kind, 2000, 3);
            let (mut now_ms, mut admitted) = (1_000_000, Vec::new());
            for (worker, pause_ms, attempts) in &calls {
                now_ms += pause_ms;
                workers.settle(now_ms);
                let passed = (0..*attempts).filter(|_| workers.spend(*worker, limit, now_ms).admitted).count();
                admitted.push((now_ms, passed as u64));
            }
            for (start, _) in &admitted {
                let within = |time: &u64| match kind {
                    WindowKind::Sliding => (*start..=*start + 2000).contains(time),
                    WindowKind::Fixed => *time / 2000 == *start / 2000,
                };
                let sum: u64 = admitted.iter().filter(|(time, _)| within(time)).map(|(_, passed)| passed).sum();
                prop_assert!(sum <= limit, "{kind:?}: {sum} of {limit} from {start}");
            }
        }
    }

    #[test]
    fn little_is_held_back(limit in 1..200_000_u64, spenders in vec(0..4_usize, 1..3000)) {
        let workers = Workers::new(WindowKind::Fixed, 60_000, 4);
        let admitted = spenders.iter().filter(|worker| workers.spend(**worker, limit, 0).admitted).count() as u64;
        let wanted = limit.min(spenders.len() as u64);
        prop_assert!(admitted + 4 * 31 >= wanted, "{admitted} of {wanted}");
        prop_assert!(workers.charged(0) <= admitted + 4 * 31);
        workers.settle(1000);
        prop_assert!(workers.charged(1000) == admitted, "nothing is lost");
    }
}
