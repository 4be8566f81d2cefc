//! `claimgate key seal`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::arguments::word;
use crate::cli::atomic_write::move_into_place;
use crate::cli::clock::{now_seconds, timestamp};
use crate::cli::randomness::random;
use crate::cli::terminal::{Exit, Terminal};
use crate::config::Timestamp;
use crate::identity::MAX_FEED_BYTES;
use crate::own_key::{FeedEntry, FeedPublicKey, FeedTable, read_entries};
use crate::secret::Secret;

/// The longest key.
const LONGEST: u64 = 4 * 1024;

const EXAMPLES: &str = "\
Examples:
  claimgate key seal --to feed-public.jwk --id acme-2026 --tenant acme --upstream openai < key.txt
  pass show acme/openai | claimgate key seal --to feed-public.jwk --id acme-2026 --tenant acme --upstream openai \\
      --feed credentials.json                                   puts the entry into the document
  claimgate key seal --to feed-public.jwk --id alice-1 --tenant acme --subject alice --issuer https://login.example/ \\
      --upstream openai --model 'gpt-4o*' --expires-at 2026-12-31T00:00:00Z < key.txt

The key is never an argument, because shells keep those, and nothing but its sealed form is written. To rotate one, seal the new
key under another id: the newest counts from now on.
Exit status: 0 fine, 2 the input is wrong; then no file is touched.";

/// Reads a provider's key from standard input and seals it for a gateway, as an entry of the document of `own_keys.feed`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Seal {
    /// The public half of the gateway's pair, which `claimgate key sealing --feed` has written
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Names the key in records and revocation lists; unique
    #[arg(long, value_parser = word)]
    id: String,
    /// Whose key it is
    #[arg(long, value_parser = word)]
    tenant: String,
    /// The one user of the tenant that it is for; without it, it is for all
    #[arg(long, value_parser = word, requires = "issuer")]
    subject: Option<String>,
    /// The `iss` of that user's tokens
    #[arg(long, value_parser = word, requires = "subject")]
    issuer: Option<String>,
    /// The cluster that it is for; may be repeated
    #[arg(long = "upstream", value_name = "CLUSTER", value_parser = word, required = true)]
    upstreams: Vec<String>,
    /// A pattern of models that it is for, without it all; may be repeated
    #[arg(long = "model", value_name = "PATTERN", value_parser = word)]
    models: Vec<String>,
    /// When it ends, such as `2026-12-31T00:00:00Z`; without it, it does not
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    expires_at: Option<Timestamp>,
    /// The document that the entry is put into; it is made where there is none. Without it, the entry is printed
    #[arg(long, value_name = "FILE")]
    feed: Option<PathBuf>,
}

impl Seal {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let mut text = String::new();
        terminal.input.take(LONGEST.saturating_add(1)).read_to_string(&mut text)?;
        let public = match fs::read(&self.to) {
            Ok(bytes) => FeedPublicKey::parse(&bytes),
            Err(error) => return terminal.refuse(&self.to, &error.to_string()),
        };
        let public = match public {
            Ok(public) => public,
            Err(why) => return terminal.refuse(&self.to, why),
        };
        let refuse = |terminal: &mut Terminal<'_>, why: &str| {
            writeln!(terminal.errors, "error: {why}")?;
            Ok(Exit::Wrong)
        };
        let key = text.trim();
        if key.is_empty() {
            return refuse(
                terminal,
                "there is no key on standard input; write `claimgate key seal … < file`",
            );
        }
        if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST) {
            return refuse(terminal, "there are more than 4 KiB on standard input; send the key alone");
        }
        let entry = match public.seal(self.entry()?, &Secret::new(key), &random()?) {
            Ok(entry) => entry,
            Err(why) => return refuse(terminal, why),
        };
        // It is judged as in a document of its own.
        if let Err(why) = FeedTable::compile(vec![entry.clone()]) {
            return refuse(terminal, &why);
        }
        match &self.feed {
            None => writeln!(terminal.output, "{}", serde_json::to_string(&entry)?)?,
            Some(file) => match put_into(file, entry) {
                Ok(entries) => writeln!(terminal.output, "{}: {entries} credentials", file.display())?,
                Err(why) => return terminal.refuse(file, &why),
            },
        }
        Ok(Exit::Fine)
    }

    /// The entry before its key is sealed, good from now on.
    fn entry(&self) -> io::Result<FeedEntry> {
        Ok(FeedEntry {
            id: self.id.clone(),
            tenant: self.tenant.clone(),
            subject: self.subject.clone(),
            issuer: self.issuer.clone(),
            upstreams: self.upstreams.clone(),
            models: Some(self.models.clone()).filter(|models| !models.is_empty()),
            jwe: String::new(),
            not_before: Some(timestamp(now_seconds()?).map_err(io::Error::other)?),
            expires_at: self.expires_at,
            disabled: false,
        })
    }
}

/// How many entries the document has then. It is moved into place whole, each entry on a line of its own.
fn put_into(file: &Path, entry: FeedEntry) -> Result<usize, String> {
    let mut entries = match fs::read(file) {
        Ok(bytes) => read_entries(&bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.to_string()),
    };
    entries.push(entry);
    let lines: Result<Vec<_>, _> = entries.iter().map(serde_json::to_string).collect();
    let lines = lines.map_err(|error| error.to_string())?;
    let text = format!("{{\"credentials\": [\n{}\n]}}\n", lines.join(",\n"));
    if text.len() > MAX_FEED_BYTES {
        return Err(format!("the document would have more than {MAX_FEED_BYTES} bytes"));
    }
    let entries = FeedTable::compile(entries)?.len();
    move_into_place(file, &text).map_err(|error| format!("cannot be written: {error}"))?;
    Ok(entries)
}
