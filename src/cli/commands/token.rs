//! `claimgate token mint`, `inspect` and `verify`.

use std::io::{self, Read};
use std::net::IpAddr;

use clap::{Args, Subcommand};
use ct_codecs::{Base64UrlSafeNoPadding, Decoder};
use serde_json::{Value, json};

use crate::cli::clock::moment;
use crate::cli::configuration::{Loaded, Sources, with_signing_keys};
use crate::cli::terminal::{Exit, Format, Terminal};
use crate::config::Span;
use crate::denial::Denial;
use crate::gateway::Gateway;
use crate::identity::{Limits, MINTED_PREFIX, Principal};
use crate::mint::Asked;
use crate::request::Connection;

const MINT_EXAMPLES: &str = "\
Examples:
  CLAIMGATE_SIGNING_KEY=$(cat signing.jwk) claimgate token mint --key search-prod --scope chat --lifetime 5m
  claimgate token mint --key search-prod --model 'gpt-4o*' --operation chat --requests 20 --format json

The signing key is read from the variable that `tokens.signing_key` names, as Envoy reads it.
Exit status: 0 fine, 2 the configuration or the input is wrong.";

const READ_EXAMPLES: &str = "\
Examples:
  claimgate token inspect < token.txt
  pbpaste | claimgate token verify

The token is never an argument, because shells keep those.
Exit status: 0 fine, 1 the token is refused (verify), 2 the configuration or the input is wrong.";

/// Makes and reads the gateway's own short-lived tokens
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Token {
    Mint(Mint),
    Inspect(Inspect),
    Verify(Verify),
}

/// Makes a token for the holder of a key of gateway.yaml, as the gateway would
#[derive(Args, Debug)]
#[command(after_help = MINT_EXAMPLES)]
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

/// Shows what a token says, without judging it
#[derive(Args, Debug)]
#[command(after_help = READ_EXAMPLES)]
pub(in crate::cli) struct Inspect {}

/// Judges a token as the gateway would now
#[derive(Args, Debug)]
#[command(after_help = READ_EXAMPLES)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    sources: Sources,
    /// The address that the token comes from, for keys that are bound to networks
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
}

impl Token {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        match self {
            Self::Mint(mint) => mint.run(terminal),
            Self::Inspect(_) => inspect(terminal),
            Self::Verify(verify) => verify.run(terminal),
        }
    }
}

impl Mint {
    fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
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
        let asked = Asked::by_operator(self.lifetime.map(Span::seconds), listed(&self.scopes), limits);
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

impl Verify {
    fn connection(&self) -> Connection {
        // Any port but 0, which marks an address that a header claims.
        let port = self.from.map(|_| 1);
        Connection {
            source_address: self.from.map(|address| address.to_string()),
            source_port: port,
            ..Connection::default()
        }
    }

    fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let token = match read_token(terminal)? {
            Ok(token) => token,
            Err(exit) => return Ok(exit),
        };
        let gateway = match gateway(&self.sources, terminal)? {
            Ok(gateway) => gateway,
            Err(exit) => return Ok(exit),
        };
        match gateway.bearer_of(&token, &self.connection(), moment()?) {
            Ok(principal) => {
                writeln!(terminal.output, "{:#}", described(&principal))?;
                Ok(Exit::Fine)
            }
            Err(denial) => {
                writeln!(terminal.errors, "refused: {}", told(&denial))?;
                Ok(Exit::TestFailed)
            }
        }
    }
}

fn inspect(terminal: &mut Terminal<'_>) -> io::Result<Exit> {
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
    let left =
        claims.get("exp").and_then(Value::as_u64).map(|end| (end, moment().map(|now| now.unix_seconds())));
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

/// The configuration with the signing keys of this process's environment.
fn gateway(sources: &Sources, terminal: &mut Terminal<'_>) -> io::Result<Result<Gateway, Exit>> {
    let Loaded { config, .. } = match sources.load() {
        Ok(loaded) => loaded,
        Err(findings) => return terminal.complain(&findings).map(Err),
    };
    match Gateway::compile(&config, &with_signing_keys(&config)) {
        Ok(gateway) => Ok(Ok(gateway)),
        Err(error) => {
            writeln!(terminal.errors, "error: {error}")?;
            Ok(Err(Exit::Wrong))
        }
    }
}

fn read_token(terminal: &mut Terminal<'_>) -> io::Result<Result<String, Exit>> {
    const LONGEST: u64 = 64 * 1024;
    let mut text = String::new();
    terminal.input.take(LONGEST).read_to_string(&mut text)?;
    let token = text.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    if token.is_empty() || token.contains(char::is_whitespace) {
        let why = "standard input must hold one token; write `claimgate token inspect < file`";
        writeln!(terminal.errors, "error: {why}")?;
        return Ok(Err(Exit::Wrong));
    }
    Ok(Ok(token.to_owned()))
}

fn described(principal: &Principal) -> Value {
    let minted = principal.minted.as_ref();
    json!({
        "kind": principal.kind.name(),
        "subject": principal.subject,
        "issuer": principal.issuer,
        "tenant": principal.tenant,
        "project": principal.project,
        "service_account": principal.service_account,
        "client": principal.client,
        "scopes": principal.scopes,
        "roles": principal.roles,
        "actors": principal.actors,
        "credential": principal.credential_id,
        "expires_at": principal.expires_at,
        "bound_by": principal.binding.kinds().collect::<Vec<_>>(),
        "minted": minted.map(|minted| json!({ "parents": minted.parents, "limits": minted.limits })),
    })
}

fn told(denial: &Denial) -> String {
    let note = denial.note().map(|note| format!(" ({note})")).unwrap_or_default();
    format!("{} [{}]{note}", denial.message(), denial.reason())
}
