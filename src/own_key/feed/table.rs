//! The entries of one document, by whom they are for.

use hashbrown::{Equivalent, HashMap};
use serde::Deserialize;

use super::entry::FeedEntry;
use crate::config::read_document;
use crate::identity::MAX_FEED_BYTES;

/// The entries of one document.
#[derive(Debug, Default)]
pub struct FeedTable {
    entries: Vec<FeedEntry>,
    by_id: HashMap<String, usize>,
    /// Those of one owner, the newest last.
    by_owner: HashMap<EntryOwner, Vec<usize>>,
}

/// A tenant, or a subject of it and that one's issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct EntryOwner {
    tenant: String,
    user: Option<(String, String)>,
}

/// The same to be looked up by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct WantedOwner<'a> {
    pub(super) tenant: &'a str,
    pub(super) user: Option<(&'a str, &'a str)>,
}

impl Equivalent<EntryOwner> for WantedOwner<'_> {
    fn equivalent(&self, owner: &EntryOwner) -> bool {
        let user = owner.user.as_ref().map(|(subject, issuer)| (subject.as_str(), issuer.as_str()));
        self.tenant == owner.tenant && self.user == user
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    credentials: Vec<FeedEntry>,
}

/// Reads the document that `claimgate key seal` writes: `{"credentials": […]}`.
///
/// # Errors
/// One line with the place of what is wrong.
pub fn read_entries(document: &[u8]) -> Result<Vec<FeedEntry>, String> {
    if document.len() > MAX_FEED_BYTES {
        return Err(format!("the document has more than {MAX_FEED_BYTES} bytes"));
    }
    Ok(read_document::<Document>(document)?.credentials)
}

impl FeedTable {
    /// # Errors
    /// As [`read_entries`] and [`Self::compile`].
    pub fn read(document: &[u8]) -> Result<Self, String> {
        Self::compile(read_entries(document)?)
    }

    /// # Errors
    /// One line with the place of an entry that is wrong, or has the id of another.
    pub fn compile(entries: Vec<FeedEntry>) -> Result<Self, String> {
        let mut by_id = HashMap::with_capacity(entries.len());
        let mut by_owner: HashMap<EntryOwner, Vec<usize>> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            entry.require_right().map_err(|(field, why)| format!("credentials[{index}].{field}: {why}"))?;
            if by_id.insert(entry.id.clone(), index).is_some() {
                return Err(format!("credentials[{index}].id: `{}` is the id of two entries", entry.id));
            }
            let owner = EntryOwner {
                tenant: entry.tenant.clone(),
                user: entry.subject.clone().zip(entry.issuer.clone()),
            };
            by_owner.entry(owner).or_default().push(index);
        }
        for places in by_owner.values_mut() {
            places.sort_by_key(|place| entries.get(*place).and_then(|entry| entry.not_before));
        }
        Ok(Self { entries, by_id, by_owner })
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// True where there is an entry of this id, and it is disabled.
    pub fn disables(&self, id: &str) -> bool {
        let entry = self.by_id.get(id).and_then(|place| self.entries.get(*place));
        entry.is_some_and(|entry| entry.disabled)
    }

    /// The owner's newest entry for this upstream that is of use, or else the newest; `None` where none has begun.
    pub(super) fn newest(
        &self,
        owner: WantedOwner<'_>,
        upstream: &str,
        now_seconds: u64,
    ) -> Option<&FeedEntry> {
        let places = self.by_owner.get(&owner)?;
        let begun = || {
            let entries = places.iter().rev().filter_map(|place| self.entries.get(*place));
            entries.filter(|entry| entry.is_for(upstream) && entry.has_begun(now_seconds))
        };
        begun().find(|entry| entry.end(now_seconds).is_none()).or_else(|| begun().next())
    }
}
