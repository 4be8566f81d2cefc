//! The ids of a call: the caller's own where it may be taken over, and those that are made of the moment's entropy.

use memchr::memmem;

use crate::identity::{ApiKey, CARRIERS, MINTED_PREFIX};
use crate::request::{Moment, RequestHead};
use crate::upstream::REQUEST_ID;

/// The longest `x-request-id` that is taken over from a caller.
const REQUEST_ID_BOUND: usize = 128;

/// The caller's `x-request-id` where it is one and no credential, else a new one.
pub(super) fn request_id(head: &RequestHead, moment: &Moment) -> String {
    let is_harmless = |id: &&str| is_request_id(id) && !holds_credential(head, id);
    match head.text(REQUEST_ID).filter(is_harmless) {
        Some(id) => id.to_owned(),
        None => uuid(moment.entropy),
    }
}

/// Ids of the common generators: UUIDs, ULIDs, hexadecimal, `req_…`.
fn is_request_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= REQUEST_ID_BOUND
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}

/// Ids are logged and sent on, so that a caller's credential must not be one.
fn holds_credential(head: &RequestHead, id: &str) -> bool {
    const SHORTEST: usize = 12;
    let is_sent = |value: &[u8]| {
        let is_part = id.len() >= SHORTEST && memmem::find(value, id.as_bytes()).is_some();
        let is_word_of_id = |word: &[u8]| {
            (SHORTEST..=id.len()).contains(&word.len()) && memmem::find(id.as_bytes(), word).is_some()
        };
        is_part || words(value).any(is_word_of_id)
    };
    let mut carried = CARRIERS.iter().flat_map(|carrier| head.values(carrier));
    let holds_minted = || memmem::find(id.as_bytes(), MINTED_PREFIX.as_bytes()).is_some();
    ApiKey::may_stand_in(id) || holds_minted() || carried.any(is_sent)
}

/// What stands between blanks. Tokens are long, so that blanks are not looked for byte by byte.
fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b' ', value).chain(std::iter::once(value.len()));
    ends.scan(0, |begin, end| {
        let word = value.get(*begin..end);
        *begin = end.saturating_add(1);
        word
    })
}

pub(in crate::gateway) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS.get(usize::from(value)).copied().unwrap_or(b'0'));
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0x0f));
    }
    text
}

/// A version 4 UUID (RFC 9562 section 5.4); of the entropy's complement, so that it is not the decision id.
fn uuid(entropy: [u8; 16]) -> String {
    let mut bytes = entropy.map(|byte| !byte);
    if let Some(byte) = bytes.get_mut(6) {
        *byte = (*byte & 0x0f) | 0x40;
    }
    if let Some(byte) = bytes.get_mut(8) {
        *byte = (*byte & 0x3f) | 0x80;
    }
    let digits = hex(&bytes);
    let groups = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    groups.iter().filter_map(|(start, end)| digits.get(*start..*end)).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::{holds_credential, is_request_id, uuid, words};
    use crate::request::RequestHead;

    #[test]
    fn request_ids_are_kept_where_valid() {
        for (id, valid, note) in [
            ("3f6c1d9e-0c1a-4d57-9d7e-0f6a2b8c1e11", true, "a UUID"),
            ("req_abc.1:2", true, "other common forms"),
            ("", false, "an empty one"),
            ("a b", false, "a blank"),
            ("a\"b", false, "what would need quoting in a log"),
            (&"a".repeat(129), false, "a long one"),
        ] {
            assert_eq!(is_request_id(id), valid, "{note}");
        }
    }

    #[test]
    fn a_credential_is_no_request_id() {
        let head = |name: &str, value: &str| RequestHead::new(vec![(name.to_owned(), value.into())]);
        for (name, value, id, holds, note) in [
            ("authorization", "Bearer secret-key-1", "secret-key-1", true, "the credential itself"),
            ("x-api-key", "secret-key-1", "req-secret-key-1", true, "with something around it"),
            ("authorization", "Bearer aaaa.bbbbbbbbbbbbbb.cccc", "bbbbbbbbbbbbbb", true, "a part of it"),
            ("accept", "x", "cgk_0", true, "a key that nobody presents"),
            ("authorization", "Bearer secret-key-1", "3f6c1d9e-0c1a", false, "an ordinary id"),
            ("x-api-key", "a", "a-plain-id-1", false, "a credential too short to tell"),
        ] {
            assert_eq!(holds_credential(&head(name, value), id), holds, "{note}");
        }
    }

    #[test]
    fn words_stand_between_blanks() {
        for value in ["", " ", "Bearer token", "Bearer  token ", " a b"] {
            let expected: Vec<&[u8]> = value.as_bytes().split(|byte| *byte == b' ').collect();
            assert_eq!(words(value.as_bytes()).collect::<Vec<_>>(), expected, "{value:?}");
        }
    }

    #[test]
    fn a_made_request_id_is_a_version_4_uuid() {
        let id = uuid([0x11; 16]);
        assert_eq!(id, "eeeeeeee-eeee-4eee-aeee-eeeeeeeeeeee");
    }
}
