//! `claimgate token mint`.

use std::io;

use clap::Args;
use serde_json::json;

use super::signing_gateway::{gateway, told};
use crate::cli::clock::moment;
use crate::cli::configuration::Sources;
use crate::cli::terminal::{Exit, Format, Terminal};
use crate::config::Span;
use crate::identity::Limits;
use crate::mint::TokenRequest;

const EXAMPLES: &str = "\
Examples:
  CLAIMGATE_SIGNING_KEY=$(cat signing.jwk) claimgate token mint --key search-prod --scope chat --lifetime 5m
  claimgate token mint --key search-prod --model 'gpt-4o*' --operation chat --requests 20 --format json

The signing key is read from the variable that `tokens.signing_key` names, as Envoy reads it.
Exit status: 0 fine, 2 the configuration or the input is wrong.";

/// Makes a token for the holder of a key of gateway.yaml, as the gateway would
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Mint {
    #[command(flatten)]
    sources: Sources,
    /// The id of the key that the token is got with
    #[arg(long, value_name = "ID")]
    key: String,
    /// A scope that the key holds; may be repeated. Without it, all of them
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A pattern of models; may be repeated
    #[arg(long = "model", value_name = "PATTERN")]
    models: Vec<String>,
    /// An operation, such as `chat`; may be repeated
    #[arg(long = "operation", value_name = "NAME")]
    operations: Vec<String>,
    /// How many requests the token is good for
    #[arg(long, value_name = "NUMBER")]
    requests: Option<u64>,
    /// How long it is good, from `60s` to `max_lifetime`
    #[arg(long, value_name = "TIME", value_parser = crate::cli::arguments::span)]
    lifetime: Option<Span>,
    /// How the token is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Mint {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let gateway = match gateway(&self.sources, terminal)? {
            Ok(gateway) => gateway,
            Err(exit) => return Ok(exit),
        };
        let listed = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        let limits = Limits {
            models: listed(&self.models),
            operations: listed(&self.operations),
            requests: self.requests,
        };
        let asked = TokenRequest::by_operator(self.lifetime.map(Span::seconds), listed(&self.scopes), limits);
        match gateway.token_for_key(&self.key, &asked, moment()?) {
            Ok((token, expires_at)) => {
                let token = String::from_utf8_lossy(token.expose());
                match self.format {
                    Format::Json => {
                        let answer = json!({ "value": token, "expires_at": expires_at });
                        writeln!(terminal.output, "{answer:#}")?;
                    }
                    Format::Text => writeln!(terminal.output, "{token}")?,
                }
                Ok(Exit::Fine)
            }
            Err(denial) => {
                writeln!(terminal.errors, "error: {}", told(&denial))?;
                Ok(Exit::Wrong)
            }
        }
    }
}
