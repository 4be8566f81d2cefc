//! Envoy's shared data: the ledger's pages, and documents that one worker fetched for all.
//!
//! It is one map per VM id under one mutex, without expiry, and it outlives configurations. A key's first
//! write is not compared, so every key is created when the configuration loads.

use proxy_wasm::hostcalls;

use crate::ledger::{Conflict, FORMAT, Store};

/// A version that is never current and not 0, so that only an absent key takes the write.
const NEVER_CURRENT: u32 = u32::MAX;

/// The ledger's pages in shared data.
pub(super) struct SharedData;

impl Store for SharedData {
    fn read(&self, page: u32) -> Option<(Vec<u8>, u32)> {
        read(&page_key(page))
    }

    fn write(&self, page: u32, bytes: &[u8], version: u32) -> Result<(), Conflict> {
        hostcalls::set_shared_data(&page_key(page), Some(bytes), Some(version)).map_err(|_| Conflict)
    }

    fn create(&self, page: u32, bytes: &[u8]) {
        create(&page_key(page), bytes);
    }
}

fn page_key(page: u32) -> String {
    format!("{FORMAT}.{page}")
}

/// The value and its version; `None` where the key is absent.
pub(super) fn read(key: &str) -> Option<(Vec<u8>, u32)> {
    let (bytes, version) = hostcalls::get_shared_data(key).ok()?;
    Some((bytes?, version?))
}

/// Writes where the key is absent; a key that exists stays as it is.
pub(super) fn create(key: &str, bytes: &[u8]) {
    // A conflict says that the key exists, which is what was wanted.
    let _ = hostcalls::set_shared_data(key, Some(bytes), Some(NEVER_CURRENT));
}

/// Writes whatever stands there.
pub(super) fn replace(key: &str, bytes: &[u8]) {
    let _ = hostcalls::set_shared_data(key, Some(bytes), None);
}
