//! One key of a JSON answer whose text is a URL of the provider's, made the gateway's on its way.
//!
//! Nothing is held back but what may be the beginning of the key, and the text behind it. Within a text of JSON, the
//! key's quotes could not stand without a backslash, so what looks like the key is one.

use std::borrow::Cow;

use super::address::PublicAddress;

/// A longer text behind the key is taken away.
const LONGEST: usize = 16 * 1024;

/// Rewrites one key of an answer.
#[derive(Debug)]
pub struct UrlKey {
    /// With its quotes.
    key: String,
    address: PublicAddress,
    held: Vec<u8>,
    /// A text that was too long is passed over up to its end.
    is_past: bool,
}

/// What stands behind the key.
enum Behind<'a> {
    /// No text, such as `null`, which begins after so many bytes.
    Other(usize),
    /// A text with its quotes, after so many bytes.
    Text(usize, &'a [u8]),
    /// The end has not come.
    Cut,
}

impl UrlKey {
    pub fn new(key: &str, address: PublicAddress) -> Self {
        Self { key: format!("\"{key}\""), address, held: Vec::new(), is_past: false }
    }

    /// What goes on of the next piece.
    pub fn pass(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(piece);
        let mut passed = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        if self.is_past {
            rest = self.past(rest);
        }
        while let Some(at) = find(rest, self.key.as_bytes()) {
            let (before, behind) =
                rest.split_at_checked(at.saturating_add(self.key.len())).unwrap_or((rest, &[]));
            match read(behind) {
                Behind::Cut if behind.len() > LONGEST => {
                    passed.extend_from_slice(before);
                    passed.extend_from_slice(b":\"\"");
                    self.is_past = true;
                    // Its opening quote is no end of it.
                    let quote = behind.iter().position(|byte| *byte == b'"').unwrap_or(0).saturating_add(1);
                    rest = self.past(behind.get(quote..).unwrap_or_default());
                }
                Behind::Cut => {
                    passed.extend_from_slice(rest.get(..at).unwrap_or_default());
                    self.held = rest.get(at..).unwrap_or_default().to_vec();
                    return passed;
                }
                Behind::Other(begin) => {
                    passed.extend_from_slice(before);
                    let (blanks, others) = behind.split_at_checked(begin).unwrap_or((behind, &[]));
                    passed.extend_from_slice(blanks);
                    rest = others;
                }
                Behind::Text(begin, url) => {
                    passed.extend_from_slice(before);
                    passed.extend_from_slice(behind.get(..begin).unwrap_or_default());
                    passed.extend_from_slice(&self.own(url));
                    rest = behind.get(begin.saturating_add(url.len())..).unwrap_or_default();
                }
            }
        }
        let kept = rest.len().saturating_sub(beginning(rest, self.key.as_bytes()));
        passed.extend_from_slice(rest.get(..kept).unwrap_or_default());
        self.held = rest.get(kept..).unwrap_or_default().to_vec();
        passed
    }

    /// What is left at the end of the answer.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn own<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let Ok(url) = serde_json::from_slice::<String>(text) else { return Cow::Borrowed(b"\"\"") };
        match self.address.url_behind_base(&url) {
            Some(own) => Cow::Owned(serde_json::Value::from(own).to_string().into_bytes()),
            None => Cow::Borrowed(text),
        }
    }

    /// What follows the end of a text.
    fn past<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        match end_of_text(rest) {
            Some(end) => {
                self.is_past = false;
                rest.get(end..).unwrap_or_default()
            }
            None => &[],
        }
    }
}

fn find(text: &[u8], key: &[u8]) -> Option<usize> {
    text.windows(key.len()).position(|window| window == key)
}

/// How many bytes at the end may be the beginning of the key.
fn beginning(text: &[u8], key: &[u8]) -> usize {
    let most = key.len().saturating_sub(1).min(text.len());
    (1..=most).rev().find(|length| text.ends_with(key.get(..*length).unwrap_or_default())).unwrap_or(0)
}

