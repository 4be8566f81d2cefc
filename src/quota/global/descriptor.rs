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

/// The longest value; a longer one becomes its SHA-256.
const LONGEST: usize = 200;

/// The value of an entry that is one text of the configuration.
pub fn entry_value(text: &str) -> String {
    shortened(encoded(text))
}

/// The value of the entry for whoever shares a quota: what [`Expression::descriptor`] gives for each part, joined by `,`. A text
/// stands as it is; before anything else is a `%` and the letter of its type, which no encoded text begins with.
///
/// [`Expression::descriptor`]: crate::expression::Expression::descriptor
pub(crate) fn per_value(descriptors: &[String]) -> String {
    let parts = descriptors.iter().map(|part| match part.strip_prefix('s') {
        Some(text) => encoded(text),
        None => format!("%{}", encoded(part)),
    });
    shortened(parts.collect::<Vec<_>>().join(","))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn shortened(value: String) -> String {
    if value.len() <= LONGEST {
        return value;
    }
    let digest = Sha256::digest(value.as_bytes());
    let hex = digest.iter().map(|byte| format!("{byte:02x}"));
    // No type of a value has such a name.
    ["%sha256-".to_owned()].into_iter().chain(hex).collect()
}

#[cfg(test)]
mod tests {
    use super::{entry_value, per_value};

    fn per(parts: &[&str]) -> String {
        per_value(&parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_value_tells_its_parts_and_their_bounds() {
        for (parts, want, note) in [
            (["steam-1.eu"].as_slice(), "team-1.eu", "stands for itself"),
            (&["sa_b"], "a%5Fb", "the service's own separator"),
            (&["sa", "sb"], "a,b", "two parts"),
            (&["sa,b"], "a%2Cb", "one part with the separator in it"),
            (&["sa%2Cb"], "a%252Cb", "one part that is encoded already"),
            (&["s", "s"], ",", "two empty parts"),
            (&["s*"], "%2A", "the wildcard of the service's file"),
            (&["sü"], "%C3%BC", "beyond ASCII"),
            (&["sa\n{b}"], "a%0A%7Bb%7D", "a line break, and Redis Cluster's hash tag"),
            (&["s1"], "1", "a text"),
            (&["i1"], "%i1", "the number that it spells"),
            (&["s%i1"], "%25i1", "a text that would be that number"),
            (&["btrue", "i-5"], "%btrue,%i-5", "other types"),
        ] {
            assert_eq!(per(parts), want, "{note}");
        }
    }

    #[test]
    fn a_long_value_becomes_its_digest() {
        let (longest, longer) = ("a".repeat(200), "a".repeat(201));
        assert_eq!(entry_value(&longest), longest);
        let digest = entry_value(&longer);
        assert!(digest.starts_with("%sha256-") && digest.len() == 72, "{digest}");
        assert_eq!(per(&[&format!("s{longer}")]), digest);
        assert_ne!(entry_value(&"b".repeat(201)), digest);
        // A caller who names himself so is somebody else.
        assert_ne!(entry_value(&digest), digest);
        assert!(!digest.contains('_'));
    }
}
