//! Names that somebody chose: they meet on no page, come near nothing that the gateway needs, and fill no table.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Change, Entry, Ledger, LedgerError, MemoryStore, Namespace, Owner, Store, compose, prepared};

const LEASE: Entry<'_> = Entry { namespace: Namespace::Lease, key: b"who polls the list" };

fn keyed(byte: u8) -> (Ledger, MemoryStore) {
    let store = MemoryStore::new();
    let mut ledger = Ledger::new();
    ledger.share_key(&store, || Some([byte; 32])).unwrap();
    ledger.prepare(&store);
    (ledger, store)
}

fn make(ledger: &Ledger, store: &dyn Store, entry: Entry<'_>, owner: Owner) -> Result<bool, LedgerError> {
    ledger.lease_for(owner, store, entry, (0, 1000))
}

/// Names whose plain hash falls on one page of the default table: as many as fill it.
fn aimed(namespace: Namespace, count: usize) -> Vec<Vec<u8>> {
    let page = |key: &[u8]| {
        let [first, second, ..] = Entry { namespace, key }.name().tag;
        u16::from_le_bytes([first, second]) & 4095
    };
    let aim = page(b"the counter of somebody else");
    let names = (0..u32::MAX).map(|number| compose(&[b"mallory", &number.to_le_bytes()]));
    names.filter(|name| page(name) == aim).take(count).collect()
}

#[test]
fn names_that_meet_by_a_plain_hash_are_spread_by_the_key() {
    for (namespace, note) in [(Namespace::Replay, "ids of proofs"), (Namespace::Quota, "models")] {
        let names = aimed(namespace, 400);
        let plain = Ledger::new();
        let store = prepared(&plain);
        let entry = |key| Entry { namespace, key };
        let full = names
            .iter()
            .any(|name| make(&plain, &store, entry(name), Owner::NOBODY) == Err(LedgerError::Full));
        assert!(full, "{note}: without a key they fill a page");
        for byte in [1, 2] {
            let (ledger, store) = keyed(byte);
            for name in &names {
                assert_eq!(make(&ledger, &store, entry(name), Owner::NOBODY), Ok(true), "{note}");
            }
            let most =
                ledger.pages().map(|page| ledger.occupancy(&store, page, 0).unwrap().live_entries).max();
            assert!(most.unwrap() < 8, "{note}: {most:?} of 400 on one of 4096 pages");
            assert_eq!(
                make(&ledger, &store, entry(b"the counter of somebody else"), Owner::NOBODY),
                Ok(true)
            );
        }
    }
}

#[test]
fn what_the_gateway_needs_has_room_when_the_table_has_none() {
    let store = MemoryStore::new();
    let mut ledger = Ledger::with_bounds(2, 1024);
    ledger.share_key(&store, || Some([7; 32])).unwrap();
    ledger.prepare(&store);
    for namespace in [
        Namespace::Quota,
        Namespace::Reservation,
        Namespace::Concurrency,
        Namespace::Replay,
        Namespace::Budget,
        Namespace::RemoteCounter,
        Namespace::History,
    ] {
        let fill = |number: u32| {
            let key = number.to_le_bytes();
            make(&ledger, &store, Entry { namespace, key: &key }, Owner::NOBODY)
        };
        (0..500).for_each(|number| {
            let _ = fill(number);
        });
        assert_eq!(fill(1000), Err(LedgerError::Full), "{namespace:?}");
    }
    for namespace in [Namespace::Lease, Namespace::SharedKey, Namespace::Revocation] {
        assert_eq!(ledger.lease(&store, Entry { namespace, ..LEASE }, 0, 10), Ok(true), "{namespace:?}");
    }
    let put = |_: Option<&[u8]>| Change::Put { value: vec![0; 32], expires_ms: 9, result: () };
    assert_eq!(ledger.update(&store, Entry { namespace: Namespace::SharedKey, key: b"k" }, 0, put), Ok(()));
}

