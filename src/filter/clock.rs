//! The only clock and the only dice of the filter.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use proxy_wasm::hostcalls;

use crate::request::Moment;

/// Milliseconds since the Unix epoch, by Envoy's clock.
pub(super) fn now_ms() -> u64 {
    let now = hostcalls::get_current_time().unwrap_or_else(|_| SystemTime::now());
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Bytes that nobody can guess; `None` where the host has no randomness.
pub(super) fn random_key() -> Option<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).ok().map(|()| key)
}

/// Random bytes, fetched from the host for many requests at once.
#[derive(Default)]
pub(super) struct Dice {
    left: RefCell<Vec<[u8; 16]>>,
}

impl Dice {
    pub(super) fn roll(&self) -> [u8; 16] {
        const ROLLS: usize = 64;
        let mut left = self.left.borrow_mut();
        if left.is_empty() {
            let mut bytes = [0; 16 * ROLLS];
            // Ids need to be unlikely to repeat, not to be secret: without entropy the clock must do.
            if getrandom::fill(&mut bytes).is_err() {
                let now = now_ms().to_le_bytes();
                return std::array::from_fn(|index| now.get(index).copied().unwrap_or_default());
            }
            let (rolls, _) = bytes.as_chunks();
            left.extend(rolls);
        }
        left.pop().unwrap_or_default()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { unix_ms: now_ms(), entropy: self.roll() }
    }
}
