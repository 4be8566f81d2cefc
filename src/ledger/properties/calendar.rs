//! Windows of the calendar: as long as their days are, one after the other, and never over their limit.

use chrono::{DateTime, NaiveDate};
use chrono_tz::TZ_VARIANTS;
use proptest::collection::vec;
use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};

use super::prepared;
use crate::config::{Period, TimeZone};
use crate::ledger::{Account, Calendar, Ledger, Window};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// One day, week or month.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CalendarWindow {
    /// As in ISO 8601: `2026-11-26`, `2026-W48` or `2026-11`.
    name: String,
    /// Its first millisecond since the epoch.
    start_ms: u64,
    /// The first millisecond of the next one.
    end_ms: u64,
}

impl Calendar {
    /// The window at `now_ms`.
    fn window_at(&self, now_ms: u64) -> CalendarWindow {
        let step = self.step_at(now_ms);
        CalendarWindow {
            name: self.first_date(step).map(|date| name(self.period(), date)).unwrap_or_default(),
            start_ms: self.start_of(step),
            end_ms: self.start_of(step.saturating_add(1)),
        }
    }
}

fn calendar(period: Period, zone: &str) -> Calendar {
    Calendar::new(period, TimeZone::parse(zone).unwrap())
}

fn calendars() -> impl Strategy<Value = Calendar> {
    let periods = prop::sample::select(Period::ALL.to_vec());
    let zones = prop::sample::select(TZ_VARIANTS.to_vec());
    (periods, zones).prop_map(|(period, zone)| calendar(period, zone.name()))
}

/// From 1971 to 2099.
fn moments() -> impl Strategy<Value = u64> {
    365 * DAY..130 * 365 * DAY
}

/// What a calendar on the wall shows, as a day, week or month.
fn shown(calendar: &Calendar, at_ms: u64) -> String {
    let zone = TimeZone::parse(calendar.zone()).unwrap().zone();
    let date = DateTime::from_timestamp_millis(at_ms.try_into().unwrap()).unwrap().with_timezone(&zone);
    name(calendar.period(), date.date_naive())
}

fn name(period: Period, date: NaiveDate) -> String {
    let pattern = match period {
        Period::Day => "%Y-%m-%d",
        Period::Week => "%G-W%V",
        Period::Month => "%Y-%m",
    };
    date.format(pattern).to_string()
}

/// The figures are those of Python's `zoneinfo`.
#[test]
fn a_window_is_as_long_as_its_days() {
    for (zone, period, start_ms, minutes, name, note) in [
        ("UTC", Period::Day, 1_795_651_200_000, 24 * 60, "2026-11-26", "a plain day"),
        ("UTC", Period::Month, 1_832_976_000_000, 696 * 60, "2028-02", "a leap year's February"),
        ("Europe/Berlin", Period::Day, 1_774_738_800_000, 23 * 60, "2026-03-29", "clocks go forward"),
        ("Europe/Berlin", Period::Day, 1_792_879_200_000, 25 * 60, "2026-10-25", "clocks go back"),
        ("Europe/Berlin", Period::Week, 1_774_220_400_000, 167 * 60, "2026-W13", "a week with it"),
        ("Europe/Berlin", Period::Month, 1_772_319_600_000, 743 * 60, "2026-03", "a month with it"),
        ("Europe/Berlin", Period::Week, 1_735_513_200_000, 168 * 60, "2025-W01", "it begins in the old year"),
        ("America/Los_Angeles", Period::Month, 1_793_516_400_000, 721 * 60, "2026-11", "west of UTC"),
        ("Asia/Kathmandu", Period::Day, 1_795_630_500_000, 24 * 60, "2026-11-26", "45 minutes past the hour"),
        ("Pacific/Kiritimati", Period::Day, 1_795_600_800_000, 24 * 60, "2026-11-26", "14 hours ahead"),
        (
            "Australia/Lord_Howe",
            Period::Day,
            1_775_307_600_000,
            24 * 60 + 30,
            "2026-04-05",
            "by half an hour",
        ),
        ("America/Havana", Period::Day, 1_772_946_000_000, 23 * 60, "2026-03-08", "forward at midnight"),
        ("America/Havana", Period::Day, 1_793_505_600_000, 25 * 60, "2026-11-01", "back to midnight"),
        ("Africa/Cairo", Period::Day, 1_776_981_600_000, 23 * 60, "2026-04-24", "no midnight"),
        ("Africa/Cairo", Period::Day, 1_793_221_200_000, 25 * 60, "2026-10-29", "back from midnight"),
        ("Pacific/Apia", Period::Day, 1_325_152_800_000, 24 * 60, "2011-12-29", "the next date is left out"),
        (
            "America/St_Johns",
            Period::Day,
            1_289_010_600_000,
            24 * 60,
            "2010-11-06",
            "a minute of the next day",
        ),
        (
            "America/St_Johns",
            Period::Day,
            1_289_097_000_000,
            25 * 60,
            "2010-11-07",
            "the day that began twice",
        ),
    ] {
        let end_ms = start_ms + minutes * 60_000;
        let window = CalendarWindow { name: name.to_owned(), start_ms, end_ms };
        let calendar = calendar(period, zone);
        for at_ms in [start_ms, (start_ms + end_ms) / 2, end_ms - 1] {
            assert_eq!(calendar.window_at(at_ms), window, "{zone}: {note}");
        }
        assert_eq!(calendar.window_at(end_ms).start_ms, end_ms, "{zone}: {note}");
        assert_eq!(calendar.window_at(start_ms - 1).end_ms, start_ms, "{zone}: {note}");
    }
}

