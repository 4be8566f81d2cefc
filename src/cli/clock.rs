//! The time, as commands judge by it and put it into what they write.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use super::randomness::random;
use crate::config::Timestamp;
use crate::request::{Moment, milliseconds};

pub(super) fn now_seconds() -> io::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?.as_secs())
}

/// Now, as the gateway knows a moment.
pub(super) fn moment() -> io::Result<Moment> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    Ok(Moment { unix_ms: milliseconds(since), entropy: random()? })
}

pub(super) fn timestamp(unix_seconds: u64) -> Result<Timestamp, String> {
    let time =
        i64::try_from(unix_seconds).ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    let time = time.ok_or("the key would expire later than calendars reach; write a shorter time")?;
    Timestamp::parse(&time.to_rfc3339())
}
