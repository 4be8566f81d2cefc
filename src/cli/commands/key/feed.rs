//! `claimgate key feed`.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::feed_document::FeedDocument;
use crate::cli::arguments::word;
use crate::cli::clock::now_seconds;
use crate::cli::configuration::Sources;
use crate::cli::document::Finding;
use crate::cli::terminal::{Exit, Terminal};
use crate::config::{Config, Key};

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
        let mut document = FeedDocument::open(&self.feed)?;
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