#[test]
fn all_who_use_a_store_place_by_the_key_of_the_first() {
    let (first, store) = keyed(1);
    assert_eq!(first.lease(&store, LEASE, 0, 10), Ok(true));
    let drawn = AtomicUsize::new(0);
    for _ in 0..2 {
        let mut other = Ledger::new();
        let draw = || Some([drawn.fetch_add(1, Ordering::Relaxed) as u8; 32]);
        other.share_key(&store, draw).unwrap();
        assert_eq!(other.lease(&store, LEASE, 0, 10), Ok(false), "it finds what the first has made");
    }
    assert_eq!(drawn.into_inner(), 0, "and draws nothing");
    // Two workers that both find none: each creates one, and the first is kept.
    let store = MemoryStore::new();
    let mut late = Ledger::new();
    let mut early = Ledger::new();
    late.share_key(&store, || {
        early.share_key(&store, || Some([3; 32])).unwrap();
        Some([4; 32])
    })
    .unwrap();
    early.prepare(&store);
    assert_eq!(early.lease(&store, LEASE, 0, 10), Ok(true));
    assert_eq!(late.lease(&store, LEASE, 0, 10), Ok(false));
}

#[test]
fn without_a_key_nothing_is_placed() {
    let mut ledger = Ledger::new();
    let why = ledger.share_key(&MemoryStore::new(), || None).unwrap_err();
    assert!(why.contains("no randomness"), "{why}");
    for bytes in [b"".as_slice(), &[1; 16], &[1; 18], &[2; 17]] {
        let store = MemoryStore::new();
        store.create(u32::MAX, bytes);
        let why = ledger.share_key(&store, || Some([1; 32])).unwrap_err();
        assert!(why.contains("none of this ledger"), "{bytes:?}: {why}");
    }
    assert_eq!(
        format!("{:?}", keyed(9).0),
        "Ledger { page_mask: 4095, page_bytes: 8192 }",
        "no key is shown"
    );
}

#[test]
fn no_caller_and_no_tenant_fills_a_table() {
    let store = MemoryStore::new();
    let mut ledger = Ledger::with_bounds(1, 8192);
    ledger.share_key(&store, || Some([5; 32])).unwrap();
    ledger.prepare(&store);
    let owner = |caller: u8, tenant: &str| Owner::of(&[&[caller]], Some(tenant));
    let make = |number: u32, owner: Owner| {
        let key = number.to_le_bytes();
        make(&ledger, &store, Entry { namespace: Namespace::Quota, key: &key }, owner)
    };
    let counted = |first: u32, owner: Owner| {
        (first..first + 500).take_while(|number| make(*number, owner) == Ok(true)).count()
    };
    assert_eq!(counted(0, owner(1, "acme")), 62, "a quarter of a page, at 33 bytes each");
    assert_eq!(make(900, owner(1, "acme")), Err(LedgerError::Crowded));
    assert_eq!(make(0, owner(1, "acme")), Ok(false), "what is there stays its own");
    for (caller, want) in [(2, 62), (3, 62), (4, 0)] {
        assert_eq!(counted(u32::from(caller) * 1000, owner(caller, "acme")), want, "{caller}");
    }
    assert_eq!(counted(8000, owner(5, "globex")), 62, "another tenant has its own share");
    assert_eq!(make(9000, owner(6, "globex")), Err(LedgerError::Full), "two tenants together fill a page");
    assert_eq!(ledger.occupancy(&store, 0, 0).unwrap().largest_caller_bytes, 62 * 33);
    assert!(ledger.lease(&store, LEASE, 0, 10).unwrap(), "and even then the gateway has what it needs");
}

#[test]
fn a_name_for_a_place_is_scattered_by_the_key() {
    let name = 7_u64.to_le_bytes();
    assert_eq!(Ledger::new().scatter(name), 7);
    let (one, other) = (keyed(1).0.scatter(name), keyed(2).0.scatter(name));
    assert!(one != 7 && one != other, "{one} {other}");
}
