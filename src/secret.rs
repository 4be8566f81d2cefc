//! A value that must never be printed.
//!
//! It does not encrypt or wipe memory: it keeps a credential out of logs, errors and audit records by
//! having no `Display` and a redacted `Debug`.

use std::fmt;

/// Looks a secret up by the name of its environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<Secret>;

/// True where `name` can be that of an environment variable.
pub fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A credential in memory; reading it takes an explicit [`Secret::expose`].
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(redacted)")
    }
}

/// Takes the same time wherever the two differ; only their lengths show.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let difference = self.0.iter().zip(&other.0).fold(0, |seen, (left, right)| seen | (left ^ right));
        // The barrier keeps the optimiser from turning the fold into an early exit.
        self.0.len() == other.0.len() && std::hint::black_box(difference) == 0
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("sk-live-1")), "Secret(redacted)");
    }

    #[test]
    fn equality_is_by_content() {
        for (left, right, equal, note) in [
            ("abc", "abc", true, "the same bytes"),
            ("abc", "abd", false, "one byte differs"),
            ("abc", "abcd", false, "a prefix is not equal"),
            ("", "", true, "two empty secrets"),
        ] {
            assert_eq!(Secret::new(left) == Secret::new(right), equal, "{note}");
        }
    }
}
