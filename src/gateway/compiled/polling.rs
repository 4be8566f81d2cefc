//! The documents that a configuration has polled, in one way for all kinds.

use super::gateway::Gateway;
use crate::config::PolledDocument;
use crate::gateway::{Polled, Remote};
use crate::own_key::{FedProviderKeys, OwnKeys, ProviderKeyFeed};

impl Gateway {
    /// What a worker holds to begin with.
    pub fn polled(&self) -> Polled {
        Polled {
            board: self.rooms.revocations.board(),
            fed: self.rooms.identity.feeds().none_fed(),
            provider_keys: FedProviderKeys::empty(usize::from(self.provider_key_feed().is_some())),
        }
    }

    /// Each of the documents, its name and where it is.
    pub fn remotes(&self) -> impl Iterator<Item = (Remote, &str, &PolledDocument)> {
        let lists = self.rooms.revocations.remotes();
        let feeds = self.rooms.identity.feeds().remotes();
        let provider_keys = self.provider_key_feed().into_iter();
        lists
            .map(|(list, id, source)| (Remote::RevocationList(list), id, source))
            .chain(feeds.map(|(feed, id, source)| (Remote::KeyFeed(feed), id, source)))
            .chain(provider_keys.map(|feed| (Remote::ProviderKeyFeed, ProviderKeyFeed::NAME, feed.remote())))
    }

    /// Takes a newer document, which was the current one at that time.
    ///
    /// # Errors
    /// One line for the operator; the one in use stays in use.
    pub fn accept(
        &self,
        polled: &mut Polled,
        remote: Remote,
        document: &[u8],
        checked_ms: u64,
    ) -> Result<(), String> {
        match remote {
            Remote::RevocationList(list) => polled.board.accept(list, document, checked_ms),
            Remote::KeyFeed(feed) => {
                self.rooms.identity.accept_feed(&mut polled.fed, feed, document, checked_ms)
            }
            Remote::ProviderKeyFeed => polled.provider_keys.accept(document, checked_ms),
        }
    }

    /// True where a call that was let through may have to end before it does by itself.
    pub fn may_revoke(&self) -> bool {
        !self.rooms.revocations.is_empty()
            || !self.rooms.identity.feeds().is_empty()
            || self.provider_key_feed().is_some()
    }

    fn provider_key_feed(&self) -> Option<&ProviderKeyFeed> {
        self.rooms.own_keys.as_ref().and_then(OwnKeys::feed)
    }
}
