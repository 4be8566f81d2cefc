//! Stores that stand in the way, as other workers do.

use std::cell::{Cell, RefCell};

use crate::ledger::{Conflict, MemoryStore, Store};

/// Refuses the first writes, as if other workers were always faster.
pub(super) struct Stubborn {
    inner: MemoryStore,
    refusals: Cell<u32>,
}

impl Stubborn {
    pub(super) fn refusing(inner: MemoryStore, refusals: u32) -> Self {
        Self { inner, refusals: Cell::new(refusals) }
    }
}

impl Store for Stubborn {
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)> {
        self.inner.read(page)
    }

    fn write(&self, page: u32, bytes: &[u8], version: u32) -> Result<(), Conflict> {
        assert_ne!(version, 0, "the ledger never writes without comparing");
        match self.refusals.get().checked_sub(1) {
            Some(left) => {
                self.refusals.set(left);
                Err(Conflict)
            }
            None => self.inner.write(page, bytes, version),
        }
    }

    fn create(&self, page: u32, bytes: &[u8]) {
        self.inner.create(page, bytes);
    }
}

/// Lets another worker act between a read and the write that follows it.
pub(super) struct Rival<A> {
    inner: MemoryStore,
    act: RefCell<A>,
}

impl<A: FnMut(&MemoryStore)> Rival<A> {
    pub(super) fn new(inner: MemoryStore, act: A) -> Self {
        Self { inner, act: RefCell::new(act) }
    }
}

impl<A: FnMut(&MemoryStore)> Store for Rival<A> {
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)> {
        self.inner.read(page)
    }

    fn write(&self, page: u32, bytes: &[u8], version: u32) -> Result<(), Conflict> {
        assert_ne!(version, 0, "the ledger never writes without comparing");
        (self.act.borrow_mut())(&self.inner);
        self.inner.write(page, bytes, version)
    }

    fn create(&self, page: u32, bytes: &[u8]) {
        self.inner.create(page, bytes);
    }
}

/// Gives way between a read and the write that follows it, so that threads really meet there.
pub(super) struct Courteous(pub(super) MemoryStore);

impl Store for Courteous {
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)> {
        let seen = self.0.read(page);
        std::thread::yield_now();
        seen
    }

    fn write(&self, page: u32, bytes: &[u8], version: u32) -> Result<(), Conflict> {
        self.0.write(page, bytes, version)
    }

    fn create(&self, page: u32, bytes: &[u8]) {
        self.0.create(page, bytes);
    }
}
