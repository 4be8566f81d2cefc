//! What an entry is stored under, and the tag that names it in a page.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

use super::compose::length_of;
use super::owner::Owner;
use super::page::Tag;

/// What an entry is stored under.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub namespace: Namespace,
    /// Any bytes; several parts go through [`compose`].
    pub key: &'a [u8],
}

/// What an entry is found by, worked out once for as many uses as may come.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) struct Name {
    /// A plain hash; pages hold another one (`placement.rs`).
    pub(in crate::ledger) tag: Tag,
    pub(in crate::ledger) region: Region,
    /// Who makes it, where it is not there yet.
    pub(in crate::ledger) owner: Owner,
}

/// Which pages an entry can lie on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::ledger) enum Region {
    /// Whatever callers can name.
    Callers,
    /// What the gateway itself needs, which no number of callers can push against.
    Own,
}

/// Who owns an entry. The same key in two namespaces is two entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Namespace {
    /// Counters of quotas.
    Quota = 1,
    /// Estimates held until a request is settled.
    Reservation = 2,
    /// Requests in flight.
    Concurrency = 3,
    /// `jti`s that were seen and may not come again.
    Replay = 4,
    /// What a minted credential has left.
    Budget = 5,
    /// Who fetches a document for everybody.
    Lease = 6,
    /// Credentials that were revoked.
    Revocation = 7,
    /// Random keys that all workers share.
    SharedKey = 8,
    /// What is known of counters that the rate limit service keeps.
    RemoteCounter = 9,
    /// What is known of callers' recent past.
    History = 10,
}

impl Namespace {
    fn region(self) -> Region {
        match self {
            Self::Lease | Self::Revocation | Self::SharedKey => Region::Own,
            Self::Quota
            | Self::Reservation
            | Self::Concurrency
            | Self::Replay
            | Self::Budget
            | Self::RemoteCounter
            | Self::History => Region::Callers,
        }
    }
}

/// Whoever makes it, it is one entry: callers who share a counter have one.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        (self.tag, self.region) == (other.tag, other.region)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tag.hash(state);
    }
}

impl Name {
    /// The same, but that `owner` makes it.
    pub(in crate::ledger) fn made_by(self, owner: Owner) -> Self {
        Self { owner, ..self }
    }
}

impl Entry<'_> {
    pub(in crate::ledger) fn name(&self) -> Name {
        Name { tag: self.tag(), region: self.namespace.region(), owner: Owner::NOBODY }
    }

    /// SHA-256 over the namespace, the key's length and the key, cut to 16 bytes.
    fn tag(&self) -> Tag {
        let digest = Sha256::new()
            .chain_update([self.namespace as u8])
            .chain_update(length_of(self.key))
            .chain_update(self.key)
            .finalize();
        let mut tag = Tag::default();
        for (to, from) in tag.iter_mut().zip(digest) {
            *to = from;
        }
        tag
    }
}
