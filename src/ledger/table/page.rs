//! The bytes of one page.
//!
//! ```text
//! page   = format records            format: one byte, 2, so that no page is ever empty (the proxy-wasm
//!                                    SDK cannot tell an empty value from none)
//! record = tag owner expiry length value
//!          tag     16 bytes          names the entry
//!          owner    8 bytes          marks of the caller and of the tenant that made it, 4 bytes each
//!          expiry   8 bytes          milliseconds since the epoch, little endian
//!          length   1 byte           of the value, at most 227
//!          value    `length` bytes
//! ```
//!
//! Records stand in no order, and no tag has two live ones. A page that breaks any of this is corrupt as a
//! whole: it is neither read in part nor mended, since a lost counter would be a limit escaped.

use hashbrown::HashMap;

use super::owner::{Marks, Room};

pub(in crate::ledger) const MAX_VALUE: usize = 227;

/// Tag, owner, expiry and length.
const FIXED: usize = 16 + 8 + 8 + 1;

const MAX_RECORD: usize = FIXED + MAX_VALUE;

const FORMAT: u8 = 2;

/// A page without records.
pub(in crate::ledger) const EMPTY: [u8; 1] = [FORMAT];

/// Names an entry within the table.
pub(in crate::ledger) type Tag = [u8; 16];

/// Bytes that no ledger of this format wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) struct Corrupt;

#[derive(Clone, Copy)]
pub(in crate::ledger) struct Record<'a> {
    pub(in crate::ledger) tag: &'a Tag,
    pub(in crate::ledger) owner: Marks,
    pub(in crate::ledger) expires_ms: u64,
    pub(in crate::ledger) value: &'a [u8],
}

impl Record<'_> {
    fn is_live(&self, now_ms: u64) -> bool {
        now_ms < self.expires_ms
    }

    /// How many bytes it takes.
    pub(in crate::ledger) fn length(&self) -> usize {
        FIXED.saturating_add(self.value.len())
    }
}

/// The live record under `tag`. Walks the whole page, so that a corrupt one never answers.
pub(in crate::ledger) fn find<'a>(
    bytes: &'a [u8],
    tag: &Tag,
    now_ms: u64,
) -> Result<Option<Record<'a>>, Corrupt> {
    let mut found = None;
    for record in records(bytes)? {
        let record = record?;
        if record.tag == tag && record.is_live(now_ms) && found.replace(record).is_some() {
            return Err(Corrupt);
        }
    }
    Ok(found)
}

