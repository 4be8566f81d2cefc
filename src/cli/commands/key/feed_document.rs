//! The document of a feed of API keys, as `claimgate key` edits it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::atomic_write::move_into_place;
use crate::cli::configuration::stand_in;
use crate::config::{ClientAddress, Config, Key};
use crate::gateway::{Gateway, Remote};
use crate::identity::{KeyTable, MAX_FEED_BYTES, read_feed};

/// The document of a feed.
pub(super) struct FeedDocument {
    path: PathBuf,
    pub(super) keys: Vec<Arc<Key>>,
}

impl FeedDocument {
    pub(super) fn new(path: &Path, keys: Vec<Arc<Key>>) -> Self {
        Self { path: path.to_owned(), keys }
    }

    /// What stands in the file; nothing where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let keys = match fs::read(path) {
            Ok(bytes) => read_feed(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.to_string()),
        };
        let document = Self::new(path, keys);
        document.require_right()?;
        Ok(document)
    }

    /// Moves the file into place whole.
    ///
    /// # Errors
    /// A document that a gateway would refuse; then nothing is written.
    pub(super) fn save(&self) -> Result<(), String> {
        self.require_right()?;
        let text = self.text()?;
        if text.len() > MAX_FEED_BYTES {
            return Err(format!("the document would have more than {MAX_FEED_BYTES} bytes"));
        }
        move_into_place(&self.path, &text).map_err(|error| format!("cannot be written: {error}"))
    }

    /// Each key on a line of its own, so that a change is one line and a long feed stays short.
    pub(super) fn text(&self) -> Result<String, String> {
        let lines: Result<Vec<_>, _> = self.keys.iter().map(|key| serde_json::to_string(&**key)).collect();
        let lines = lines.map_err(|error| error.to_string())?;
        Ok(format!("{{\"keys\": [\n{}\n]}}\n", lines.join(",\n")))
    }

    pub(super) fn change(&mut self, id: &str, changed: impl Fn(&Key) -> Key) -> Result<(), String> {
        self.require(id)?;
        for key in self.keys.iter_mut().filter(|key| *key.id == *id) {
            *key = Arc::new(changed(key));
        }
        Ok(())
    }

    pub(super) fn require(&self, id: &str) -> Result<(), String> {
        match self.keys.iter().any(|key| *key.id == *id) {
            true => Ok(()),
            false => Err(format!("there is no key `{id}`")),
        }
    }

    /// Whether its keys may be bound to networks is for the configuration to say.
    pub(super) fn require_right(&self) -> Result<(), String> {
        let table = KeyTable::compile(&self.keys, Some(ClientAddress::Peer));
        table.map(drop).map_err(|error| error.to_string())
    }

    pub(super) fn require_agreement(&self, config: &Config) -> Result<(), String> {
        let gateway = Gateway::compile(config, &stand_in(config)).map_err(|error| error.to_string())?;
        let mut remotes = gateway.remotes().map(|(remote, ..)| remote);
        let feed = remotes.find(|remote| matches!(remote, Remote::KeyFeed(_)));
        let feed = feed.ok_or("the configuration has no `key_feeds` that could poll it")?;
        gateway.accept(&mut gateway.polled(), feed, self.text()?.as_bytes(), 0)
    }
}
