use proptest::prelude::{Strategy, any, prop, proptest};

use super::{Account, Reservation};
use crate::config::{Span, WindowKind};
use crate::ledger::{Change, Count, Counter, Ledger, LedgerError, MemoryStore, Window};

const NOW: u64 = 1_800_000_000_000;
const HOUR: u64 = 3_600_000;

/// One account on a ledger of its own.
struct Desk {
    account: Account,
    counter: Counter,
    ledger: Ledger,
    store: MemoryStore,
}

impl Desk {
    fn new(account: Account) -> Self {
        let (ledger, store) = (Ledger::with_bounds(4, 8192), MemoryStore::new());
        ledger.prepare(&store);
        Self { account, counter: account.counter(b"acme"), ledger, store }
    }

    fn within(kind: WindowKind, length: Span) -> Self {
        Self::new(Account::within(Window::compile(kind, length).unwrap()))
    }

    fn hold(&self, limit: u64, amount: u64, now_ms: u64) -> (Count, Option<Reservation>) {
        self.account.hold(&self.ledger, &self.store, (&self.counter, limit), amount, now_ms).unwrap()
    }

    fn held(&self, limit: u64, amount: u64, now_ms: u64) -> Reservation {
        self.hold(limit, amount, now_ms).1.unwrap()
    }

    fn settle(&self, reservation: &Reservation, cost: u64, now_ms: u64) {
        self.account.settle(&self.ledger, &self.store, reservation, cost, now_ms).unwrap();
    }

    /// What is on the account, held or spent.
    fn used(&self, now_ms: u64) -> u64 {
        // It holds nothing, and an amount of 0 would pass where nothing is left.
        self.hold(0, 1, now_ms).0.used
    }
}

fn minute() -> Desk {
    Desk::within(WindowKind::Fixed, Span::from_seconds(60))
}

#[test]
fn what_is_held_counts_until_it_is_settled() {
    let desk = minute();
    let first = desk.held(100, 60, NOW);
    let (count, none) = desk.hold(100, 60, NOW);
    assert_eq!((count.admitted, none, count.used, count.remaining()), (false, None, 60, 40));
    assert_eq!(count.retry_ms, 1000, "what is held may come off at any time");
    desk.settle(&first, 10, NOW + 5);
    let (count, second) = desk.hold(100, 60, NOW + 10);
    assert!(count.admitted && count.used == 70, "{count:?}");
    desk.settle(&second.unwrap(), 90, NOW + 20);
    let (count, _) = desk.hold(100, 1, NOW + 30);
    assert_eq!((count.admitted, count.used), (false, 100));
    assert_eq!(count.retry_ms, 60_000 - NOW % 60_000 - 30, "what is spent comes back with its window");
}

#[test]
fn a_caller_who_has_spent_nothing_is_not_refused_for_asking_much() {
    let desk = minute();
    let held = desk.held(100, 5000, NOW);
    assert!(!desk.hold(100, 1, NOW).0.admitted, "nor is anybody let through beside it");
    desk.settle(&held, 0, NOW);
    assert_eq!(desk.used(NOW), 0);
    assert_eq!(desk.hold(0, 1, NOW).0.retry_ms, Count::NEVER, "but where there is nothing there is nothing");
}

#[test]
fn a_cost_counts_from_when_it_is_known() {
    for (kind, later_ms, left, note) in [
        (WindowKind::Fixed, 60_000, 40, "another window, in which it was spent"),
        (WindowKind::Sliding, 30_000, 40, "a later step"),
    ] {
        let desk = Desk::within(kind, Span::from_seconds(60));
        let held = desk.held(100, 50, NOW);
        desk.settle(&held, 60, NOW + later_ms);
        assert_eq!(100 - desk.used(NOW + later_ms), left, "{note}");
        assert_eq!(desk.used(NOW + later_ms + 70_000), 0, "{note}: it leaves with its window");
    }
}

#[test]
fn what_a_lost_request_held_comes_off_by_itself() {
    let desk = Desk::new(Account::in_flight());
    desk.held(1, 1, NOW);
    let stays_ms = HOUR;
    assert!(!desk.hold(1, 1, NOW + stays_ms).0.admitted, "a stream may take an hour");
    assert!(desk.hold(1, 1, NOW + stays_ms + HOUR / 12).0.admitted);
}

#[test]
fn requests_in_flight_are_counted_and_never_spent() {
    let desk = Desk::new(Account::in_flight());
    let held: Vec<_> = (0..3).map(|_| desk.held(3, 1, NOW)).collect();
    assert!(!desk.hold(3, 1, NOW).0.admitted);
    desk.settle(&held[0], 500, NOW + 1);
    assert!(desk.hold(3, 1, NOW + 2).0.admitted && !desk.hold(3, 1, NOW + 2).0.admitted);
}

#[test]
fn bytes_of_others_refuse() {
    let desk = minute();
    for foreign in [vec![], vec![9], vec![0], vec![1, 0], vec![255; 128]] {
        desk.ledger
            .update_named(&desk.store, desk.counter.name(), NOW, |_| Change::Put {
                value: foreign.clone(),
                expires_ms: NOW + HOUR,
                result: (),
            })
            .unwrap();
        let held = desk.account.hold(&desk.ledger, &desk.store, (&desk.counter, 9), 1, NOW);
        assert_eq!(held, Err(LedgerError::Absent), "{foreign:?}");
    }
}

/// A request: how much later it comes, how long it takes, what it holds, what it costs.
fn request() -> impl Strategy<Value = (u64, u64, u64, u64)> {
    (0..8000_u64, 0..20_000_u64, 1..40_u64, 0..60_u64)
}

proptest! {
    /// Whatever comes, an account exceeds its limit by no more than what its requests cost beyond what they held; and once
    /// all is settled and over, nothing is left.
    #[test]
    fn the_limit_is_exceeded_by_no_more_than_the_bound(
        requests in prop::collection::vec(request(), 1..60),
        is_sliding in any::<bool>(),
    ) {
        const LIMIT: u64 = 100;
        let kind = if is_sliding { WindowKind::Sliding } else { WindowKind::Fixed };
        let desk = Desk::within(kind, Span::from_seconds(60));
        let (mut now_ms, mut beyond) = (NOW, 0);
        let mut open: Vec<(u64, Reservation, u64)> = Vec::new();
        let mut settle = |ends_ms: u64, reservation: &Reservation, cost: u64| {
            desk.settle(reservation, cost, ends_ms);
            beyond += cost.saturating_sub(reservation.amount());
            assert!(desk.used(ends_ms) <= LIMIT + beyond);
        };
        for (wait, takes, amount, cost) in requests {
            now_ms += wait;
            open.sort_by_key(|(ends_ms, ..)| *ends_ms);
            while open.first().is_some_and(|(ends_ms, ..)| *ends_ms <= now_ms) {
                let (ends_ms, reservation, cost) = open.remove(0);
                settle(ends_ms, &reservation, cost);
            }
            let before = desk.used(now_ms);
            let (count, held) = desk.hold(LIMIT, amount, now_ms);
            assert_eq!(count.admitted, before + amount <= LIMIT, "amounts are below the limit");
            open.extend(held.map(|held| (now_ms + takes, held, cost)));
        }
        open.sort_by_key(|(ends_ms, ..)| *ends_ms);
        for (ends_ms, reservation, cost) in open {
            settle(ends_ms, &reservation, cost);
            now_ms = now_ms.max(ends_ms);
        }
        assert_eq!(desk.used(now_ms + 70_000), 0);
    }
}
