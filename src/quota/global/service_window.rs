//! Windows as the rate limit service has them: fixed, one per unit of time, beginning at its multiples since the Unix epoch.
//!
//! A window that it has no unit for is built under a longer unit of which it is a whole part: the descriptor then names the
//! window, and so each has a counter of its own.

use crate::config::{ConfigError, Span};

/// A unit of time of the service, by its name in the service's file and its number in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceUnit {
    pub name: &'static str,
    pub(super) number: i32,
    pub(super) milliseconds: u64,
}

/// The service's units, the shortest first. Its month has 30 days.
const UNITS: [ServiceUnit; 6] = [
    ServiceUnit { name: "second", number: 1, milliseconds: 1000 },
    ServiceUnit { name: "minute", number: 2, milliseconds: 60_000 },
    ServiceUnit { name: "hour", number: 3, milliseconds: 3_600_000 },
    ServiceUnit { name: "day", number: 4, milliseconds: 86_400_000 },
    ServiceUnit { name: "week", number: 7, milliseconds: 604_800_000 },
    ServiceUnit { name: "month", number: 5, milliseconds: 2_592_000_000 },
];

/// How a quota's window is kept at the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceWindow {
    unit: ServiceUnit,
    length_ms: u64,
}

impl ServiceWindow {
    pub(super) fn compile(length: Span) -> Result<Self, ConfigError> {
        let length_ms = length.milliseconds();
        let holds = |unit: &&ServiceUnit| unit.milliseconds.checked_rem(length_ms) == Some(0);
        let unit = UNITS.iter().find(holds).ok_or_else(|| {
            let why = format!(
                "the rate limit service cannot keep a window of `{length}`: it is no whole part of a minute, an hour, a day, a week or 30 days; write one that is, such as `1h`"
            );
            ConfigError::new("window", why)
        })?;
        Ok(Self { unit: *unit, length_ms })
    }

    /// Under which unit the service counts.
    pub fn unit(&self) -> ServiceUnit {
        self.unit
    }

    /// True where the descriptor has an entry that names the window.
    pub fn is_named(&self) -> bool {
        self.unit.milliseconds != self.length_ms
    }

    /// The name of the window of this moment: the second in which it begins.
    pub(super) fn name(&self, now_ms: u64) -> Option<String> {
        self.is_named().then(|| {
            let begun_ms = self.number(now_ms).saturating_mul(self.length_ms);
            format!("{}.{:03}", begun_ms / 1000, begun_ms % 1000)
        })
    }

    /// How long the window of this moment still lasts.
    pub(crate) fn left_ms(&self, now_ms: u64) -> u64 {
        let passed_ms = now_ms.checked_rem(self.length_ms).unwrap_or_default();
        self.length_ms.saturating_sub(passed_ms)
    }

    /// The unit of this moment, counted from the Unix epoch; by this Envoy's clock.
    pub(crate) fn unit_number(&self, now_ms: u64) -> u64 {
        now_ms.checked_div(self.unit.milliseconds).unwrap_or_default()
    }

    /// The unit that the service was in when it answered, at about `asked_ms`, how many seconds of it were left. Its clock may be
    /// half a unit off.
    pub(super) fn unit_by_reset(&self, asked_ms: u64, seconds_left: u64) -> u64 {
        let end_ms = asked_ms.saturating_add(seconds_left.saturating_mul(1000)).saturating_sub(500);
        let rounded = end_ms.saturating_add(self.unit.milliseconds / 2);
        self.unit_number(rounded).saturating_sub(1)
    }

    /// The window of this moment, counted from the Unix epoch.
    fn number(&self, now_ms: u64) -> u64 {
        now_ms.checked_div(self.length_ms).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::ServiceWindow;
    use crate::config::Span;

    #[test]
    fn a_window_is_a_unit_or_a_whole_part_of_one() {
        for (milliseconds, want) in [
            (1000, Some(("second", false))),
            (1500, Some(("minute", true))),
            (60_000, Some(("minute", false))),
            (600_000, Some(("hour", true))),
            (3_600_000, Some(("hour", false))),
            (7_200_000, Some(("day", true))),
            (86_400_000, Some(("day", false))),
            (604_800_000, Some(("week", false))),
            (864_000_000, Some(("month", true))),
            (2_592_000_000, Some(("month", false))),
            (420_000, Some(("week", true))),
            (2_678_400_000, None),
            (61_000, None),
        ] {
            let window = ServiceWindow::compile(Span::from_milliseconds(milliseconds));
            let found = window.as_ref().map(|window| (window.unit().name, window.is_named()));
            assert_eq!(found.ok(), want, "{milliseconds}");
        }
    }

    #[test]
    fn a_built_window_is_named_by_its_beginning() {
        let of = |milliseconds| ServiceWindow::compile(Span::from_milliseconds(milliseconds)).unwrap();
        for (length, now_ms, want) in [
            (600_000, 0, Some("0.000")),
            (600_000, 599_999, Some("0.000")),
            (600_000, 600_000, Some("600.000")),
            (1500, 4501, Some("4.500")),
            (60_000, 60_000, None),
        ] {
            assert_eq!(of(length).name(now_ms).as_deref(), want, "{length} at {now_ms}");
        }
    }
    #[test]
    fn the_unit_is_known_by_what_is_left_of_it() {
        let of = |milliseconds| ServiceWindow::compile(Span::from_milliseconds(milliseconds)).unwrap();
        const MINUTE: u64 = 30_000_000 * 60_000;
        for (window, asked_ms, left, want, note) in [
            (60_000, MINUTE, 60, 30_000_000, "at its beginning"),
            (60_000, MINUTE + 59_999, 1, 30_000_000, "at its end"),
            (60_000, MINUTE + 59_999, 60, 30_000_001, "the next one began on the way"),
            (60_000, MINUTE + 10_000, 30, 30_000_000, "its clock is 20 seconds ahead"),
            (60_000, MINUTE + 50_000, 30, 30_000_000, "or behind"),
            (60_000, MINUTE + 5_000, 10, 29_999_999, "15 seconds behind: it is in the one before"),
            (1000, 1_000_000, 1, 1000, "a second"),
            (1000, 1_000_999, 1, 1000, "a second at its end"),
        ] {
            assert_eq!(of(window).unit_by_reset(asked_ms, left), want, "{note}");
        }
        assert_eq!(of(600_000).left_ms(1_200_001), 599_999);
    }
}
