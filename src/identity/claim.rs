//! How a claim of a token is read, and what is wrong with one.

use serde_json::{Map, Value};

use crate::config::{ConfigError, require_text};
use crate::denial::{Denial, Reason};

/// The end of the year 9999; a later time is a mistake, such as milliseconds for seconds.
const MAX_NUMERIC_DATE: u64 = 253_402_300_799;

pub(super) fn missing(claim: &str) -> Denial {
    Denial::new(Reason::TokenClaimMissing).with_detail(format!("`{claim}`"))
}

pub(super) fn invalid(claim: &str, why: &str) -> Denial {
    Denial::new(Reason::TokenClaimInvalid).with_detail(format!("`{claim}` {why}"))
}

/// A NumericDate (RFC 7519 section 2) in milliseconds; whole or fractional seconds.
pub(super) fn numeric_date(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, Denial> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let milliseconds = match (value.as_u64(), value.as_f64()) {
        (Some(seconds), _) if seconds <= MAX_NUMERIC_DATE => Some(seconds.saturating_mul(1000)),
        // Below the bound the conversion is exact to a fraction of a millisecond.
        (None, Some(seconds)) if (0.0..=MAX_NUMERIC_DATE as f64).contains(&seconds) => {
            Some((seconds * 1000.0) as u64)
        }
        _ => None,
    };
    milliseconds.map(Some).ok_or_else(|| invalid(name, "is not a time in seconds since 1970"))
}

/// Texts that a claim is held to: at least one, and none of them empty.
pub(super) fn all_named(texts: &[String], at: &str) -> Result<(), ConfigError> {
    if texts.is_empty() {
        return Err(ConfigError::new(
            at,
            "an empty list, which no token could satisfy; write at least one value",
        ));
    }
    texts.iter().enumerate().try_for_each(|(index, text)| require_text(text, &format!("{at}[{index}]")))
}
