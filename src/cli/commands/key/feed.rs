//! `claimgate key feed`, and the document of a feed as `claimgate key` edits it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::cli::arguments::word;
use crate::cli::atomic_write::move_into_place;
use crate::cli::clock::now_seconds;
use crate::cli::configuration::{Sources, stand_in};
use crate::cli::document::Finding;
use crate::cli::terminal::{Exit, Terminal};
use crate::config::{ClientAddress, Config, Key};
use crate::gateway::{Gateway, Remote};
use crate::identity::{KeyTable, MAX_FEED_BYTES, read_feed};

const EXAMPLES: &str = "\
Examples:
  claimgate key feed --feed keys.json                               is the feed right?
  claimgate key feed --feed keys.json --config envoy/gateway.yaml   and does no key of the configuration stand in it?
  claimgate key feed --feed keys.json --disable search-prod         refuses a key, and keeps its entry
  claimgate key feed --feed keys.json --enable search-prod          takes it back
  claimgate key feed --feed keys.json --remove search-prod
  claimgate key feed --feed keys.json --prune                       removes the keys that have expired

`claimgate key new` and `claimgate key rotate` put keys into it. The file is moved into place whole; put it where
`key_feeds` in gateway.yaml polls it.
Exit status: 0 fine, 2 the feed or the input is wrong; then no file is touched.";

/// Checks and edits a feed of API keys, as gateways poll it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Feed {
    /// The document
    #[arg(long, value_name = "FILE")]
    feed: PathBuf,
    /// Refuses the key of this id; may be repeated
    #[arg(long, value_name = "ID", value_parser = word)]
    disable: Vec<String>,
    /// Takes that back; may be repeated
    #[arg(long, value_name = "ID", value_parser = word)]
    enable: Vec<String>,
    /// Takes the key of this id out; may be repeated
    #[arg(long, value_name = "ID", value_parser = word)]
    remove: Vec<String>,
    /// Takes out the keys that have expired
    #[arg(long)]
    prune: bool,
    /// A configuration that must have no key of the feed
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of that configuration's rules
    #[arg(long, value_name = "DIRECTORY", default_value = "policies")]
    policies: PathBuf,
}

/// The document of a feed.
pub(super) struct Document {
    path: PathBuf,
    pub(super) keys: Vec<Arc<Key>>,
}

impl Feed {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let config = match self.config.as_ref().map(|config| self.load(config)).transpose() {
            Ok(config) => config,
            Err(findings) => return terminal.complain(&findings),
        };
        match self.edit(config.as_ref()) {
            Ok(keys) => {
                writeln!(terminal.output, "{}: {keys} keys", self.feed.display())?;
                Ok(Exit::Fine)
            }
            Err(why) => terminal.refuse(&self.feed, &why),
        }
    }

    fn load(&self, config: &Path) -> Result<Config, Vec<Finding>> {
        let sources = Sources { config: config.to_owned(), policies: self.policies.clone() };
        Ok(sources.load()?.config)
    }

    fn edit(&self, config: Option<&Config>) -> Result<usize, String> {
        let mut document = Document::open(&self.feed)?;
        let before = document.text()?;
        for id in &self.disable {
            document.change(id, |key| Key { disabled: true, ..key.clone() })?;
        }
        for id in &self.enable {
            document.change(id, |key| Key { disabled: false, ..key.clone() })?;
        }
        for id in &self.remove {
            document.require(id)?;
            document.keys.retain(|key| *key.id != **id);
        }
        if self.prune {
            let now = now_seconds().map_err(|error| error.to_string())?;
            document.keys.retain(|key| key.expires_at.is_none_or(|time| time.is_after(now)));
        }
        document.require_right()?;
        if let Some(config) = config {
            document.require_agreement(config)?;
        }
        if document.text()? != before || !self.feed.exists() {
            document.save()?;
        }
        Ok(document.keys.len())
    }
}

impl Document {
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
    fn text(&self) -> Result<String, String> {
        let lines: Result<Vec<_>, _> = self.keys.iter().map(|key| serde_json::to_string(&**key)).collect();
        let lines = lines.map_err(|error| error.to_string())?;
        Ok(format!("{{\"keys\": [\n{}\n]}}\n", lines.join(",\n")))
    }

    fn change(&mut self, id: &str, changed: impl Fn(&Key) -> Key) -> Result<(), String> {
        self.require(id)?;
        for key in self.keys.iter_mut().filter(|key| *key.id == *id) {
            *key = Arc::new(changed(key));
        }
        Ok(())
    }

    fn require(&self, id: &str) -> Result<(), String> {
        match self.keys.iter().any(|key| *key.id == *id) {
            true => Ok(()),
            false => Err(format!("there is no key `{id}`")),
        }
    }

    /// Whether its keys may be bound to networks is for the configuration to say.
    fn require_right(&self) -> Result<(), String> {
        let table = KeyTable::compile(&self.keys, Some(ClientAddress::Peer));
        table.map(drop).map_err(|error| error.to_string())
    }

    fn require_agreement(&self, config: &Config) -> Result<(), String> {
        let gateway = Gateway::compile(config, &stand_in(config)).map_err(|error| error.to_string())?;
        let mut remotes = gateway.remotes().map(|(remote, ..)| remote);
        let feed = remotes.find(|remote| matches!(remote, Remote::KeyFeed(_)));
        let feed = feed.ok_or("the configuration has no `key_feeds` that could poll it")?;
        gateway.accept(&mut gateway.polled(), feed, self.text()?.as_bytes(), 0)
    }
}
