//! What the table and its counters promise, whatever happens: exact, bounded, never empty by accident.

mod allotment;
mod calendar;
mod crowd;
mod placement;
mod stores;
mod table;
mod window;

use super::table::page::EMPTY;
use super::{
    Change, Conflict, Entry, Ledger, LedgerError, MAX_VALUE, MemoryStore, Namespace, Owner, Store, Window,
    compose,
};
use crate::config::{Span, WindowKind};
use stores::{Courteous, Rival, Stubborn};

const ENTRY: Entry<'_> = Entry { namespace: Namespace::Quota, key: b"tenant" };

fn prepared(ledger: &Ledger) -> MemoryStore {
    let store = MemoryStore::new();
    ledger.prepare(&store);
    store
}

/// Adds one to the number under `entry` in a table of two pages; it lives until `expires_ms`.
fn increment(store: &dyn Store, entry: Entry<'_>, expires_ms: u64) -> Result<u64, LedgerError> {
    Ledger::with_bounds(2, 8192).update(store, entry, 0, |value| {
        let sum = value.map_or(0, number) + 1;
        Change::Put { value: sum.to_le_bytes().to_vec(), expires_ms, result: sum }
    })
}

fn number(value: &[u8]) -> u64 {
    u64::from_le_bytes(value.try_into().unwrap())
}

/// What every [`Store`] must keep to.
fn contract(store: &dyn Store) {
    assert_eq!(store.read(7), None, "a page that nobody created is absent");

    store.create(7, b"first");
    let (bytes, created) = store.read(7).unwrap();
    assert_eq!(bytes, b"first");
    assert_ne!(created, 0, "0 is no version");

    store.create(7, b"second");
    assert_eq!(
        store.read(7).unwrap(),
        (b"first".to_vec(), created),
        "a page that exists is not created anew"
    );

    assert_eq!(store.write(7, b"third", created), Ok(()));
    let (bytes, written) = store.read(7).unwrap();
    assert_eq!(bytes, b"third");
    assert_ne!(written, created, "a write makes a new version");

    assert_eq!(store.write(7, b"fourth", created), Err(Conflict), "an old version is refused");
    assert_eq!(store.read(7).unwrap(), (b"third".to_vec(), written));
    assert_eq!(store.read(8), None, "pages are apart");
}

#[test]
fn every_store_keeps_the_contract() {
    contract(&MemoryStore::new());
    contract(&Stubborn::refusing(MemoryStore::new(), 0));
    contract(&Courteous(MemoryStore::new()));
    contract(&Rival::new(MemoryStore::new(), |_| {}));
}

#[test]
fn keys_and_namespaces_are_apart() {
    let ledger = Ledger::with_bounds(2, 8192);
    let store = prepared(&ledger);
    let keys =
        [b"".to_vec(), b"a".to_vec(), compose(&[b"ab", b"c"]), compose(&[b"a", b"bc"]), compose(&[b"abc"])];
    for key in &keys {
        for namespace in [Namespace::Quota, Namespace::Lease, Namespace::Replay] {
            assert_eq!(increment(&store, Entry { namespace, key }, 10), Ok(1), "{namespace:?} {key:?}");
        }
    }
}

#[test]
fn preparing_again_keeps_everything() {
    let ledger = Ledger::with_bounds(2, 8192);
    let store = prepared(&ledger);
    increment(&store, ENTRY, 10).unwrap();
    ledger.prepare(&store);
    assert_eq!(increment(&store, ENTRY, 10), Ok(2));
}

#[test]
fn a_table_prepared_half_way_is_completed() {
    let ledger = Ledger::with_bounds(8, 8192);
    let store = MemoryStore::new();
    store.create(0, &EMPTY);
    ledger.prepare(&store);
    assert!(ledger.pages().all(|page| store.read(page).is_some()));
    assert_eq!(ledger.pages().count(), 8);
}

#[test]
fn a_page_that_is_absent_denies_and_is_not_created() {
    let ledger = Ledger::with_bounds(2, 8192);
    let store = MemoryStore::new();
    assert_eq!(increment(&store, ENTRY, 10), Err(LedgerError::Absent));
    assert_eq!(ledger.read(&store, ENTRY, 0), Err(LedgerError::Absent));
    assert_eq!(ledger.lease(&store, ENTRY, 0, 10), Err(LedgerError::Absent));
    assert!(ledger.pages().all(|page| store.read(page).is_none()));
}

#[test]
fn a_lease_that_is_shortened_ends_when_it_is_told_to() {
    let ledger = Ledger::with_bounds(2, 8192);
    for (until_ms, free_at, note) in [
        (60, 60, "before its end"),
        (300, 300, "after its end"),
        (50, 50, "now"),
        (10, 50, "in the past, which is now"),
    ] {
        let store = prepared(&ledger);
        ledger.lease(&store, ENTRY, 0, 100).unwrap();
        ledger.shorten_lease(&store, ENTRY, 50, until_ms).unwrap();
        if free_at > 50 {
            assert_eq!(ledger.lease(&store, ENTRY, free_at - 1, 100), Ok(false), "{note}");
        }
        assert_eq!(ledger.lease(&store, ENTRY, free_at, 100), Ok(true), "{note}");
    }
    let store = prepared(&ledger);
    ledger.shorten_lease(&store, ENTRY, 0, 100).unwrap();
    assert_eq!(ledger.lease(&store, ENTRY, 0, 100), Ok(true), "a lease that nobody holds stays free");
}

