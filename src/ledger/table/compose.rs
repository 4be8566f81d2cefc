//! Keys from several parts.

/// One key from several parts, each behind its length, so that `ab`, `c` and `a`, `bc` stay apart.
pub fn compose(parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::new();
    for part in parts {
        key.extend_from_slice(&length_of(part));
        key.extend_from_slice(part);
    }
    key
}

pub(in crate::ledger) fn length_of(part: &[u8]) -> [u8; 8] {
    // `usize` has at most 64 bits.
    (part.len() as u64).to_le_bytes()
}
