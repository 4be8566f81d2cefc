//! `claimgate key rotate`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::feed_document::FeedDocument;
use super::yaml_entry::yaml_entry;
use crate::cli::arguments::{span, word};
use crate::cli::clock::{now_seconds, timestamp};
use crate::cli::configuration::Sources;
use crate::cli::randomness::random;
use crate::cli::terminal::{Exit, Format, Terminal};
use crate::config::{Key, Span};
use crate::identity::ApiKey;

const EXAMPLES: &str = "\
Examples:
  claimgate key rotate --id search-prod                        both are good for 7 more days
  claimgate key rotate --id search-prod --overlap 1h --new-id search-prod-b
  claimgate key rotate --id search-prod --feed keys.json       in the document of a feed

Replace the old entry of gateway.yaml by the two that are printed; in a feed, they are replaced. The old key, and every token got with it, ends with
the overlap; the caller changes its key before.
Exit status: 0 fine, 2 the configuration or the input is wrong.";

/// Makes the successor of an API key, and lets the old one run out
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Rotate {
    #[command(flatten)]
    sources: Sources,
    /// The id of the key that is to be replaced
    #[arg(long, value_parser = word)]
    id: String,
    /// The id of its successor; without it, the old one and the date
    #[arg(long, value_parser = word)]
    new_id: Option<String>,
    /// How long both are good
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "7d")]
    overlap: Span,
    /// The document of a feed that the key is in
    #[arg(long, value_name = "FILE")]
    feed: Option<PathBuf>,
    /// How the key and the entries are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Rotate {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        match &self.feed {
            Some(file) => match FeedDocument::open(file) {
                Ok(document) => self.replace(&document.keys, terminal),
                Err(why) => terminal.refuse(file, &why),
            },
            None => match self.sources.load() {
                Ok(loaded) => self.replace(&loaded.config.keys, terminal),
                Err(findings) => terminal.complain(&findings),
            },
        }
    }

    fn replace(&self, keys: &[Arc<Key>], terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let Some(old) = keys.iter().find(|key| *key.id == *self.id) else {
            let file = self.feed.as_ref().unwrap_or(&self.sources.config).display();
            writeln!(terminal.errors, "error: there is no key `{}` in {file}", self.id)?;
            return Ok(Exit::Wrong);
        };
        let now = now_seconds()?;
        let new_id = match &self.new_id {
            Some(id) => id.clone(),
            None => format!("{}-{}", self.id, date(now)),
        };
        if keys.iter().any(|key| *key.id == *new_id) {
            writeln!(terminal.errors, "error: there is a key `{new_id}` already; write another `--new-id`")?;
            return Ok(Exit::Wrong);
        }
        let secret = ApiKey::mint(random()?);
        let end = timestamp(now.saturating_add(self.overlap.seconds())).map_err(io::Error::other)?;
        let new = Key {
            id: new_id.into(),
            hash: ApiKey::hash(&secret),
            created_at: Some(timestamp(now).map_err(io::Error::other)?),
            not_before: None,
            expires_at: None,
            ..Key::clone(old)
        };
        // A key that ends sooner is not made to live longer.
        let old = Key { expires_at: Some(old.expires_at.map_or(end, |own| own.min(end))), ..Key::clone(old) };
        if let Some(file) = &self.feed {
            let kept = keys.iter().filter(|key| key.id != old.id).cloned();
            let keys = kept.chain([&new, &old].map(|key| Arc::new(key.clone()))).collect();
            if let Err(why) = FeedDocument::new(file, keys).save() {
                return terminal.refuse(file, &why);
            }
        }
        let key = String::from_utf8_lossy(secret.expose());
        match self.format {
            Format::Json => writeln!(terminal.output, "{:#}", json!({ "key": key, "old": old, "new": new }))?,
            Format::Text => {
                writeln!(
                    terminal.output,
                    "The new key, shown only now; hand it to the caller and keep no copy:\n"
                )?;
                writeln!(terminal.output, "{key}\n")?;
                let place = match &self.feed {
                    Some(file) => format!("take the old one's place in {} now", file.display()),
                    None => "take the old one's place in gateway.yaml".to_owned(),
                };
                writeln!(terminal.output, "The entries that {place}:\n")?;
                for entry in [&new, &old] {
                    write!(terminal.output, "{}", yaml_entry(&serde_json::to_value(entry)?))?;
                }
            }
        }
        Ok(Exit::Fine)
    }
}

fn date(unix_seconds: u64) -> String {
    let time =
        i64::try_from(unix_seconds).ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    time.map(|time| time.format("%Y%m%d").to_string()).unwrap_or_default()
}
