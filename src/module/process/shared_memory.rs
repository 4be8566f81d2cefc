//! Pages and documents that all workers and configurations of the process share, as Envoy's shared data is for the wasm filter.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use crate::ledger::{Conflict, Store};

/// Among so many tables the pages are dealt out, so that those who look for different ones seldom meet.
const TABLES: usize = 64;

/// The pages, each under a lock of its own, and the documents.
pub(in crate::module) struct SharedMemory {
    pages: [RwLock<HashMap<u32, Mutex<Versioned>>>; TABLES],
    documents: RwLock<HashMap<String, Arc<Versioned>>>,
}

/// Bytes, and how often they were written; never 0.
struct Versioned {
    bytes: Vec<u8>,
    version: u32,
}

impl Versioned {
    fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), version: 1 }
    }

    fn next(&self) -> u32 {
        self.version.checked_add(1).unwrap_or(1)
    }
}

impl SharedMemory {
    pub(in crate::module) fn new() -> Self {
        Self { pages: std::array::from_fn(|_| RwLock::default()), documents: RwLock::default() }
    }

    pub(in crate::module) fn document(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        let documents = self.documents.read();
        let document = Arc::clone(documents.get(key)?);
        drop(documents);
        Some((document.bytes.clone(), document.version))
    }

    pub(in crate::module) fn create_document(&self, key: &str, content: &[u8]) {
        let mut documents = self.documents.write();
        documents.entry_ref(key).or_insert_with(|| Arc::new(Versioned::new(content)));
    }

    pub(in crate::module) fn replace_document(&self, key: &str, content: &[u8]) {
        let mut documents = self.documents.write();
        let version = documents.get(key).map_or(1, |document| document.next());
        documents.insert(key.to_owned(), Arc::new(Versioned { bytes: content.to_vec(), version }));
    }

    /// `None` where there is no such page.
    fn with_page<T>(&self, page: u32, act: impl FnOnce(&mut Versioned) -> T) -> Option<T> {
        let pages = self.table(page)?.read();
        // A page is replaced whole, so one left behind by a thread that panicked is still good.
        Some(act(&mut pages.get(&page)?.lock()))
    }

    fn table(&self, page: u32) -> Option<&RwLock<HashMap<u32, Mutex<Versioned>>>> {
        self.pages.get(usize::try_from(page).ok()?.checked_rem(TABLES)?)
    }
}

impl Store for SharedMemory {
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)> {
        self.with_page(page, |page| (page.bytes.clone(), page.version))
    }

    fn write(&self, page: u32, bytes: &[u8], version: u32) -> Result<(), Conflict> {
        let write = |page: &mut Versioned| {
            if page.version != version {
                return Err(Conflict);
            }
            page.version = page.next();
            page.bytes.clear();
            page.bytes.extend_from_slice(bytes);
            Ok(())
        };
        self.with_page(page, write).unwrap_or(Err(Conflict))
    }

    fn create(&self, page: u32, bytes: &[u8]) {
        if let Some(table) = self.table(page) {
            let mut pages = table.write();
            pages.entry(page).or_insert_with(|| Mutex::new(Versioned::new(bytes)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::SharedMemory;
    use crate::ledger::{Conflict, Store};

    #[test]
    fn of_writers_that_have_read_the_same_one_wins() {
        let memory = SharedMemory::new();
        assert_eq!(memory.write(3, b"x", 1), Err(Conflict), "a page that nobody has created");
        memory.create(3, b"first");
        memory.create(3, b"again");
        let (bytes, version) = memory.read(3).unwrap();
        assert_eq!(bytes, b"first");
        assert_eq!(memory.write(3, b"second", version), Ok(()));
        assert_eq!(memory.write(3, b"third", version), Err(Conflict));
        assert_eq!(memory.read(3).unwrap().0, b"second");
        memory.create(u32::MAX, b"key");
        assert_eq!(memory.read(u32::MAX), Some((b"key".to_vec(), 1)), "whatever its number");
        assert_eq!(memory.read(4), None);
    }

    #[test]
    fn no_increment_of_many_threads_is_lost() {
        let memory = SharedMemory::new();
        memory.create(0, &0_u64.to_le_bytes());
        let conflicts = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        loop {
                            let (bytes, version) = memory.read(0).unwrap();
                            let count = u64::from_le_bytes(bytes.try_into().unwrap());
                            if memory.write(0, &(count + 1).to_le_bytes(), version).is_ok() {
                                break;
                            }
                            conflicts.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(memory.read(0).unwrap().0, 4000_u64.to_le_bytes(), "{conflicts:?} conflicts");
    }

    #[test]
    fn a_document_tells_each_of_its_versions_apart() {
        let memory = SharedMemory::new();
        assert_eq!(memory.document("keys"), None);
        memory.create_document("keys", b"nothing");
        memory.create_document("keys", b"again");
        assert_eq!(memory.document("keys"), Some((b"nothing".to_vec(), 1)));
        memory.replace_document("keys", b"one");
        assert_eq!(memory.document("keys"), Some((b"one".to_vec(), 2)));
    }
}
