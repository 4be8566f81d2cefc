//! What is held never exceeds its bounds, and all of it comes back.

use std::rc::Rc;

use super::{Bounds, EACH, Full, Holder, Holding};
use crate::cache::Cache;
use crate::denial::{Denial, Reason};

const MIB: u64 = 1024 * 1024;

/// What it is, what is held, what is taken then, and what it meets.
type Case = (&'static str, Vec<(Holder, u64)>, (Holder, u64), Option<Full>);

fn holding() -> Rc<Holding> {
    Holding::new(Bounds { worker: 8 * MIB, caller: 3 * MIB })
}

fn named(name: &str) -> crate::cache::Fingerprint {
    Cache::<()>::new(0, &[7; 16]).name(&[name.as_bytes()])
}

fn caller(name: &str) -> Holder {
    Holder::Caller(named(name))
}

fn stranger(name: &str) -> Holder {
    Holder::Stranger(named(name))
}

/// A body that takes so many bytes of room.
fn taking(bytes: u64) -> u64 {
    bytes.saturating_sub(EACH)
}

#[test]
fn each_bound_is_held_to() {
    let (a, b, c) = (caller("a"), caller("b"), caller("c"));
    let (x, y) = (stranger("x"), stranger("y"));
    let worker = Full::Worker { bound: 8 * MIB };
    let each = Full::Caller { bound: 3 * MIB };
    let strangers = Full::Strangers { bound: 4 * MIB };
    let cases: Vec<Case> = vec![
        ("nothing is held", vec![], (a, 3 * MIB), None),
        ("one request of a caller has room, whatever its headers come to", vec![], (a, 3 * MIB + EACH), None),
        ("a caller has no more than its own bound", vec![(a, 2 * MIB)], (a, 2 * MIB), Some(each)),
        ("a caller is not in the way of another", vec![(a, 3 * MIB)], (b, 3 * MIB), None),
        (
            "all together have no more than the worker's",
            vec![(a, 3 * MIB), (b, 3 * MIB)],
            (c, 3 * MIB),
            Some(worker),
        ),
        ("what is left is enough for a small one", vec![(a, 3 * MIB), (b, 3 * MIB)], (c, 2 * MIB), None),
        ("a source has no more than a caller", vec![(x, 2 * MIB)], (x, 2 * MIB), Some(each)),
        ("strangers have half of the whole", vec![(x, 3 * MIB)], (y, 2 * MIB), Some(strangers)),
        ("strangers leave the other half", vec![(x, 3 * MIB), (y, MIB)], (a, 3 * MIB), None),
        ("a stranger and a caller of one name are two", vec![(stranger("a"), 3 * MIB)], (a, 3 * MIB), None),
    ];
    for (what, held, (holder, bytes), full) in cases {
        let holding = holding();
        let shares: Vec<_> =
            held.iter().map(|(holder, bytes)| holding.take(*holder, taking(*bytes)).unwrap()).collect();
        let before = holding.held();
        let taken = holding.take(holder, taking(bytes));
        assert_eq!(taken.as_ref().err(), full.as_ref(), "{what}");
        assert_eq!(holding.held(), if full.is_some() { before } else { before + bytes }, "{what}");
        drop((taken, shares));
        assert_eq!(holding.held(), 0, "{what}");
        assert!(holding.sums.borrow().each.is_empty(), "{what}");
    }
}

#[test]
fn a_request_without_a_body_costs_something_too() {
    let holding = holding();
    let shares: Vec<_> = std::iter::from_fn(|| holding.take(caller("a"), 0).ok()).take(10_000).collect();
    assert_eq!(shares.len() as u64, 3 * MIB / EACH);
}

#[test]
fn a_share_grows_and_changes_hands() {
    let holding = holding();
    let mut share = holding.take(stranger("x"), taking(MIB)).unwrap();
    share.become_of(stranger("x"), taking(2 * MIB)).unwrap();
    let other = holding.take(stranger("y"), taking(2 * MIB)).unwrap();
    // What does not fit leaves the share as it was.
    assert_eq!(share.become_of(stranger("x"), taking(3 * MIB)), Err(Full::Strangers { bound: 4 * MIB }));
    assert_eq!(holding.held(), 4 * MIB);
    share.become_of(caller("a"), taking(3 * MIB)).unwrap();
    assert_eq!((holding.held(), holding.sums.borrow().strangers), (5 * MIB, 2 * MIB));
    drop(other);
    // The clone of the handle that a configuration holds may be gone before the last of its requests is.
    drop(holding);
    drop(share);
}

#[test]
fn whatever_is_taken_and_dropped_in_whatever_order_the_sums_are_those_of_what_is_left() {
    let holding = holding();
    let mut shares = Vec::new();
    let mut dice: u64 = 9;
    for _ in 0..20_000 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (who, bytes) = ((dice >> 33) % 9, (dice >> 40) % (2 * MIB));
        let holder = if who < 5 { caller(&who.to_string()) } else { stranger(&who.to_string()) };
        match (dice >> 60, shares.len()) {
            (0..6, 1..) => drop(shares.swap_remove((dice >> 20) as usize % shares.len())),
            (6..9, 1..) => {
                let place = (dice >> 20) as usize % shares.len();
                let share: &mut super::Share = &mut shares[place];
                let _ = share.become_of(holder, bytes);
            }
            _ => shares.extend(holding.take(holder, bytes)),
        }
        let sum = |holds: fn(Holder) -> bool| {
            shares.iter().filter(|share| holds(share.holder)).map(|share| share.bytes).sum::<u64>()
        };
        let sums = holding.sums.borrow();
        assert_eq!(
            (sums.all, sums.strangers),
            (sum(|_| true), sum(|one| matches!(one, Holder::Stranger(_))))
        );
        assert!(sums.all <= 8 * MIB && sums.strangers <= 4 * MIB);
        assert!(sums.each.values().all(|own| *own <= 3 * MIB + EACH));
    }
}

#[test]
fn the_refusal_says_what_is_full_and_when_to_come_back() {
    for (full, named) in [
        (Full::Worker { bound: 8 * MIB }, "hold 8 MiB of memory"),
        (Full::Strangers { bound: 512 * 1024 }, "hold 512 KiB of memory"),
        (Full::Caller { bound: 3 * MIB }, "this caller's requests that wait hold 3 MiB"),
    ] {
        let denial = Denial::from(full);
        assert_eq!((denial.reason(), denial.status()), (Reason::Overloaded, 503));
        assert!(denial.message().contains(named), "{}", denial.message());
        let ids = crate::denial::Ids { request: "r", decision: "d" };
        for wire in crate::request::Wire::ALL {
            let answer = denial.answer(wire, ids);
            let header = |name: &str| {
                answer.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
            };
            assert_eq!(
                (header("retry-after"), header("x-should-retry")),
                (Some("1"), Some("true")),
                "{wire:?}"
            );
        }
    }
}
