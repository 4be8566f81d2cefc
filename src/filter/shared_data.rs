//! Envoy's shared data.
//!
//! It is one map per VM id under one mutex, without expiry, and it outlives configurations. A key's first
//! write is not compared, so every key is created when the configuration loads.

use proxy_wasm::hostcalls;

/// A version that is never current and not 0, so that only an absent key takes the write.
const NEVER_CURRENT: u32 = u32::MAX;

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