/// The page without expired records and without `tag`, with spare room for one more record.
pub(in crate::ledger) fn without(bytes: &[u8], tag: &Tag, now_ms: u64) -> Result<Vec<u8>, Corrupt> {
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
pub(in crate::ledger) fn append(page: &mut Vec<u8>, record: &Record<'_>) -> Option<()> {
    let length = u8::try_from(record.value.len()).ok().filter(|length| usize::from(*length) <= MAX_VALUE)?;
    page.extend_from_slice(record.tag);
    page.extend_from_slice(&record.owner.caller);
    page.extend_from_slice(&record.owner.tenant);
    page.extend_from_slice(&record.expires_ms.to_le_bytes());
    page.push(length);
    page.extend_from_slice(record.value);
    Some(())
}

pub(in crate::ledger) fn live_entries(bytes: &[u8], now_ms: u64) -> Result<usize, Corrupt> {
    let mut live: usize = 0;
    for record in records(bytes)? {
        live = live.saturating_add(usize::from(record?.is_live(now_ms)));
    }
    Ok(live)
}

/// How much of a page of so many bytes one caller, and one tenant, may have at most: one entry of any length always.
pub(in crate::ledger) fn most_held(page_bytes: usize) -> Room {
    let quarter = page_bytes / 4;
    Room { caller: quarter.max(MAX_RECORD), tenant: quarter.saturating_mul(3).max(MAX_RECORD) }
}

/// How many bytes of a page belong to the caller and to the tenant of these marks.
pub(in crate::ledger) fn held_by(bytes: &[u8], owner: Marks) -> Result<Room, Corrupt> {
    let mut held = Room { caller: 0, tenant: 0 };
    for record in records(bytes)? {
        let record = record?;
        let of = |is_theirs: bool| if is_theirs { record.length() } else { 0 };
        held.caller = held.caller.saturating_add(of(record.owner.caller == owner.caller));
        held.tenant = held.tenant.saturating_add(of(record.owner.tenant == owner.tenant));
    }
    Ok(held)
}

/// How many bytes the caller has who has most of them.
pub(in crate::ledger) fn largest_caller(bytes: &[u8], now_ms: u64) -> Result<usize, Corrupt> {
    let mut held: HashMap<[u8; 4], usize> = HashMap::new();
    for record in records(bytes)? {
        let record = record?;
        if record.is_live(now_ms) && record.owner.caller != Marks::default().caller {
            let sum = held.entry(record.owner.caller).or_default();
            *sum = sum.saturating_add(record.length());
        }
    }
    Ok(held.into_values().max().unwrap_or_default())
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
    let (caller, rest) = rest.split_first_chunk()?;
    let (tenant, rest) = rest.split_first_chunk()?;
    let (expiry, rest) = rest.split_first_chunk()?;
    let (&length, rest) = rest.split_first()?;
    let (value, rest) = rest.split_at_checked(usize::from(length))?;
    let is_short = value.len() <= MAX_VALUE;
    let owner = Marks { caller: *caller, tenant: *tenant };
    is_short.then_some((Record { tag, owner, expires_ms: u64::from_le_bytes(*expiry), value }, rest))
}

#[cfg(test)]
mod tests {
    use super::{
        Corrupt, EMPTY, Marks, Record, Room, Tag, append, held_by, largest_caller, live_entries, without,
    };

    fn find<'a>(bytes: &'a [u8], tag: &Tag, now_ms: u64) -> Result<Option<&'a [u8]>, Corrupt> {
        Ok(super::find(bytes, tag, now_ms)?.map(|record| record.value))
    }

    const ONE: Tag = [1; 16];
    const TWO: Tag = [2; 16];

    fn page(records: &[(&Tag, u64, &[u8])]) -> Vec<u8> {
        let mut page = EMPTY.to_vec();
        for &(tag, expires_ms, value) in records {
            append(&mut page, &Record { tag, owner: Marks::default(), expires_ms, value }).unwrap();
        }
        page
    }

    #[test]
    fn the_format_is_the_documented_one() {
        let mut bytes = vec![2];
        bytes.extend([1; 16]);
        bytes.extend([0; 8]);
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
        let record = |value| Record { tag: &ONE, owner: Marks::default(), expires_ms: 1, value };
        assert!(append(&mut Vec::new(), &record(&[0; 227])).is_some());
        assert!(append(&mut Vec::new(), &record(&[0; 228])).is_none());
    }

    #[test]
    fn a_page_tells_whose_its_records_are() {
        let mut page = EMPTY.to_vec();
        for (tag, caller, tenant, expires_ms) in
            [([1; 16], 1, 1, 10), ([2; 16], 1, 1, 20), ([3; 16], 2, 1, 20), ([4; 16], 0, 0, 20)]
        {
            let owner = Marks { caller: [caller; 4], tenant: [tenant; 4] };
            append(&mut page, &Record { tag: &tag, owner, expires_ms, value: b"abc" }).unwrap();
        }
        let of = |caller, tenant| held_by(&page, Marks { caller: [caller; 4], tenant: [tenant; 4] });
        assert_eq!(of(1, 1), Ok(Room { caller: 72, tenant: 108 }));
        assert_eq!(of(2, 1), Ok(Room { caller: 36, tenant: 108 }));
        assert_eq!(of(3, 2), Ok(Room { caller: 0, tenant: 0 }));
        assert_eq!(largest_caller(&page, 0), Ok(72));
        assert_eq!(largest_caller(&page, 10), Ok(36), "what has expired is nobody's");
    }

    #[test]
    fn a_corrupt_page_never_answers() {
        let whole = page(&[(&ONE, 10, b"a")]);
        let too_long = [whole.as_slice(), &[3; 16], &[0; 8], &[255; 8], &[228], &[0; 228]].concat();
        for (bytes, note) in [
            (Vec::new(), "no bytes"),
            (vec![1], "another format"),
            (whole[..whole.len() - 1].to_vec(), "cut short"),
            ([whole.as_slice(), &[0]].concat(), "a tail behind the records"),
            (too_long, "a value that is too long"),
            (page(&[(&ONE, 10, b"a"), (&ONE, 11, b"b")]), "a tag with two live records"),
        ] {
            assert_eq!(find(&bytes, &ONE, 0), Err(Corrupt), "{note}");
        }
    }
}
