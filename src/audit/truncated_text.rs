//! Texts of a record that somebody else has written: as long as a line can bear, and marked where they are cut.
//!
//! Callers choose models, paths and methods, issuers choose claims, providers choose models and ids of their own.

/// The longest text of a record, in bytes of UTF-8, the mark included.
pub(super) const LONGEST: usize = 1024;

/// Stands at the end of a text that was cut.
const MARK: &str = "…";

/// The text, or as much of it as goes before the mark.
pub(super) enum TruncatedText<'a> {
    Whole(&'a str),
    Cut(&'a str),
}

impl<'a> TruncatedText<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        if text.len() <= LONGEST {
            return Self::Whole(text);
        }
        let end = text.floor_char_boundary(LONGEST.saturating_sub(MARK.len()));
        Self::Cut(text.get(..end).unwrap_or_default())
    }

    /// What is written, and whether it was cut.
    pub(super) fn with_mark(self) -> (std::borrow::Cow<'a, str>, bool) {
        match self {
            Self::Whole(text) => (text.into(), false),
            Self::Cut(text) => ([text, MARK].concat().into(), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, TruncatedText};

    #[test]
    fn a_text_is_cut_between_two_letters() {
        for (text, is_cut, note) in [
            (String::new(), false, "nothing"),
            ("a".repeat(LONGEST), false, "as long as may be"),
            ("a".repeat(LONGEST + 1), true, "one byte more"),
            ("é".repeat(LONGEST), true, "letters of two bytes"),
            ("a😀".repeat(LONGEST), true, "letters of four bytes"),
            ("\u{0}\"".repeat(1 << 20), true, "what is escaped"),
        ] {
            let (written, was_cut) = TruncatedText::of(&text).with_mark();
            assert_eq!(was_cut, is_cut, "{note}");
            assert!(written.len() <= LONGEST, "{note}");
            match written.strip_suffix('…').filter(|_| was_cut) {
                Some(begin) => assert!(text.starts_with(begin) && begin.len() > LONGEST - 8, "{note}"),
                None => assert_eq!(written, text, "{note}"),
            }
        }
    }
}
