//! The documents that a configuration has polled, in one way for all kinds.

use super::gateway::Gateway;
use crate::config::PolledDocument;
use crate::gateway::{Polled, Remote};

impl Gateway {
    /// What a worker holds to begin with.
    pub fn polled(&self) -> Polled {
        Polled { board: self.rooms.revocations.board(), fed: self.rooms.identity.feeds().none_fed() }
    }

    /// Each of the documents, its name and where it is.
    pub fn remotes(&self) -> impl Iterator<Item = (Remote, &str, &PolledDocument)> {
        let lists = self.rooms.revocations.remotes();
        let feeds = self.rooms.identity.feeds().remotes();
        lists
            .map(|(list, id, source)| (Remote::RevocationList(list), id, source))
            .chain(feeds.map(|(feed, id, source)| (Remote::KeyFeed(feed), id, source)))
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
        }
    }

    /// True where a call that was let through may have to end before it does by itself.
    pub fn may_revoke(&self) -> bool {
        !self.rooms.revocations.is_empty() || !self.rooms.identity.feeds().is_empty()
    }
}
