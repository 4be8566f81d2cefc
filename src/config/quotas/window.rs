//! A quota's window as operators write it: `1h`, `31d`, `month`; and the time zone of a calendar.

use std::fmt;

use chrono_tz::{TZ_VARIANTS, Tz};
use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};

use crate::config::values::{Span, Text};

/// How long a quota's window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowLength {
    Span(Span),
    Calendar(Period),
}

/// What a calendar is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Day,
    /// From Monday, as in ISO 8601.
    Week,
    Month,
}

/// A time zone of the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(Tz);

impl Period {
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The value in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl TimeZone {
    pub const UTC: Self = Self(Tz::UTC);

    pub fn parse(text: &str) -> Result<Self, String> {
        let exact = TZ_VARIANTS.iter().find(|zone| zone.name() == text);
        exact.map(|zone| Self(*zone)).ok_or_else(|| match nearest(text).as_slice() {
            [] => format!("`{text}` is not a time zone; write an IANA name, such as `Europe/Berlin`"),
            names => format!("`{text}` is not a time zone; the nearest names are `{}`", names.join("`, `")),
        })
    }

    pub fn zone(self) -> Tz {
        self.0
    }
}

/// The names that may have been meant, the nearest first; a city alone is near to the zone that is named after it.
fn nearest(text: &str) -> Vec<&'static str> {
    const FARTHEST: usize = 2;
    const MOST: usize = 3;
    let wanted = text.to_ascii_lowercase();
    let distance = |name: &str| {
        let name = name.to_ascii_lowercase();
        let city = name.rsplit('/').next().unwrap_or_default();
        strsim::levenshtein(&wanted, &name).min(strsim::levenshtein(&wanted, city))
    };
    let mut near: Vec<(usize, &str)> =
        TZ_VARIANTS.iter().map(|zone| (distance(zone.name()), zone.name())).collect();
    near.retain(|(distance, _)| *distance <= FARTHEST && *distance < wanted.len());
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).take(MOST).collect()
}

impl fmt::Display for WindowLength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Span(span) => span.fmt(formatter),
            Self::Calendar(period) => formatter.write_str(period.name()),
        }
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for WindowLength {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text {
            expected: "a length of time such as `1h`, or `day`, `week` or `month`",
            read: |text| {
                if let Some(period) = Period::ALL.into_iter().find(|period| period.name() == text) {
                    return Ok(Self::Calendar(period));
                }
                Span::parse(text).map(Self::Span).ok_or_else(|| {
                    format!(
                        "`{text}` is not a window; write a whole number above 0 with ms, s, m, h or d, such as `1h`, or `day`, `week` or `month`"
                    )
                })
            },
        })
    }
}

impl Serialize for WindowLength {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(Text { expected: "a time zone such as `Europe/Berlin`", read: Self::parse })
    }
}

impl Serialize for TimeZone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::{TimeZone, WindowLength};

    #[test]
    fn windows_read_and_print() {
        for text in ["1s", "90m", "31d", "day", "week", "month"] {
            let window: WindowLength = serde_json::from_value(text.into()).unwrap();
            assert_eq!(window.to_string(), text);
            assert_eq!(serde_json::to_value(window).unwrap(), text);
        }
        for text in ["", "year", "1month", "Day", "0s", "0d"] {
            let error = serde_json::from_value::<WindowLength>(text.into()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is not a window; ")), "{error}");
            assert!(error.ends_with("or `day`, `week` or `month`"), "{error}");
        }
    }

    #[test]
    fn a_time_zone_that_is_none_is_told_with_the_nearest_names() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3", "Asia/Kathmandu"]
        {
            assert_eq!(TimeZone::parse(name).unwrap().to_string(), name);
        }
        for (text, want) in [
            ("Europe/Berln", "the nearest names are `Europe/Berlin`"),
            ("europe/berlin", "the nearest names are `Europe/Berlin`"),
            ("Berlin", "the nearest names are `Europe/Berlin`"),
            (
                "Buenos Aires",
                "the nearest names are `America/Argentina/Buenos_Aires`, `America/Buenos_Aires`",
            ),
            ("Mars/Olympus_Mons", "write an IANA name, such as `Europe/Berlin`"),
            ("+02:00", "write an IANA name, such as `Europe/Berlin`"),
            ("", "write an IANA name, such as `Europe/Berlin`"),
        ] {
            let error = TimeZone::parse(text).unwrap_err();
            assert_eq!(error, format!("`{text}` is not a time zone; {want}"));
        }
    }
}
