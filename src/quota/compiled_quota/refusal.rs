//! How a quota says no: as a rate limit, which passes by itself, or as a budget that is used up.

use crate::config::{self, ConfigError, RefusedAs, Span, Unit, WindowLength};
use crate::denial::Reason;

/// A budget, where nothing else is written, is money, or what is there for a day or longer.
pub(super) fn compile(quota: &config::Quota, at: &str) -> Result<Reason, ConfigError> {
    const A_DAY: Span = Span::from_seconds(24 * 60 * 60);
    let refused_as = match (quota.refused_as, quota.unit, quota.window) {
        (Some(RefusedAs::Budget), Unit::Concurrency, _) => {
            let why = "requests in flight end soon, so that a retry helps; leave this out";
            return Err(ConfigError::new(format!("{at}.refused_as"), why));
        }
        (Some(refused_as), ..) => refused_as,
        (None, Unit::Microdollars, _) | (None, _, Some(WindowLength::Calendar(_))) => RefusedAs::Budget,
        (None, _, Some(WindowLength::Span(length))) if length >= A_DAY => RefusedAs::Budget,
        (None, _, _) => RefusedAs::RateLimit,
    };
    Ok(match refused_as {
        RefusedAs::RateLimit => Reason::QuotaExceeded,
        RefusedAs::Budget => Reason::BudgetExhausted,
    })
}
