//! What a counter is called at the rate limit service.
//!
//! The service joins the entries of a descriptor to its key in Redis by `_`, as they are. So `_` never stands in a value:
//! else two callers could share a counter by choosing their names.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// The keys of the entries, in their order; the last one only where the window has a name.
pub const QUOTA_KEY: &str = "quota";
pub const PER_KEY: &str = "per";
pub const WINDOW_KEY: &str = "window";

/// One counter at the service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Descriptor {
    /// The quota's place in the set.
    pub(crate) place: usize,
    pub(super) id: String,
    pub(super) per: String,
    pub(super) window: Option<String>,
    /// In the place of the limit in the service's file.
    pub(super) limit: Option<u32>,
}

/// What does not stand for itself.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-');

/// The longest value; of a longer one the service is told the SHA-256.
const LONGEST: usize = 200;

/// The value of an entry: the parts, percent-encoded and joined by `,`.
pub fn entry_value<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let encoded: Vec<String> =
        parts.into_iter().map(|part| utf8_percent_encode(part, ENCODED).to_string()).collect();
    let value = encoded.join(",");
    if value.len() <= LONGEST {
        return value;
    }
    let digest = Sha256::digest(value.as_bytes());
    // No encoded value has a `%` before a letter above `F`.
    let hex = digest.iter().map(|byte| format!("{byte:02x}"));
    ["%sha256-".to_owned()].into_iter().chain(hex).collect()
}

#[cfg(test)]
mod tests {
    use super::entry_value;

    #[test]
    fn a_value_tells_its_parts_and_their_bounds() {
        for (parts, want, note) in [
            (vec!["team-1.eu"], "team-1.eu", "stands for itself"),
            (vec!["a_b"], "a%5Fb", "the service's own separator"),
            (vec!["a", "b"], "a,b", "two parts"),
            (vec!["a,b"], "a%2Cb", "one part with the separator in it"),
            (vec!["a%2Cb"], "a%252Cb", "one part that is encoded already"),
            (vec!["", ""], ",", "two empty parts"),
            (vec!["*"], "%2A", "the wildcard of the service's file"),
            (vec!["ü"], "%C3%BC", "beyond ASCII"),
            (vec!["a\n{b}"], "a%0A%7Bb%7D", "a line break, and Redis Cluster's hash tag"),
        ] {
            assert_eq!(entry_value(parts), want, "{note}");
        }
    }

    #[test]
    fn a_long_value_becomes_its_digest() {
        let (longest, longer) = ("a".repeat(200), "a".repeat(201));
        assert_eq!(entry_value([longest.as_str()]), longest);
        let digest = entry_value([longer.as_str()]);
        assert!(digest.starts_with("%sha256-") && digest.len() == 72, "{digest}");
        assert_ne!(digest, entry_value([longer.replace('a', "b").as_str()]));
        // A caller who names himself so is somebody else.
        assert_ne!(entry_value([digest.as_str()]), digest);
        assert!(!digest.contains('_'));
    }
}
