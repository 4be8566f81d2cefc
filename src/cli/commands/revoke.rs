//! `claimgate revoke`.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::atomic_write::move_into_place;
use crate::cli::clock::{now_seconds, timestamp};
use crate::cli::terminal::{Exit, Terminal};
use crate::config::{Revoked, Timestamp};
use crate::revocation::List;

const EXAMPLES: &str = "\
Examples:
  claimgate revoke --list revoked.json --key search-prod --note 'seen in a public repository'
  claimgate revoke --list revoked.json --subject alice --issuer https://login.acme.example/ --issued-before now
  claimgate revoke --list revoked.json --actor calendar-agent     stops an agent, whoever it acts for
  claimgate revoke --list revoked.json --tenant initech           stops a tenant
  claimgate revoke --list revoked.json --model 'o1*'              stops a model
  claimgate revoke --list revoked.json --key search-prod --lift   takes it back
  claimgate revoke --list revoked.json                            is the list right?

All that is written in one call must fit the same credential. The file is made where there is none, and moved into
place whole; put it where `revocations` in gateway.yaml polls it.
Exit status: 0 fine, 2 the list or the input is wrong.";

/// Edits and checks a list of what is revoked, as gateways poll it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
// It has more than a dozen fields: one for each option of the command.
pub(in crate::cli) struct Revoke {
    /// The document
    #[arg(long, value_name = "FILE")]
    list: PathBuf,
    /// The id of an API key
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// The `jti` of a token
    #[arg(long)]
    jti: Option<String>,
    /// The issuer of a token
    #[arg(long)]
    issuer: Option<String>,
    /// Whose credentials
    #[arg(long)]
    subject: Option<String>,
    /// Whose keys
    #[arg(long)]
    service_account: Option<String>,
    /// The OAuth client that tokens were made for
    #[arg(long)]
    client: Option<String>,
    /// Who acts on others' behalf
    #[arg(long)]
    actor: Option<String>,
    /// A whole tenant
    #[arg(long)]
    tenant: Option<String>,
    /// A pattern of models
    #[arg(long, value_name = "PATTERN")]
    model: Option<String>,
    /// Only what was issued before this time, or `now`
    #[arg(long, value_name = "TIME", value_parser = time)]
    issued_before: Option<Timestamp>,
    /// When the entry is over
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// For people
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Takes the entries that say the same off the list
    #[arg(long)]
    lift: bool,
    /// Takes the entries off that are over
    #[arg(long)]
    prune: bool,
}

impl Revoke {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let mut entries = match self.read() {
            Ok(entries) => entries,
            Err(why) => return terminal.refuse(&self.list, &why),
        };
        let before = entries.clone();
        let entry = self.entry();
        let says_nothing = Revoked { until: None, note: None, ..entry.clone() } == Revoked::default();
        if says_nothing && (self.lift || entry != Revoked::default()) {
            return terminal.refuse(&self.list, "say what is meant, such as `--key` or `--subject`");
        }
        if self.prune {
            let now = now_seconds()?;
            entries.retain(|entry| entry.until.is_none_or(|until| until.is_after(now)));
        }
        match self.lift {
            true => {
                let same = |other: &Revoked| Revoked { note: None, until: None, ..other.clone() };
                entries.retain(|other| same(other) != same(&entry));
                if entries.len() == before.len() {
                    return terminal.refuse(&self.list, "no entry says that");
                }
            }
            false if !says_nothing && !entries.contains(&entry) => entries.push(entry),
            false => {}
        }
        if let Err((index, why)) = List::compile(&entries) {
            return terminal.refuse(&self.list, &format!("revoked[{index}]: {why}"));
        }
        if entries != before || !self.list.exists() {
            move_into_place(&self.list, &format!("{:#}\n", json!({ "revoked": entries })))?;
        }
        writeln!(terminal.output, "{}: {} entries", self.list.display(), entries.len())?;
        Ok(Exit::Fine)
    }

    fn read(&self) -> Result<Vec<Revoked>, String> {
        let document = match fs::read(&self.list) {
            Ok(document) => document,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.to_string()),
        };
        List::read(&document)?;
        let mut document: Value = serde_json::from_slice(&document).map_err(|error| error.to_string())?;
        serde_json::from_value(document.get_mut("revoked").map(Value::take).unwrap_or_default())
            .map_err(|error| error.to_string())
    }

    fn entry(&self) -> Revoked {
        Revoked {
            key: self.key.clone(),
            jti: self.jti.clone(),
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            service_account: self.service_account.clone(),
            client: self.client.clone(),
            actor: self.actor.clone(),
            tenant: self.tenant.clone(),
            model: self.model.clone(),
            issued_before: self.issued_before,
            until: self.until,
            note: self.note.clone(),
        }
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    match text {
        "now" => timestamp(now_seconds().map_err(|error| error.to_string())?),
        text => Timestamp::parse(text),
    }
}