fn read(behind: &[u8]) -> Behind<'_> {
    let blanks = |from: usize| {
        let rest = behind.get(from..).unwrap_or_default();
        from.saturating_add(rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
    };
    let colon = blanks(0);
    match behind.get(colon) {
        None => return Behind::Cut,
        Some(b':') => {}
        Some(_) => return Behind::Other(colon),
    }
    let begin = blanks(colon.saturating_add(1));
    match behind.get(begin) {
        None => Behind::Cut,
        Some(b'"') => {
            let inner = begin.saturating_add(1);
            match end_of_text(behind.get(inner..).unwrap_or_default()) {
                Some(end) => {
                    Behind::Text(begin, behind.get(begin..inner.saturating_add(end)).unwrap_or_default())
                }
                None => Behind::Cut,
            }
        }
        Some(_) => Behind::Other(begin),
    }
}

/// Where a text ends whose opening quote is past: behind its closing one.
fn end_of_text(inner: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in inner.iter().enumerate() {
        match (is_escaped, byte) {
            (true, _) => is_escaped = false,
            (false, b'\\') => is_escaped = true,
            (false, b'"') => return Some(at.saturating_add(1)),
            (false, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, prop_assert, proptest};

    use super::UrlKey;
    use crate::upstream::PublicAddress;

    fn key(origin: Option<&str>) -> UrlKey {
        let address = PublicAddress { origin: origin.map(str::to_owned), prefix: "/anthropic".to_owned() };
        UrlKey::new("results_url", address)
    }

    fn passed(mut key: UrlKey, answer: &str, size: usize) -> String {
        let mut passed: Vec<u8> = answer.as_bytes().chunks(size).flat_map(|piece| key.pass(piece)).collect();
        passed.extend(key.finish());
        String::from_utf8(passed).unwrap()
    }

    #[test]
    fn the_url_of_results_becomes_the_gateways() {
        let results = "/v1/messages/batches/b/results";
        for (answer, want, note) in [
            (
                r#"{"id":"b","results_url":"https://api.anthropic.com/v1/messages/batches/b/results","x":1}"#,
                format!(r#"{{"id":"b","results_url":"https://gw.example/anthropic{results}","x":1}}"#),
                "the plain one",
            ),
            (
                r#"{"results_url" : "https:\/\/api.anthropic.com\/v1\/messages\/batches\/b\/results"}"#,
                format!(r#"{{"results_url" : "https://gw.example/anthropic{results}"}}"#),
                "with escapes and blanks",
            ),
            (
                r#"{"data":[{"results_url":"https://a/v1"},{"results_url":"http://b/v2"}]}"#,
                r#"{"data":[{"results_url":"https://gw.example/anthropic/v1"},{"results_url":"https://gw.example/anthropic/v2"}]}"#.to_owned(),
                "in a list",
            ),
            (r#"{"results_url":null,"a":"results_url"}"#, r#"{"results_url":null,"a":"results_url"}"#.to_owned(), "none yet"),
            (r#"{"a":"\"results_url\":\"https://x\""}"#, r#"{"a":"\"results_url\":\"https://x\""}"#.to_owned(), "within a text"),
            (r#"{"results_url":"a path"}"#, r#"{"results_url":"a path"}"#.to_owned(), "no URL"),
            (r#"{"results_url"#, r#"{"results_url"#.to_owned(), "an answer that is cut off"),
        ] {
            for size in [1, 2, 3, 7, 1000] {
                assert_eq!(passed(key(Some("https://gw.example")), answer, size), want, "{note}, {size}");
            }
        }
        let answer = r#"{"results_url":"https://api.anthropic.com/v1/messages/batches/b/results"}"#;
        assert_eq!(
            passed(key(None), answer, 9),
            format!(r#"{{"results_url":"{results}"}}"#),
            "behind the client's base URL"
        );
        let long = format!(r#"{{"results_url":"https://a/{}","b":1}}"#, "x".repeat(40_000));
        for size in [100, 1000, 100_000] {
            let passed = passed(key(None), &long, size);
            assert!(!passed.contains("https") && passed.ends_with(r#","b":1}"#), "{size}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_lost_that_are_no_url(pieces in prop::collection::vec("[\"a-z_:{}, \\\\]{0,12}", 0..12)) {
            let mut key = key(None);
            let mut passed: Vec<u8> = pieces.iter().flat_map(|piece| key.pass(piece.as_bytes())).collect();
            passed.extend(key.finish());
            prop_assert!(passed == pieces.concat().as_bytes());
        }
    }
}
