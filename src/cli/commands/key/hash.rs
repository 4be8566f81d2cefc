//! `claimgate key hash`.

use std::io::{self, Read};

use clap::Args;

use crate::cli::terminal::{Exit, Terminal};
use crate::identity::ApiKey;
use crate::secret::Secret;

const EXAMPLES: &str = "\
Examples:
  claimgate key hash < key.txt
  pass show gateway/search-prod | claimgate key hash

The key is never an argument, because shells keep those.
Exit status: 0 fine, 2 the input is no key, or a mistyped one.";

/// Reads an API key from standard input and prints its hash as gateway.yaml wants it
///
/// A key that was mistyped or cut is told apart from a good one by its checksum.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Hash {}

impl Hash {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        const LONGEST: u64 = 16 * 1024;
        let mut text = String::new();
        terminal.input.take(LONGEST).read_to_string(&mut text)?;
        let key = text.trim();
        let refuse = |terminal: &mut Terminal<'_>, why: &str| {
            writeln!(terminal.errors, "error: {why}")?;
            Ok(Exit::Wrong)
        };
        if key.is_empty() {
            return refuse(terminal, "there is no key on standard input; write `claimgate key hash < file`");
        }
        if key.contains(char::is_whitespace) {
            return refuse(terminal, "there is more than one word on standard input; send the key alone");
        }
        if ApiKey::has_prefix(key) && !ApiKey::is_well_formed(key) {
            return refuse(
                terminal,
                "the key was mistyped or cut: its checksum does not hold; copy it whole",
            );
        }
        if !ApiKey::has_prefix(key) {
            let why = "this is not a key that `claimgate key new` made; SHA-256 protects random keys only, not chosen ones";
            writeln!(terminal.errors, "warning: {why}")?;
        }
        writeln!(terminal.output, "{}", ApiKey::hash(&Secret::new(key)))?;
        Ok(Exit::Fine)
    }
}