#[test]
fn moments_without_a_date_do_no_harm() {
    for period in Period::ALL {
        let calendar = calendar(period, "Asia/Tokyo");
        assert_eq!(calendar.window_at(0).start_ms, 0, "what is before 1970 is not told");
        let last = calendar.window_at(u64::MAX);
        assert!(last.start_ms < last.end_ms, "{last:?}");
    }
}

#[test]
fn periods_and_zones_count_apart() {
    let ledger = Ledger::with_bounds(1, 8192);
    let store = prepared(&ledger);
    for period in Period::ALL {
        for zone in ["UTC", "Europe/Berlin"] {
            let window = Window::following(calendar(period, zone));
            let count = window.spend(&ledger, &store, &window.counter(b"key"), 1, 1, DAY).unwrap();
            assert!(count.admitted, "{period:?} {zone}");
        }
    }
}

#[test]
fn an_account_starts_anew_with_the_month() {
    let calendar = calendar(Period::Month, "Europe/Berlin");
    let CalendarWindow { start_ms, end_ms, .. } = calendar.window_at(1_795_651_200_000);
    let account = Account::within(Window::following(calendar));
    let ledger = Ledger::with_bounds(1, 8192);
    let store = prepared(&ledger);
    let counter = account.counter(b"key");
    let hold = |amount, now_ms| account.hold(&ledger, &store, (&counter, 100), amount, now_ms).unwrap();
    let (_, held) = hold(10, start_ms);
    account.settle(&ledger, &store, &held.unwrap(), 95, start_ms + 5).unwrap();
    let (refused, _) = hold(10, end_ms - DAY);
    assert_eq!((refused.admitted, refused.used), (false, 95));
    assert_eq!((refused.retry_ms, refused.reset_ms), (DAY, DAY), "not before the first of the next month");
    assert!(!hold(10, end_ms - 1).0.admitted);
    let (count, held) = hold(10, end_ms);
    assert_eq!((count.admitted, count.used), (true, 10));
    account.settle(&ledger, &store, &held.unwrap(), 20, end_ms + 5).unwrap();
    assert_eq!(hold(10, end_ms + 6).0.used, 30);
}

proptest! {
    #[test]
    fn windows_follow_each_other_without_gap_or_overlap(calendar in calendars(), at_ms in moments()) {
        let window = calendar.window_at(at_ms);
        prop_assert!(window.start_ms <= at_ms && at_ms < window.end_ms, "{window:?}");
        prop_assert_eq!(calendar.window_at(window.start_ms), window.clone());
        prop_assert_eq!(calendar.window_at(window.end_ms - 1), window.clone());
        prop_assert_eq!(calendar.window_at(window.end_ms).start_ms, window.end_ms);
        prop_assert_eq!(calendar.window_at(window.start_ms - 1).end_ms, window.start_ms);
        let days = match calendar.period() {
            Period::Day => 1..=1,
            Period::Week => 7..=7,
            Period::Month => 28..=31,
        };
        let length = window.end_ms - window.start_ms;
        // Clocks jump by a few hours at most, but for zones that changed to the other side of the date line.
        prop_assert!(length >= (days.start() - 1) * DAY && length <= (days.end() + 1) * DAY, "{window:?}");
    }

    #[test]
    fn a_window_begins_when_its_name_is_first_shown(calendar in calendars(), at_ms in moments()) {
        let window = calendar.window_at(at_ms);
        prop_assert_eq!(&shown(&calendar, window.start_ms), &window.name);
        prop_assert!(shown(&calendar, window.start_ms - 1) < window.name, "{}", window.name);
        // Where clocks go back over midnight they show the name before for a while.
        prop_assert!(shown(&calendar, at_ms) <= window.name, "{}", window.name);
    }

    #[test]
    fn no_window_holds_more_than_the_limit_and_the_promised_wait_is_exact(
        calendar in calendars(),
        start_ms in moments(),
        calls in vec((0..40 * HOUR, 0..3_u64), 1..60),
    ) {
        let ledger = Ledger::with_bounds(1, 8192);
        let (store, window) = (prepared(&ledger), Window::following(calendar));
        let counter = window.counter(b"key");
        let spend = |cost, now_ms| window.spend(&ledger, &store, &counter, 5, cost, now_ms).unwrap();
        let (mut now_ms, mut current, mut spent) = (start_ms, calendar.window_at(start_ms), 0);
        for (after_ms, cost) in calls {
            now_ms += after_ms;
            if calendar.window_at(now_ms) != current {
                (current, spent) = (calendar.window_at(now_ms), 0);
            }
            let count = spend(cost, now_ms);
            prop_assert_eq!(count.admitted, spent + cost.max(1) <= 5);
            spent += if count.admitted { cost } else { 0 };
            prop_assert_eq!(count.used, spent);
            let to_the_end = current.end_ms - now_ms;
            prop_assert_eq!(count.reset_ms, if spent == 0 { 0 } else { to_the_end });
            prop_assert_eq!(count.retry_ms, if count.admitted { 0 } else { to_the_end });
        }
    }
}