#[test]
fn a_lease_has_one_holder_until_it_expires() {
    let ledger = Ledger::with_bounds(2, 8192);
    let store = prepared(&ledger);
    for (now_ms, won, note) in [
        (1000, true, "nobody held it"),
        (1000, false, "held"),
        (1099, false, "held until the last millisecond"),
        (1100, true, "expired"),
        (1101, false, "held again"),
    ] {
        assert_eq!(ledger.lease(&store, ENTRY, now_ms, 100), Ok(won), "{note}");
    }
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let ledger = Ledger::with_bounds(1, 8192);
    let store = prepared(&ledger);
    ledger.lease(&store, ENTRY, 0, 100).unwrap();
    let before = store.read(0);
    let other = Entry { namespace: Namespace::Lease, key: b"other" };
    ledger.lease(&store, ENTRY, 0, 100).unwrap();
    ledger.read(&store, ENTRY, 0).unwrap();
    ledger.update(&store, ENTRY, 0, |_| Change::Keep(())).unwrap();
    ledger.update(&store, other, 0, |_| Change::Remove(())).unwrap();
    assert_eq!(store.read(0), before);
}

#[test]
fn a_value_that_is_too_long_is_refused() {
    let ledger = Ledger::with_bounds(1, 8192);
    let store = prepared(&ledger);
    let put = |length| {
        let value = vec![0; length];
        ledger.update(&store, ENTRY, 0, |_| Change::Put { value: value.clone(), expires_ms: 1, result: () })
    };
    assert_eq!(put(MAX_VALUE), Ok(()));
    assert_eq!(put(MAX_VALUE + 1), Err(LedgerError::Full));
}

#[test]
fn a_hundred_thousand_of_the_largest_counters_fit_the_default() {
    const LARGEST_TALLY: usize = 113;
    let ledger = Ledger::new();
    let store = prepared(&ledger);
    for index in 0..100_000_u32 {
        let entry = Entry { namespace: Namespace::Quota, key: &index.to_le_bytes() };
        let put = |_: Option<&[u8]>| Change::Put { value: vec![0; LARGEST_TALLY], expires_ms: 9, result: () };
        assert_eq!(ledger.update(&store, entry, 0, put), Ok(()), "{index}");
    }
    let occupied = ledger.pages().map(|page| ledger.occupancy(&store, page, 0).unwrap());
    assert_eq!(occupied.map(|page| page.live_entries).sum::<usize>(), 100_000);
}

#[test]
fn filling_the_table_frees_nobody() {
    let ledger = Ledger::with_bounds(1, 1024);
    let store = prepared(&ledger);
    let window = Window::compile(WindowKind::Fixed, Span::from_seconds(10)).unwrap();
    let spend = |key: &[u8], now_ms| window.spend(&ledger, &store, &window.counter(key), 3, 1, now_ms);
    for _ in 0..3 {
        assert!(spend(b"used up", 0).unwrap().admitted);
    }
    let crowd = (0..100_u32).map(|index| spend(&index.to_le_bytes(), 0)).collect::<Vec<_>>();
    assert!(crowd.contains(&Err(LedgerError::Full)), "the page is full");
    for now_ms in [0, 5000, 9999] {
        assert!(!spend(b"used up", now_ms).unwrap().admitted, "still refused at {now_ms}");
        assert_eq!(spend(b"stranger", now_ms), Err(LedgerError::Full));
    }
    assert!(spend(b"used up", 10_000).unwrap().admitted, "the window began anew");
    assert!(spend(b"stranger", 11_000).unwrap().admitted, "the expired made room");
}

#[test]
fn conflicts_lose_nothing_up_to_the_bound() {
    for (conflicts, outcome) in [(0, Ok(2)), (1, Ok(2)), (63, Ok(2)), (64, Err(LedgerError::Contended))] {
        let store = prepared(&Ledger::with_bounds(2, 8192));
        increment(&store, ENTRY, 10).unwrap();
        let store = Stubborn::refusing(store, conflicts);
        assert_eq!(increment(&store, ENTRY, 10), outcome, "{conflicts} conflicts");
        let stored = Ledger::with_bounds(2, 8192).read(&store, ENTRY, 0).unwrap().unwrap();
        assert_eq!(number(&stored), outcome.unwrap_or(1), "{conflicts} conflicts");
    }
}

#[test]
fn threads_admit_exactly_the_limit() {
    const LIMIT: u64 = 5000;
    for kind in [WindowKind::Sliding, WindowKind::Fixed] {
        let ledger = Ledger::with_bounds(1, 8192);
        let store = Courteous(prepared(&ledger));
        let window = Window::compile(kind, Span::from_seconds(60)).unwrap();
        let admitted = |_| {
            let spend = || window.spend(&ledger, &store, &window.counter(b"key"), LIMIT, 1, 1_000_000);
            // Contended spends nothing, so the thread asks again; only a refusal ends it.
            std::iter::repeat_with(spend)
                .map_while(|count| count.map_or_else(|_| Some(0), |count| count.admitted.then_some(1)))
                .sum::<u64>()
        };
        let total = std::thread::scope(|scope| {
            let threads = [0; 4].map(|thread| scope.spawn(move || admitted(thread)));
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
        });
        assert_eq!(total, LIMIT, "{kind:?}");
        assert_eq!(
            window.peek(&ledger, &store, &window.counter(b"key"), LIMIT, 1_000_000).unwrap().used,
            LIMIT
        );
    }
}
