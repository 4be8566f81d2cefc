//! Mirrors of the rate limit service's counters: what is admitted on which word of it.

use super::{Basis, Mirror, Share, Take, Told};
use crate::ledger::{Ledger, LedgerError, MemoryStore, Store};

const NOW: u64 = 1_800_000_000_000;
const WINDOW: u64 = 30_000_000;

struct Desk {
    ledger: Ledger,
    store: MemoryStore,
    mirror: Mirror,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            ledger: Ledger::with_bounds(4, 8192),
            store: MemoryStore::new(),
            mirror: Mirror::of(b"team"),
        };
        desk.ledger.prepare(&desk.store);
        desk
    }

    fn at(&self) -> (&Ledger, &dyn Store) {
        (&self.ledger, &self.store)
    }

    fn take(&self, basis: Basis, take: Take, now_ms: u64) -> Option<Share> {
        self.mirror.take(self.at(), basis, take, now_ms).unwrap()
    }

    fn hold(&self, basis: Basis, amount: u64, now_ms: u64) -> Option<(bool, u64)> {
        self.take(basis, Take::Hold(amount), now_ms).map(|share| (share.admitted, share.left))
    }

    /// How much is left without a further word of the service.
    fn left(&self, now_ms: u64) -> u64 {
        let share = self.take(Basis::Alone { window: WINDOW, limit: 1000 }, Take::Spend(0), now_ms);
        share.unwrap().left
    }
}

fn told(left: u64, asked_ms: u64) -> Told {
    Told { window: WINDOW, limit: 1000, left, asked_ms }
}

fn says(left: u64, asked_ms: u64) -> Basis {
    Basis::Told(told(left, asked_ms))
}

#[test]
fn what_is_held_and_owed_comes_off_what_the_service_says() {
    let desk = Desk::new();
    let first = desk.take(says(1000, NOW), Take::Hold(400), NOW).unwrap();
    assert_eq!((first.admitted, first.left, first.limit), (true, 600, 1000));
    assert_eq!(desk.hold(says(1000, NOW), 400, NOW), Some((true, 200)));
    assert_eq!(desk.hold(says(1000, NOW), 400, NOW), Some((false, 200)), "there is not room for a third");
    // It cost less, and is owed until it is reported.
    Mirror::settle(desk.at(), &first.reservation.unwrap(), 100, NOW).unwrap();
    assert_eq!(desk.hold(says(1000, NOW), 400, NOW), Some((true, 100)));
    // Its report says what is left: nothing changes by it.
    desk.mirror.relieve(desk.at(), 100, Some(told(900, NOW)), NOW + 1).unwrap();
    assert_eq!(desk.left(NOW + 1), 100);
}

#[test]
fn a_limit_below_the_estimate_admits_one_at_a_time() {
    let desk = Desk::new();
    let small = |left| Basis::Told(Told { limit: 10, ..told(left, NOW) });
    let share = desk.take(small(10), Take::Hold(400), NOW).unwrap();
    assert!(share.admitted && share.left == 0);
    assert_eq!(desk.hold(small(10), 400, NOW), Some((false, 0)), "while it is held");
    Mirror::settle(desk.at(), &share.reservation.unwrap(), 3, NOW).unwrap();
    assert_eq!(desk.hold(small(10), 400, NOW), Some((false, 7)), "something is used");
    assert_eq!(Desk::new().hold(small(9), 400, NOW), Some((false, 9)), "by another Envoy");
    let none = Basis::Told(Told { limit: 0, ..told(0, NOW) });
    assert_eq!(Desk::new().hold(none, 400, NOW), Some((false, 0)), "a limit of nothing");
}

