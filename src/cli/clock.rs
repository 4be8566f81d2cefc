//! The time, as commands put it into what they write.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::Timestamp;

pub(super) fn now_seconds() -> io::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?.as_secs())
}

pub(super) fn timestamp(unix_seconds: u64) -> Result<Timestamp, String> {
    let time =
        i64::try_from(unix_seconds).ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    let time = time.ok_or("the key would expire later than calendars reach; write a shorter time")?;
    Timestamp::parse(&time.to_rfc3339())
}
