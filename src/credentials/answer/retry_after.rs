//! How long whoever answers wants to be left alone.

use crate::request::Headers;

/// As Azure OpenAI and OpenAI say it in milliseconds, or everybody in seconds (RFC 9110 section 10.2.3).
pub(in crate::credentials) fn milliseconds(headers: &Headers) -> Option<u64> {
    let exact = headers.text("retry-after-ms").and_then(|text| text.trim().parse().ok());
    exact.or_else(|| of_seconds(headers.text("retry-after")?))
}

/// The seconds of a `Retry-After`; a date is taken as none.
pub(in crate::credentials) fn of_seconds(retry_after: &str) -> Option<u64> {
    retry_after.trim().parse::<u64>().ok().map(|seconds| seconds.saturating_mul(1000))
}
