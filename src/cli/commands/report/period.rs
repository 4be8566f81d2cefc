//! Which requests are summed, by when they came.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;

use super::billed_record::BilledRecord;

/// From one moment until before another.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Period {
    /// The first moment, such as `2026-11-01` (its beginning, in UTC) or `2026-11-01T08:00:00+01:00`
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<DateTime<Utc>>,
    /// The first moment that is not in it any more, written so, too
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<DateTime<Utc>>,
}

impl Period {
    pub(super) fn holds(&self, record: &BilledRecord<'_>) -> bool {
        self.from.is_none_or(|from| record.time >= from) && self.to.is_none_or(|to| record.time < to)
    }
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let date = text.parse::<NaiveDate>();
    let midnight = date.map(|date| date.and_time(NaiveTime::MIN).and_utc());
    midnight.map_err(|_| {
        "write a date such as `2026-11-01`, or RFC 3339 such as `2026-11-01T08:00:00Z`".to_owned()
    })
}
