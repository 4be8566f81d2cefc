//! The window of a quota, from what its entry says of it.

use crate::config::{self, ConfigError, TimeZone, WindowLength};
use crate::ledger::{Calendar, Window};

/// `None` where the entry has no window.
pub(super) fn compile(quota: &config::Quota, at: &str) -> Result<Option<Window>, ConfigError> {
    let refused = |field: &str, why: &str| Err(ConfigError::new(format!("{at}.{field}"), why));
    match (quota.window, quota.window_kind, quota.time_zone) {
        (Some(WindowLength::Calendar(_)), Some(_), _) => refused(
            "window_kind",
            "a window of the calendar starts anew with its day, week or month; leave this out, or write a length in `window`, such as `1d`",
        ),
        (Some(WindowLength::Calendar(period)), None, zone) => {
            Ok(Some(Window::following(Calendar::new(period, zone.unwrap_or(TimeZone::UTC)))))
        }
        (_, _, Some(_)) => refused(
            "time_zone",
            "only a calendar has a time zone; leave this out, or write `day`, `week` or `month` in `window`",
        ),
        (Some(WindowLength::Span(length)), kind, None) => {
            let window = Window::compile(kind.unwrap_or_default(), length);
            window.map(Some).map_err(|error| ConfigError::new(format!("{at}.window"), error.why))
        }
        (None, _, None) => Ok(None),
    }
}
