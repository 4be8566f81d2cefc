//! `claimgate token inspect`.

use std::io;

use clap::Args;
use ct_codecs::{Base64UrlSafeNoPadding, Decoder};
use serde_json::{Value, json};

use super::standard_input::{EXAMPLES, read_token};
use crate::cli::clock::moment;
use crate::cli::terminal::{Exit, Terminal};
use crate::identity::MINTED_PREFIX;

/// Shows what a token says, without judging it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Inspect {}

impl Inspect {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let token = match read_token(terminal)? {
            Ok(token) => token,
            Err(exit) => return Ok(exit),
        };
        let bare = token.strip_prefix(MINTED_PREFIX).unwrap_or(&token);
        let mut segments = bare.split('.').map(|segment| {
            let bytes = Base64UrlSafeNoPadding::decode_to_vec(segment, None).ok()?;
            serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object)
        });
        let (Some(Some(header)), Some(Some(claims))) = (segments.next(), segments.next()) else {
            writeln!(
                terminal.errors,
                "error: this is neither a token of the gateway's nor a JWT; send it whole"
            )?;
            return Ok(Exit::Wrong);
        };
        let left = claims
            .get("exp")
            .and_then(Value::as_u64)
            .map(|end| (end, moment().map(|now| now.unix_seconds())));
        writeln!(terminal.output, "{:#}", json!({ "header": header, "claims": claims }))?;
        if let Some((end, Ok(now))) = left {
            match end.checked_sub(now) {
                Some(0) | None => writeln!(terminal.errors, "note: it has expired")?,
                Some(seconds) => writeln!(terminal.errors, "note: it expires in {seconds} s")?,
            }
        }
        writeln!(terminal.errors, "note: the signature was not looked at; `claimgate token verify` does")?;
        Ok(Exit::Fine)
    }
}
