//! Days, weeks and months of a time zone's calendar, as the steps of a window.
//!
//! A day is as long as it is where it is lived: 23 hours when clocks go forward, 25 when they go back, and none where a zone
//! leaves a date out. A step starts at the first moment of its first date: a date that clocks set back over midnight repeat
//! belongs to what has begun already, so that time never goes back.
//!
//! It knows the rules that were made law when the module was built, until 2099; a zone that changes its rules needs a new
//! module.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Offset, TimeZone as _, Utc};
use chrono_tz::Tz;

use crate::config::{Period, TimeZone};

/// The latest moment that has a date here, at the end of the year 9999, in milliseconds since the epoch.
const LATEST_MS: u64 = 253_402_300_799_999;

/// What 1970-01-01, a Thursday, is later than its Monday.
const DAYS_SINCE_MONDAY: i32 = 3;

/// A calendar, cut into days, weeks or months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    period: Period,
    zone: Tz,
}

impl Calendar {
    pub fn new(period: Period, zone: TimeZone) -> Self {
        Self { period, zone: zone.zone() }
    }

    pub fn period(&self) -> Period {
        self.period
    }

    /// The IANA name.
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// The number of the day, week or month at `now_ms`, counted from 1970.
    pub(super) fn step_at(&self, now_ms: u64) -> u64 {
        let step = date_at(self.zone, now_ms).map_or(0, |date| self.step_of(date));
        let next = step.saturating_add(1);
        if self.start_of(next) <= now_ms { next } else { step }
    }

    /// The first millisecond of `step`.
    pub(super) fn start_of(&self, step: u64) -> u64 {
        let start = self.first_date(step).and_then(|date| start_of_date(self.zone, date));
        start.map_or(u64::MAX, |seconds| u64::try_from(seconds).unwrap_or(0).saturating_mul(1000))
    }

    fn step_of(&self, date: NaiveDate) -> u64 {
        let days = date.to_epoch_days();
        let step = match self.period {
            Period::Day => days,
            Period::Week => days.saturating_add(DAYS_SINCE_MONDAY).div_euclid(7),
            Period::Month => {
                let years = date.year().saturating_sub(1970);
                years.saturating_mul(12).saturating_add_unsigned(date.month0())
            }
        };
        u64::try_from(step).unwrap_or(0)
    }

    /// `None` where there is no such date.
    pub(super) fn first_date(&self, step: u64) -> Option<NaiveDate> {
        let step = i32::try_from(step).ok()?;
        match self.period {
            Period::Day => NaiveDate::from_epoch_days(step),
            Period::Week => NaiveDate::from_epoch_days(step.checked_mul(7)?.checked_sub(DAYS_SINCE_MONDAY)?),
            Period::Month => {
                let month = u32::try_from(step.rem_euclid(12)).ok()?.checked_add(1)?;
                NaiveDate::from_ymd_opt(step.div_euclid(12).checked_add(1970)?, month, 1)
            }
        }
    }
}

/// The date that a calendar on the wall shows.
fn date_at(zone: Tz, now_ms: u64) -> Option<NaiveDate> {
    let now_ms = i64::try_from(now_ms.min(LATEST_MS)).ok()?;
    Some(DateTime::<Utc>::from_timestamp_millis(now_ms)?.with_timezone(&zone).date_naive())
}

/// The first second since the epoch at which the clocks of `zone` show `date`, or a later one where they leave it out.
fn start_of_date(zone: Tz, date: NaiveDate) -> Option<i64> {
    let midnight = date.and_time(NaiveTime::MIN);
    let as_utc = midnight.and_utc().timestamp();
    if let Some(offset) = zone.offset_from_local_datetime(&midnight).earliest() {
        return as_utc.checked_sub(offset.fix().local_minus_utc().into());
    }
    // Clocks go forward over midnight. No zone is so far from UTC that this would not be within a day.
    let mut before = midnight.checked_sub_days(Days::new(2))?.and_utc().timestamp();
    let mut after = midnight.checked_add_days(Days::new(2))?.and_utc().timestamp();
    while after.checked_sub(before)? > 1 {
        let middle = before.midpoint(after);
        let local = zone.offset_from_utc_datetime(&DateTime::from_timestamp(middle, 0)?.naive_utc());
        let shown = middle.checked_add(local.fix().local_minus_utc().into())?;
        if shown < as_utc { before = middle } else { after = middle }
    }
    Some(after)
}
