//! The only clock and the only dice of the filter.

use std::time::{SystemTime, UNIX_EPOCH};

use proxy_wasm::hostcalls;

use crate::request::Moment;

/// Milliseconds since the Unix epoch, by Envoy's clock.
pub(super) fn now_ms() -> u64 {
    let now = hostcalls::get_current_time().unwrap_or_else(|_| SystemTime::now());
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn moment() -> Moment {
    let mut entropy = [0; 16];
    // Ids need to be unlikely to repeat, not to be secret: without entropy the clock must do.
    if getrandom::fill(&mut entropy).is_err() {
        for (to, from) in entropy.iter_mut().zip(now_ms().to_le_bytes()) {
            *to = from;
        }
    }
    Moment { unix_ms: now_ms(), entropy }
}
