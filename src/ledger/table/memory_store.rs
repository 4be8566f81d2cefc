//! Pages in memory, for tests and the command line.
//!
//! It keeps to the rules of Envoy's shared data, the surprising ones included: a page's first write is not
//! compared, and a version of 0 means "do not compare".

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::store::{Conflict, Store};

/// Shared data as one process has it; threads may share it.
#[derive(Debug, Default)]
pub struct MemoryStore {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    by_number: HashMap<u32, (Vec<u8>, u32)>,
    last_version: u32,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // A page is replaced whole, so one left behind by a thread that panicked is still good.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)> {
        self.pages().by_number.get(&page).cloned()
    }

    fn write(&self, page: u32, bytes: &[u8], version: u32) -> Result<(), Conflict> {
        let mut pages = self.pages();
        match pages.by_number.get(&page) {
            Some((_, current)) if version != 0 && version != *current => Err(Conflict),
            _ => {
                pages.replace(page, bytes);
                Ok(())
            }
        }
    }

    fn create(&self, page: u32, bytes: &[u8]) {
        let mut pages = self.pages();
        if !pages.by_number.contains_key(&page) {
            pages.replace(page, bytes);
        }
    }
}

impl Pages {
    fn replace(&mut self, page: u32, bytes: &[u8]) {
        // 0 is no version.
        self.last_version = self.last_version.checked_add(1).unwrap_or(1);
        self.by_number.insert(page, (bytes.to_vec(), self.last_version));
    }
}
