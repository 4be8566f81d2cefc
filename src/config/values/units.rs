//! Units as operators write them: `10m`, `64KiB`, `2026-01-31T00:00:00Z`.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A length of time, written as a whole number and a unit: `500ms`, `30s`, `10m`, `1h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    milliseconds: u64,
}

impl Span {
    pub const fn from_milliseconds(milliseconds: u64) -> Self {
        Self { milliseconds }
    }

    pub const fn from_seconds(seconds: u64) -> Self {
        Self { milliseconds: seconds.saturating_mul(1000) }
    }

    pub fn milliseconds(self) -> u64 {
        self.milliseconds
    }

    pub fn seconds(self) -> u64 {
        self.milliseconds / 1000
    }

    /// `None` where the text is not a whole number above 0 with its unit.
    pub(in crate::config) fn parse(text: &str) -> Option<Self> {
        let milliseconds = scaled(text, &SPAN_UNITS).filter(|milliseconds| *milliseconds > 0)?;
        Some(Self { milliseconds })
    }

    pub(in crate::config) fn five_seconds() -> Self {
        Self::from_seconds(5)
    }
}

const SPAN_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// A size in bytes, written as a number or with a unit: `65536`, `64KiB`, `2MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize {
    bytes: u64,
}

impl ByteSize {
    pub fn bytes(self) -> u64 {
        self.bytes
    }

    /// As much as providers take of JSON (Anthropic 32 MB, Gemini 20 MB with files in it).
    pub(in crate::config) fn thirty_two_mebibytes() -> Self {
        Self { bytes: 32 * 1024 * 1024 }
    }
}

const SIZE_UNITS: [(&str, u64); 3] = [("KiB", 1024), ("MiB", 1024 * 1024), ("B", 1)];

/// A point in time, written as RFC 3339 says: `2026-01-31T00:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    unix_seconds: i64,
}

impl Timestamp {
    pub fn at(unix_seconds: u64) -> Self {
        Self { unix_seconds: i64::try_from(unix_seconds).unwrap_or(i64::MAX) }
    }

    pub fn unix_seconds(self) -> i64 {
        self.unix_seconds
    }

    /// True where the timestamp is later than `unix_seconds`.
    pub fn is_after(self, unix_seconds: u64) -> bool {
        i64::try_from(unix_seconds).is_ok_and(|now| self.unix_seconds > now)
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        chrono::DateTime::parse_from_rfc3339(text)
            .map(|time| Self { unix_seconds: time.timestamp() })
            .map_err(|_| format!("`{text}` is not a time; write RFC 3339, such as `2026-01-31T00:00:00Z`"))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp(self.unix_seconds, 0) {
            Some(time) => formatter.write_str(&time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            None => write!(formatter, "{}", self.unix_seconds),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = SPAN_UNITS
            .iter()
            .rev()
            .find(|(_, factor)| self.milliseconds.checked_rem(*factor) == Some(0))
            .unwrap_or(&("ms", 1));
        write!(formatter, "{}{unit}", self.milliseconds.checked_div(*factor).unwrap_or(0))
    }
}

/// Splits `10m` into 10 and the factor of `m`.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let unit = text.strip_prefix(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Reads a text into what it says.
pub(in crate::config) struct Text<T> {
    pub(in crate::config) expected: &'static str,
    pub(in crate::config) read: fn(&str) -> Result<T, String>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).map_err(E::custom)
    }
}

/// A length of time that may be none, written as `0s`.
pub(in crate::config) fn span_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    deserializer.deserialize_str(Text {
        expected: "a length of time such as `30s`, or `0s`",
        read: |text| {
            scaled(text, &SPAN_UNITS).map(Span::from_milliseconds).ok_or_else(|| {
                format!(
                    "`{text}` is not a length of time; write a whole number with ms, s, m, h or d, such as `30s`"
                )
            })
        },
    })
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text {
            expected: "a length of time such as `30s`",
            read: |text| {
                Self::parse(text).ok_or_else(|| {
                    format!("`{text}` is not a length of time; write a whole number above 0 with ms, s, m, h or d, such as `30s`")
                })
            },
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text {
            expected: "a size such as `512KiB`",
            read: |text| {
                scaled(text, &SIZE_UNITS).filter(|bytes| *bytes > 0).map(|bytes| Self { bytes }).ok_or_else(|| {
                    format!("`{text}` is not a size; write a whole number above 0 with B, KiB or MiB, such as `512KiB`")
                })
            },
        })
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}B", self.bytes))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(Text { expected: "a time such as `2026-01-31T00:00:00Z`", read: Self::parse })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::{ByteSize, Span, Timestamp};

    #[test]
    fn spans_read_and_print() {
        for (text, milliseconds) in
            [("500ms", 500), ("30s", 30_000), ("10m", 600_000), ("1h", 3_600_000), ("7d", 604_800_000)]
        {
            let span: Span = serde_json::from_value(text.into()).unwrap();
            assert_eq!(span.milliseconds(), milliseconds, "{text}");
            assert_eq!(span.to_string(), text);
        }
    }

    #[test]
    fn a_span_of_none_prints_what_it_reads() {
        assert_eq!(Span::from_milliseconds(0).to_string(), "0d");
        let zero = super::span_or_none(serde_json::Value::from("0d")).unwrap();
        assert_eq!(zero.milliseconds(), 0);
    }

    #[test]
    fn nonsense_is_refused_with_the_remedy() {
        for text in ["", "s", "10", "10 m", "-1s", "0s", "1.5h", "99999999999999999999d", "1w"] {
            let error = serde_json::from_value::<Span>(text.into()).unwrap_err().to_string();
            assert!(error.contains("such as `30s`"), "{text}: {error}");
        }
        for text in ["0B", "1GB", "12", "MiB"] {
            let error = serde_json::from_value::<ByteSize>(text.into()).unwrap_err().to_string();
            assert!(error.contains("such as `512KiB`"), "{text}: {error}");
        }
        assert!(Timestamp::parse("tomorrow").unwrap_err().contains("RFC 3339"));
    }

    #[test]
    fn timestamps_compare_to_unix_seconds() {
        let midnight = Timestamp::parse("1970-01-02T00:00:00Z").unwrap();
        assert!(midnight.is_after(86_399));
        assert!(!midnight.is_after(86_400));
        assert_eq!(midnight.to_string(), "1970-01-02T00:00:00Z");
    }
}
