//! `claimgate key new`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::feed_document::FeedDocument;
use super::yaml_entry::yaml_entry;
use crate::cli::arguments::{label, network, span, word};
use crate::cli::clock::{now_seconds, timestamp};
use crate::cli::randomness::random;
use crate::cli::terminal::{Exit, Format, Terminal};
use crate::config::{BoundTo, Key, Span, Thumbprint};
use crate::identity::ApiKey;
use crate::secret::Secret;

const EXAMPLES: &str = "\
Examples:
  claimgate key new --id search-prod --project search --service-account search-api --tenant acme \\
      --scope chat --scope 'model:gpt-4o*' --label plan=pro --expires-in 90d
  claimgate key new --id ci --project build --service-account ci --cidr 10.0.0.0/8
  claimgate key new --id web --project shop --service-account web --feed keys.json
  claimgate key new --id batch --project batch --service-account nightly --certificate sha256:1f0a…

To replace a key, use `claimgate key rotate`.
Exit status: 0 fine, 2 the input is wrong.";

/// Makes an API key: shows it once, with the entry for `keys` in gateway.yaml, which holds its hash only
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct New {
    /// Names the key in records and rules; unique
    #[arg(long, value_parser = word)]
    id: String,
    /// The unit of billing
    #[arg(long, value_parser = word)]
    project: String,
    /// The non-human identity the key belongs to
    #[arg(long, value_parser = word)]
    service_account: String,
    /// The isolation boundary
    #[arg(long, value_parser = word)]
    tenant: Option<String>,
    /// What the key may be used for; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_parser = word)]
    scopes: Vec<String>,
    /// Free text for rules; may be repeated
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// How long the key is good, such as `90d`; without it, it does not expire
    #[arg(long, value_name = "TIME", value_parser = span)]
    expires_in: Option<Span>,
    /// A network the key may be used from; may be repeated
    #[arg(long = "cidr", value_name = "NETWORK", value_parser = network)]
    cidrs: Vec<String>,
    /// The document of a feed that the entry is put into; it is made where there is none
    #[arg(long, value_name = "FILE")]
    feed: Option<PathBuf>,
    /// A client certificate that whoever sends the key must show, by its SHA-256; may be repeated
    #[arg(long = "certificate", value_name = "THUMBPRINT")]
    certificates: Vec<Thumbprint>,
    /// A public key that whoever sends the key must prove to hold, by its thumbprint (`jkt`); may be repeated
    #[arg(long = "dpop-key", value_name = "THUMBPRINT")]
    dpop_keys: Vec<Thumbprint>,
    /// How the key and its entry are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl New {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let secret = ApiKey::mint(random()?);
        let entry = self.entry(&secret).map_err(io::Error::other)?;
        if let Some(file) = &self.feed
            && let Err(why) = put_into(file, &entry)
        {
            return terminal.refuse(file, &why);
        }
        let key = String::from_utf8_lossy(secret.expose());
        match self.format {
            Format::Json => {
                writeln!(terminal.output, "{:#}", json!({"key": key, "entry": entry}))?;
            }
            Format::Text => {
                writeln!(
                    terminal.output,
                    "The key, shown only now; hand it to the caller and keep no copy:\n"
                )?;
                writeln!(terminal.output, "{key}\n")?;
                match &self.feed {
                    Some(file) => {
                        writeln!(terminal.output, "Its entry, which is in {} now:\n", file.display())?
                    }
                    None => writeln!(terminal.output, "Its entry for `keys` in gateway.yaml:\n")?,
                }
                write!(terminal.output, "{}", yaml_entry(&serde_json::to_value(&entry)?))?;
            }
        }
        Ok(Exit::Fine)
    }

    fn entry(&self, secret: &Secret) -> Result<Key, String> {
        let now = now_seconds().map_err(|error| error.to_string())?;
        let expiry = self.expires_in.map(|span| timestamp(now.saturating_add(span.seconds()))).transpose()?;
        Ok(Key {
            id: self.id.as_str().into(),
            hash: ApiKey::hash(secret),
            project: self.project.as_str().into(),
            service_account: self.service_account.as_str().into(),
            tenant: self.tenant.as_deref().map(Arc::from),
            scopes: self.scopes.iter().map(|scope| scope.as_str().into()).collect(),
            labels: self.labels.iter().cloned().collect::<BTreeMap<_, _>>().into(),
            created_at: Some(timestamp(now)?),
            not_before: None,
            expires_at: expiry,
            cidrs: self.cidrs.iter().map(|cidr| cidr.as_str().into()).collect(),
            bound_to: self.bound_to().map(Box::new),
            disabled: false,
        })
    }

    fn bound_to(&self) -> Option<BoundTo> {
        let is_bound = !self.certificates.is_empty() || !self.dpop_keys.is_empty();
        is_bound.then(|| BoundTo {
            certificates: self.certificates.as_slice().into(),
            dpop_keys: self.dpop_keys.as_slice().into(),
        })
    }
}

fn put_into(file: &Path, entry: &Key) -> Result<(), String> {
    let mut document = FeedDocument::open(file)?;
    document.keys.push(Arc::new(entry.clone()));
    document.save()
}