#[test]
fn answers_count_by_what_they_can_know() {
    for (first, second, heard_ms, want, note) in [
        ((900, NOW), (800, NOW), NOW + 5, 800, "under way together: the lower"),
        ((800, NOW), (900, NOW + 1), NOW + 5, 800, "which came first"),
        ((800, NOW), (900, NOW + 6), NOW + 5, 900, "asked after the other had come: more is left again"),
    ] {
        let desk = Desk::new();
        desk.take(says(first.0, first.1), Take::Spend(0), heard_ms);
        desk.take(says(second.0, second.1), Take::Spend(0), heard_ms + 3);
        assert_eq!(desk.left(heard_ms + 3), want, "{note}");
    }
    let other = |window, left| Basis::Told(Told { window, ..told(left, NOW) });
    let desk = Desk::new();
    desk.take(says(5, NOW), Take::Spend(0), NOW);
    assert_eq!(desk.hold(other(WINDOW - 1, 1000), 10, NOW), Some((false, 5)), "of a window that is over");
    assert_eq!(desk.hold(other(WINDOW + 1, 1000), 10, NOW), Some((true, 990)), "of the next one");
}

#[test]
fn an_answer_serves_as_long_as_it_is_fresh() {
    let desk = Desk::new();
    let heard = |since_ms| Basis::Heard { window: WINDOW, since_ms };
    assert_eq!(desk.hold(heard(0), 1, NOW), None, "nothing is known");
    desk.take(says(2, NOW), Take::Spend(0), NOW);
    assert_eq!(desk.hold(heard(NOW), 1, NOW), Some((true, 1)));
    assert_eq!(desk.hold(heard(NOW + 1), 1, NOW), None, "too old");
    assert_eq!(desk.hold(Basis::Heard { window: WINDOW + 1, since_ms: NOW }, 1, NOW), None, "another window");
    assert_eq!(desk.hold(heard(NOW), 1, NOW), Some((true, 0)));
    assert_eq!(desk.hold(heard(NOW), 1, NOW), Some((false, 0)), "fresh, and used up");
}

#[test]
fn alone_it_goes_on_from_what_was_said_last() {
    let desk = Desk::new();
    let alone = |window| Basis::Alone { window, limit: 1000 };
    desk.take(says(300, NOW), Take::Spend(0), NOW);
    assert_eq!(desk.take(alone(WINDOW), Take::Spend(100), NOW).unwrap().left, 200);
    assert_eq!(desk.take(alone(WINDOW), Take::Spend(100), NOW).unwrap().left, 100);
    assert_eq!(
        desk.take(alone(WINDOW + 1), Take::Spend(100), NOW).unwrap().left,
        700,
        "a new window, in which what is owed will be reported"
    );
    assert_eq!(Desk::new().take(alone(WINDOW), Take::Spend(100), NOW).unwrap().left, 900, "of the limit");
}

#[test]
fn what_is_given_back_or_lost_comes_off() {
    let desk = Desk::new();
    desk.take(says(1000, NOW), Take::Spend(100), NOW);
    desk.take(says(1000, NOW), Take::Hold(200), NOW);
    assert_eq!(desk.left(NOW), 700);
    desk.mirror.relieve(desk.at(), 100, None, NOW).unwrap();
    assert_eq!(desk.left(NOW), 800);
    assert_eq!(desk.left(NOW + 60 * 60 * 1000), 800, "held for an hour");
    assert_eq!(desk.left(NOW + 65 * 60 * 1000 + 1), 1000, "its worker is lost");
}

#[test]
fn a_refusal_tells_whether_waiting_for_others_would_help() {
    let desk = Desk::new();
    desk.take(says(500, NOW), Take::Hold(400), NOW);
    let refused = desk.take(says(500, NOW), Take::Hold(400), NOW).unwrap();
    assert!(!refused.admitted && !refused.is_used_up, "what is held may come back");
    let refused = desk.take(says(300, NOW), Take::Hold(400), NOW).unwrap();
    assert!(!refused.admitted && refused.is_used_up);
}

#[test]
fn a_table_that_cannot_answer_is_an_error() {
    let (ledger, store) = (Ledger::new(), MemoryStore::new());
    let taken = Mirror::of(b"team").take((&ledger, &store), says(1, NOW), Take::Hold(1), NOW);
    assert_eq!(taken, Err(LedgerError::Absent));
}
