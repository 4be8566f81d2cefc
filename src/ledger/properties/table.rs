//! The table against a model, against rivals and against bytes it did not write.

use std::cell::RefCell;
use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::stores::Rival;
use super::{ENTRY, increment, number, prepared};
use crate::config::{Span, WindowKind};
use crate::ledger::page::EMPTY;
use crate::ledger::{Change, Entry, Ledger, LedgerError, MAX_VALUE, MemoryStore, Namespace, Store, Window};

/// One thing a worker does.
#[derive(Clone, Debug)]
enum Deed {
    Put { value: Vec<u8>, for_ms: u64 },
    Remove,
    Read,
    Lease { for_ms: u64 },
}

impl Deed {
    /// Does it, and says what value was live before.
    fn perform(
        &self,
        ledger: &Ledger,
        store: &MemoryStore,
        entry: Entry<'_>,
        now_ms: u64,
    ) -> Result<Option<Vec<u8>>, LedgerError> {
        let before = ledger.read(store, entry, now_ms)?;
        let seen = match self {
            Self::Read => return Ok(before),
            Self::Lease { for_ms } => {
                let won = ledger.lease(store, entry, now_ms, *for_ms)?;
                assert_eq!(won, before.is_none());
                return Ok(before);
            }
            Self::Remove => {
                ledger.update(store, entry, now_ms, |seen| Change::Remove(seen.map(<[u8]>::to_vec)))
            }
            Self::Put { value, for_ms } => ledger.update(store, entry, now_ms, |seen| Change::Put {
                value: value.clone(),
                expires_ms: now_ms + for_ms,
                result: seen.map(<[u8]>::to_vec),
            }),
        }?;
        assert_eq!(seen, before, "a change sees what a read sees");
        Ok(before)
    }
}

/// What the table should be.
#[derive(Default)]
struct Model(HashMap<u8, (Vec<u8>, u64)>);

impl Model {
    fn live(&self, key: u8, now_ms: u64) -> Option<Vec<u8>> {
        self.0.get(&key).filter(|(_, expires_ms)| now_ms < *expires_ms).map(|(value, _)| value.clone())
    }

    fn perform(&mut self, deed: &Deed, key: u8, now_ms: u64) {
        match deed {
            Deed::Put { value, for_ms } => {
                self.0.insert(key, (value.clone(), now_ms + for_ms));
            }
            Deed::Lease { for_ms } if self.live(key, now_ms).is_none() => {
                self.0.insert(key, (Vec::new(), now_ms + for_ms));
            }
            Deed::Remove => {
                self.0.remove(&key);
            }
            Deed::Read | Deed::Lease { .. } => {}
        }
    }
}

fn deeds() -> impl Strategy<Value = Vec<(u8, u64, Deed)>> {
    let deed = prop_oneof![
        (vec(any::<u8>(), 0..=MAX_VALUE), 0..50_u64).prop_map(|(value, for_ms)| Deed::Put { value, for_ms }),
        Just(Deed::Remove),
        Just(Deed::Read),
        (0..50_u64).prop_map(|for_ms| Deed::Lease { for_ms }),
    ];
    vec((0..12_u8, 0..10_u64, deed), 0..80)
}

fn one_byte(key: &u8) -> Entry<'_> {
    Entry { namespace: Namespace::Quota, key: std::slice::from_ref(key) }
}

proptest! {
    #[test]
    fn the_table_is_a_map_with_expiry_within_its_bounds(deeds in deeds(), page_bytes in 200..1500_usize) {
        let ledger = Ledger::with_bounds(2, page_bytes);
        let store = prepared(&ledger);
        let mut model = Model::default();
        let mut now_ms = 0;
        for (key, passed, deed) in deeds {
            now_ms += passed;
            let entry = Entry { namespace: Namespace::Budget, key: &[key] };
            match deed.perform(&ledger, &store, entry, now_ms) {
                Err(error) => prop_assert_eq!(error, LedgerError::Full),
                Ok(before) => {
                    prop_assert_eq!(before, model.live(key, now_ms));
                    model.perform(&deed, key, now_ms);
                }
            }
            for key in 0..12 {
                let entry = Entry { namespace: Namespace::Budget, key: &[key] };
                prop_assert_eq!(ledger.read(&store, entry, now_ms), Ok(model.live(key, now_ms)));
            }
            for page in ledger.pages() {
                prop_assert!(ledger.occupancy(&store, page, now_ms).unwrap().bytes <= page_bytes);
            }
        }
    }

    #[test]
    fn a_writer_in_between_is_never_lost(ours in vec(0..4_u8, 1..30), theirs in vec(0..4_u8, 0..60)) {
        let ledger = Ledger::with_bounds(2, 8192);
        let rivals = RefCell::new(theirs.clone());
        // Before each write the rival changes one key, the same page's or not.
        let store = Rival::new(prepared(&ledger), |inner| {
            if let Some(key) = rivals.borrow_mut().pop() {
                increment(inner, one_byte(&key), 10).unwrap();
            }
        });
        for key in &ours {
            increment(&store, one_byte(key), 10).unwrap();
        }
        let unused = rivals.borrow().len();
        for key in 0..4 {
            let expected = ours.iter().chain(theirs.iter().skip(unused)).filter(|other| **other == key).count();
            let stored = ledger.read(&store, one_byte(&key), 0).unwrap();
            prop_assert_eq!(stored.map_or(0, |value| number(&value)), expected as u64);
        }
    }

    #[test]
    fn corrupt_pages_neither_panic_nor_change(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..600),
            vec(any::<u8>(), 0..600).prop_map(|tail| [EMPTY.as_slice(), &tail].concat()),
        ],
        now_ms in any::<u64>(),
    ) {
        let ledger = Ledger::with_bounds(1, 8192);
        let store = MemoryStore::new();
        store.create(0, &bytes);
        let is_whole = ledger.occupancy(&store, 0, now_ms).is_ok();
        let window = Window::compile(WindowKind::Sliding, Span::from_seconds(1)).unwrap();
        let seen = [
            ledger.read(&store, ENTRY, now_ms).map(|_| ()),
            ledger.lease(&store, ENTRY, now_ms, 10).map(|_| ()),
            ledger.update(&store, ENTRY, now_ms, |_| Change::Remove(())),
            window.spend(&ledger, &store, &window.counter(b"key"), 1, 1, now_ms).map(|_| ()),
        ];
        if !is_whole {
            prop_assert_eq!(seen, [Err(LedgerError::Absent); 4]);
            prop_assert_eq!(store.read(0).unwrap().0, bytes);
        }
    }

    #[test]
    fn a_page_cut_short_denies(cut in 1..60_usize) {
        let ledger = Ledger::with_bounds(1, 8192);
        let store = prepared(&ledger);
        ledger.lease(&store, ENTRY, 0, 100).unwrap();
        let (bytes, version) = store.read(0).unwrap();
        let kept = bytes.len().saturating_sub(cut);
        // Without any record the page is whole again, and that is the one cut nobody can see.
        if kept != EMPTY.len() {
            store.write(0, &bytes[..kept], version).unwrap();
            prop_assert_eq!(ledger.read(&store, ENTRY, 0), Err(LedgerError::Absent));
        }
    }
}
