//! On which page an entry lies, and under which tag.
//!
//! Callers choose names: ids of proofs, models, whatever a quota counts by. Were the page a plain hash of the name, anybody
//! could find, on a machine of his own, names that all fall on the page of somebody else's counter, and fill it. So it is a
//! hash under a random key, SipHash-2-4 (Aumasson and Bernstein, 2012), as the tag in the page is. The key lies in the store
//! beside the pages: all workers of the process have the same, and it outlives configurations as the counters do. Whoever
//! creates it first wins.
//!
//! A ledger without a key places entries by their plain hash; only scripts and tests have one.

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

use super::owner::{Marks, Owner};
use super::page::Tag;
use super::store::Store;

/// Where the key is; no table has so many pages.
const KEY_PAGE: u32 = u32::MAX;
/// Stands before the key, so that another kind of key would not be taken for one.
const FORMAT: u8 = 1;

#[derive(Clone, Copy)]
pub(in crate::ledger) struct Placement(SipHasher24);

impl Placement {
    /// By the key that all who use `store` share.
    ///
    /// # Errors
    /// One line for the operator.
    pub(in crate::ledger) fn shared(
        store: &dyn Store,
        random: impl FnOnce() -> Option<[u8; 32]>,
    ) -> Result<Self, &'static str> {
        if let Some((bytes, _)) = store.read(KEY_PAGE) {
            return Self::read(&bytes);
        }
        let random = random().ok_or("there is no randomness for the key by which its entries are placed")?;
        let bytes: Vec<u8> = [FORMAT].into_iter().chain(random.into_iter().take(16)).collect();
        store.create(KEY_PAGE, &bytes);
        // Another worker's, where that was faster.
        let (bytes, _) = store.read(KEY_PAGE).ok_or("the key by which its entries are placed is missing")?;
        Self::read(&bytes)
    }

    fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        match bytes.split_first() {
            Some((&FORMAT, key)) => {
                let key = <&[u8; 16]>::try_from(key);
                key.map(|key| Self(SipHasher24::new_with_key(key))).map_err(|_| ())
            }
            _ => Err(()),
        }
        .map_err(|()| "the key by which its entries are placed is none of this ledger")
    }

    pub(in crate::ledger) fn tag(&self, name: &Tag) -> Tag {
        self.hash(0, name).to_le_bytes()
    }

    pub(in crate::ledger) fn marks(&self, owner: Owner) -> Marks {
        owner.marks(|name| {
            let [first, second, third, fourth, ..] = self.hash(1, name).to_le_bytes();
            [first, second, third, fourth]
        })
    }

    pub(in crate::ledger) fn number(&self, name: &[u8; 8]) -> u64 {
        let [first, second, third, fourth, fifth, sixth, seventh, eighth, ..] =
            self.hash(2, name).to_le_bytes();
        u64::from_le_bytes([first, second, third, fourth, fifth, sixth, seventh, eighth])
    }

    fn hash(&self, kind: u8, name: &[u8]) -> u128 {
        let mut hasher = self.0;
        hasher.write(&[kind]);
        hasher.write(name);
        hasher.finish128().as_u128()
    }
}
