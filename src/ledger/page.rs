//! The bytes of one page.
//!
//! ```text
//! page   = format records            format: one byte, 1, so that no page is ever empty (the proxy-wasm
//!                                    SDK cannot tell an empty value from none)
//! record = tag expiry length value
//!          tag     16 bytes          names the entry
//!          expiry   8 bytes          milliseconds since the epoch, little endian
//!          length   1 byte           of the value, at most 227
//!          value    `length` bytes
//! ```
//!
//! Records stand in no order, and no tag has two live ones. A page that breaks any of this is corrupt as a
//! whole: it is neither read in part nor mended, since a lost counter would be a limit escaped.

pub(super) const MAX_VALUE: usize = 227;

/// Tag, expiry, length and the longest value.
const MAX_RECORD: usize = 16 + 8 + 1 + MAX_VALUE;

const FORMAT: u8 = 1;

/// A page without records.
pub(super) const EMPTY: [u8; 1] = [FORMAT];

/// Names an entry within the table.
pub(super) type Tag = [u8; 16];

/// Bytes that no ledger of this format wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Corrupt;

#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) tag: &'a Tag,
    pub(super) expires_ms: u64,
    pub(super) value: &'a [u8],
}

impl Record<'_> {
    fn is_live(&self, now_ms: u64) -> bool {
        now_ms < self.expires_ms
    }
}

/// The live value under `tag`. Walks the whole page, so that a corrupt one never answers.
pub(super) fn find<'a>(bytes: &'a [u8], tag: &Tag, now_ms: u64) -> Result<Option<&'a [u8]>, Corrupt> {
    let mut found = None;
    for record in records(bytes)? {
        let record = record?;
        if record.tag == tag && record.is_live(now_ms) && found.replace(record.value).is_some() {
            return Err(Corrupt);
        }
    }
    Ok(found)
}

/// The page without expired records and without `tag`, with spare room for one more record.
pub(super) fn without(bytes: &[u8], tag: &Tag, now_ms: u64) -> Result<Vec<u8>, Corrupt> {
    let mut kept = Vec::with_capacity(bytes.len().saturating_add(MAX_RECORD));
    kept.extend_from_slice(&EMPTY);
    for record in records(bytes)? {
        let record = record?;
        if record.tag != tag && record.is_live(now_ms) {
            append(&mut kept, &record).ok_or(Corrupt)?;
        }
    }
    Ok(kept)
}

/// Adds a record; `None` where its value is too long.
pub(super) fn append(page: &mut Vec<u8>, record: &Record<'_>) -> Option<()> {
    let length = u8::try_from(record.value.len()).ok().filter(|length| usize::from(*length) <= MAX_VALUE)?;
    page.extend_from_slice(record.tag);
    page.extend_from_slice(&record.expires_ms.to_le_bytes());
    page.push(length);
    page.extend_from_slice(record.value);
    Some(())
}

pub(super) fn live_entries(bytes: &[u8], now_ms: u64) -> Result<usize, Corrupt> {
    let mut live: usize = 0;
    for record in records(bytes)? {
        live = live.saturating_add(usize::from(record?.is_live(now_ms)));
    }
    Ok(live)
}

fn records(bytes: &[u8]) -> Result<Records<'_>, Corrupt> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => Ok(Records { rest }),
        _ => Err(Corrupt),
    }
}

struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((record, rest)) = split_record(self.rest) else {
            self.rest = &[];
            return Some(Err(Corrupt));
        };
        self.rest = rest;
        Some(Ok(record))
    }
}

fn split_record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (tag, rest) = bytes.split_first_chunk()?;
    let (expiry, rest) = rest.split_first_chunk()?;
    let (&length, rest) = rest.split_first()?;
    let (value, rest) = rest.split_at_checked(usize::from(length))?;
    let is_short = value.len() <= MAX_VALUE;
    is_short.then_some((Record { tag, expires_ms: u64::from_le_bytes(*expiry), value }, rest))
}

#[cfg(test)]
mod tests {
    use super::{Corrupt, EMPTY, Record, Tag, append, find, live_entries, without};

    const ONE: Tag = [1; 16];
    const TWO: Tag = [2; 16];

    fn page(records: &[(&Tag, u64, &[u8])]) -> Vec<u8> {
        let mut page = EMPTY.to_vec();
        for &(tag, expires_ms, value) in records {
            append(&mut page, &Record { tag, expires_ms, value }).unwrap();
        }
        page
    }

    #[test]
    fn the_format_is_the_documented_one() {
        let mut bytes = vec![1];
        bytes.extend([1; 16]);
        bytes.extend([0x10, 0x27, 0, 0, 0, 0, 0, 0]);
        bytes.push(3);
        bytes.extend(b"abc");
        assert_eq!(page(&[(&ONE, 10_000, b"abc")]), bytes);
    }

    #[test]
    fn a_record_is_live_until_its_expiry() {
        let bytes = page(&[(&ONE, 10, b"a"), (&TWO, 20, b"b")]);
        assert_eq!(find(&bytes, &ONE, 9), Ok(Some(b"a".as_slice())));
        assert_eq!(find(&bytes, &ONE, 10), Ok(None));
        assert_eq!(live_entries(&bytes, 10), Ok(1));
        assert_eq!(without(&bytes, &[9; 16], 10), Ok(page(&[(&TWO, 20, b"b")])));
        assert_eq!(without(&bytes, &TWO, 9), Ok(page(&[(&ONE, 10, b"a")])));
    }

    #[test]
    fn a_value_of_228_bytes_is_too_long() {
        assert!(append(&mut Vec::new(), &Record { tag: &ONE, expires_ms: 1, value: &[0; 227] }).is_some());
        assert!(append(&mut Vec::new(), &Record { tag: &ONE, expires_ms: 1, value: &[0; 228] }).is_none());
    }

    #[test]
    fn a_corrupt_page_never_answers() {
        let whole = page(&[(&ONE, 10, b"a")]);
        let too_long = [whole.as_slice(), &[3; 16], &[255; 8], &[228], &[0; 228]].concat();
        for (bytes, note) in [
            (Vec::new(), "no bytes"),
            (vec![2], "another format"),
            (whole[..whole.len() - 1].to_vec(), "cut short"),
            ([whole.as_slice(), &[0]].concat(), "a tail behind the records"),
            (too_long, "a value that is too long"),
            (page(&[(&ONE, 10, b"a"), (&ONE, 11, b"b")]), "a tag with two live records"),
        ] {
            assert_eq!(find(&bytes, &ONE, 0), Err(Corrupt), "{note}");
        }
    }
}
