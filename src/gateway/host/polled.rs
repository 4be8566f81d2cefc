//! The documents of a configuration that are polled, whatever their kind, so that the host has one way for all.

use crate::identity::{FedKeys, MAX_FEED_BYTES};
use crate::own_key::{FedProviderKeys, FeedTable, ProviderKeyFeed};
use crate::revocation::{Board, MAX_DOCUMENT_BYTES};

/// One of them, by its index in its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remote {
    RevocationList(usize),
    KeyFeed(usize),
    /// The only one of the section `own_keys`.
    ProviderKeyFeed,
}

/// What one worker holds of them.
#[derive(Debug)]
pub struct Polled {
    pub(in crate::gateway) board: Board,
    pub(in crate::gateway) fed: FedKeys,
    pub(in crate::gateway) provider_keys: FedProviderKeys,
}

impl Remote {
    /// The section of the configuration that names it.
    pub fn section(self) -> &'static str {
        match self {
            Self::RevocationList(_) => "revocations",
            Self::KeyFeed(_) => "key_feeds",
            Self::ProviderKeyFeed => "own_keys",
        }
    }

    /// What it is, for the operator.
    pub fn noun(self) -> &'static str {
        match self {
            Self::RevocationList(_) => "the revocation list",
            Self::KeyFeed(_) => "the key feed",
            Self::ProviderKeyFeed => "the provider key feed",
        }
    }

    /// The most bytes it may have.
    pub fn limit(self) -> usize {
        match self {
            Self::RevocationList(_) => MAX_DOCUMENT_BYTES,
            Self::KeyFeed(_) | Self::ProviderKeyFeed => MAX_FEED_BYTES,
        }
    }
}

impl Polled {
    /// Notes that the copy was the current document at that time.
    pub fn confirm(&mut self, remote: Remote, checked_ms: u64) {
        match remote {
            Remote::RevocationList(list) => self.board.confirm(list, checked_ms),
            Remote::KeyFeed(feed) => self.fed.confirm(feed, checked_ms),
            Remote::ProviderKeyFeed => self.provider_keys.confirm(ProviderKeyFeed::DOCUMENT, checked_ms),
        }
    }

    /// When the copy was last known to be current, in milliseconds since the Unix epoch; `None` where none has come.
    pub fn checked_ms(&self, remote: Remote) -> Option<u64> {
        match remote {
            Remote::RevocationList(list) => self.board.checked_ms(list),
            Remote::KeyFeed(feed) => self.fed.checked_ms(feed),
            Remote::ProviderKeyFeed => self.provider_keys.checked_ms(ProviderKeyFeed::DOCUMENT),
        }
    }

    /// How many entries the copy has.
    pub fn entries(&self, remote: Remote) -> usize {
        match remote {
            Remote::RevocationList(list) => self.board.content(list).map_or(0, |list| list.len()),
            Remote::KeyFeed(feed) => self.fed.content(feed).map_or(0, |keys| keys.len()),
            Remote::ProviderKeyFeed => self.provider_keys.table().map_or(0, FeedTable::len),
        }
    }

    /// Changes with each document that takes another's place.
    pub fn generation(&self) -> u64 {
        let documents = [self.board.generation(), self.fed.generation(), self.provider_keys.generation()];
        documents.into_iter().fold(0, u64::saturating_add)
    }
}
