//! `claimgate key sealing`.

use std::io;
use std::path::PathBuf;

use chrono::DateTime;
use clap::Args;
use ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use serde_json::json;

use crate::cli::atomic_write::move_into_place;
use crate::cli::clock::now_seconds;
use crate::cli::randomness::random;
use crate::cli::terminal::{Exit, Terminal};
use crate::own_key::new_pair;

const EXAMPLES: &str = "\
Examples:
  claimgate key sealing > sealing.jwk            then start Envoy with CLAIMGATE_SEALING_KEY=\"$(cat sealing.jwk)\"
  claimgate key sealing --id seal-2026-11-b      a second one on the same day
  claimgate key sealing --feed feed-public.jwk > feed.jwk
                                                 a pair for `own_keys.feed`; whoever writes the feed gets the public half

To rotate, give the new key to every gateway in `own_keys.other_sealing_keys` first, then swap it with `own_keys.sealing_key`,
and take the old one out once its counter `claimgate.own_keys.kid.<kid>` stays as it is, or after `own_keys.max_lifetime`.
Exit status: 0 fine.";

/// Makes a key that seals users' own keys for providers, or opens those of a feed, as a JWK for Envoy's environment
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Sealing {
    /// The `kid`, of letters, digits, `-` and `_`; without it, `seal-` or `feed-` and today's date
    #[arg(long, value_parser = crate::cli::arguments::word)]
    id: Option<String>,
    /// Makes a pair for a feed in place of it, and writes the public half, by which `claimgate key seal` seals, into this file
    #[arg(long, value_name = "FILE")]
    feed: Option<PathBuf>,
}

impl Sealing {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let key: [u8; 32] = random()?;
        let kid = match &self.id {
            Some(id) => id.clone(),
            None => today(if self.feed.is_some() { "feed" } else { "seal" })?,
        };
        let jwk = match &self.feed {
            None => {
                let key = Base64UrlSafeNoPadding::encode_to_string(key).map_err(io::Error::other)?;
                json!({ "kty": "oct", "kid": kid, "k": key })
            }
            Some(file) => {
                let pair = new_pair(&kid, key).ok_or_else(|| io::Error::other("no pair could be made"))?;
                let (private, public) = pair;
                if let Err(error) = move_into_place(file, &format!("{public}\n")) {
                    return terminal.refuse(file, &format!("cannot be written: {error}"));
                }
                private
            }
        };
        writeln!(terminal.output, "{jwk}")?;
        let opens = if self.feed.is_some() { "is sealed for it" } else { "it seals" };
        writeln!(
            terminal.errors,
            "note: this key opens every key that {opens}, and is shown only now; it belongs into Envoy's environment and nowhere else"
        )?;
        Ok(Exit::Fine)
    }
}

fn today(kind: &str) -> io::Result<String> {
    let seconds = i64::try_from(now_seconds()?).ok();
    let today = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    today
        .map(|today| format!("{kind}-{}", today.format("%Y-%m-%d")))
        .ok_or_else(|| io::Error::other("the clock is wrong"))
}
