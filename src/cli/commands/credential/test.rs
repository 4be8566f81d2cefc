//! `claimgate credential test`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::curl;
use super::tried::{First, Tried};
use crate::cli::clock::moment;
use crate::cli::configuration::{Loaded, Sources, secret_names};
use crate::cli::terminal::{Exit, Terminal};
use crate::config::{Config, ServedFile};
use crate::credentials::{Credentials, Pool, Supply, Token, TokenAnswer, TokenRequest};
use crate::request::Moment;
use crate::secret::Secret;

const EXAMPLES: &str = "\
Examples:
  ENTRA_CLIENT_SECRET=… claimgate credential test --id azure_app
  claimgate credential test --id azure_workload --file azure_token=/var/run/secrets/azure/tokens/azure-identity-token
  claimgate credential test --id as_user --token user.jwt                  exchanges this token
  claimgate credential test --id azure_web --to http://localhost:42356     IDENTITY_ENDPOINT without its path

It asks as the gateway would, with the secrets of this process's environment, and says in one line what came of it. No secret and no
token is printed. It needs `curl`.
Exit status: 0 there is a token, 1 there is none, 2 the configuration or the input is wrong.";

/// The claims by which people see what a token is for.
const TOLD: [&str; 6] = ["iss", "aud", "sub", "appid", "azp", "roles"];
const LONGEST_CLAIM: usize = 200;

/// Gets a token as the gateway would, and says in one line what came of it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Test {
    #[command(flatten)]
    sources: Sources,
    /// The entry of `credentials`
    #[arg(long, value_name = "ID")]
    id: String,
    /// Where a file of `files` lies on this machine
    #[arg(long = "file", value_name = "ID=PATH", value_parser = file)]
    files: Vec<(String, PathBuf)>,
    /// A caller's token, for an entry that exchanges it; `-` reads the input
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// Asks here instead: scheme, host and port
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

impl Test {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let Loaded { config, .. } = match self.sources.load() {
            Ok(loaded) => loaded,
            Err(findings) => return terminal.complain(&findings),
        };
        let environment = |name: &str| std::env::var(name).ok().map(Secret::new);
        let compiled = Credentials::compile(&config.credentials, &config.files, &environment);
        let chosen = compiled.and_then(|all| all.choose(&self.id, "--id").map(|chosen| (all, chosen)));
        let (all, chosen) = match chosen {
            Ok(chosen) => chosen,
            Err(error) => return terminal.refuse(&self.sources.config, &error.to_string()),
        };
        let caller = match self.caller() {
            Ok(caller) => caller,
            Err(why) => return terminal.refuse(&self.sources.config, &why),
        };
        if let (Supply::Key(index), None) = (chosen.supply, &caller)
            && let Some(pool) = all.pool(index)
        {
            return tell_keys(terminal, pool);
        }
        let tried = match Tried::of(&all, &chosen, caller) {
            Ok(tried) => tried,
            Err(why) => return terminal.refuse(&self.sources.config, &format!("--token: {why}")),
        };
        if tried.lacks_secret() {
            let why = format!("the environment lacks one of {}", self.variables(&config));
            return terminal.refuse(&self.sources.config, &why);
        }
        let moment = moment()?;
        match self.get(&config, &tried, chosen.kind, &moment) {
            Ok(token) => {
                let seconds = token.expires_ms().saturating_sub(moment.unix_ms) / 1000;
                let (id, claims) = (token.id(), claims(&token));
                writeln!(
                    terminal.output,
                    "{}: there is a token for {seconds} s (token_id {id}){claims}",
                    self.id
                )?;
                Ok(Exit::Fine)
            }
            Err(why) => {
                writeln!(terminal.errors, "{}: there is no token: {why}", self.id)?;
                Ok(Exit::TestFailed)
            }
        }
    }

    /// The token of a caller's that is to be exchanged.
    fn caller(&self) -> Result<Option<Secret>, String> {
        let Some(path) = &self.token else { return Ok(None) };
        let text = match path.as_os_str() == "-" {
            true => io::read_to_string(io::stdin()),
            false => fs::read_to_string(path),
        };
        let text = text.map_err(|error| format!("--token: {}: {error}", path.display()))?;
        Ok(Some(Secret::new(text.trim())))
    }

    fn get(&self, config: &Config, tried: &Tried<'_>, kind: &str, moment: &Moment) -> Result<Token, String> {
        let request = match tried.begin(moment)? {
            First::Done(token) => return Ok(token),
            First::Ask(request) => request,
            First::Read(request) => tried.with_file(&self.content(config, &request)?, moment)?,
        };
        let base = match &self.to {
            Some(base) => base.clone(),
            None => base_of(kind, &request)?,
        };
        let response = curl::ask(&request, &base)?;
        let answer = TokenAnswer { status: response.status, retry_after: None, body: &response.body };
        tried.answered(answer, moment)
    }

    /// What Envoy would serve there.
    fn content(&self, config: &Config, asked: &TokenRequest<'_>) -> Result<Vec<u8>, String> {
        let is_asked = |file: &&ServedFile| {
            (file.cluster.as_str(), file.host.as_str(), file.path.as_str())
                == (asked.cluster, asked.host, asked.path)
        };
        let ids: Vec<String> = config.files.iter().filter(is_asked).map(|file| file.id.clone()).collect();
        let given = self.files.iter().find(|(id, _)| ids.contains(id));
        let Some((_, place)) = given else {
            return Err(format!("say where the file lies: `--file {}=PATH`", ids.join("|")));
        };
        fs::read(place).map_err(|error| format!("{}: {error}", place.display()))
    }

    fn variables(&self, config: &Config) -> String {
        let entry = config.credentials.iter().find(|entry| entry.id == self.id);
        let names: Vec<String> =
            entry.map(secret_names).unwrap_or_default().iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    }
}

/// Whether all of several keys are there. Whether the provider takes them, only a call of a model would say, which costs.
fn tell_keys(terminal: &mut Terminal<'_>, pool: &Pool) -> io::Result<Exit> {
    let (there, missing) = (pool.members().len(), pool.missing());
    let all = there.saturating_add(missing.len());
    match missing.is_empty() {
        true => {
            writeln!(
                terminal.output,
                "{}: all {all} keys are there; none was tried at the provider",
                pool.id()
            )?;
            Ok(Exit::Fine)
        }
        false => {
            let lacks = missing.join("`, `");
            writeln!(
                terminal.errors,
                "{}: {there} of {all} keys are there; the environment lacks `{lacks}`",
                pool.id()
            )?;
            Ok(Exit::TestFailed)
        }
    }
}

/// Where the cluster of a kind leads. Only metadata servers are asked in clear.
fn base_of(kind: &str, request: &TokenRequest<'_>) -> Result<String, String> {
    match (kind, request.host) {
        ("oauth" | "exchange", host) => Ok(format!("https://{host}")),
        (_, host @ ("169.254.169.254" | "metadata.google.internal")) => Ok(format!("http://{host}")),
        _ => Err(format!(
            "only Envoy knows where its cluster `{}` leads; write `--to http://HOST:PORT`",
            request.cluster
        )),
    }
}

/// What a JWT says of itself; nothing where the token is none.
fn claims(token: &Token) -> String {
    let read = || -> Option<Value> {
        let text = std::str::from_utf8(token.value().expose()).ok()?;
        let [_, claims, _] = text.split('.').collect::<Vec<_>>().try_into().ok()?;
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?).ok()
    };
    let Some(claims) = read() else { return String::new() };
    let told = TOLD.iter().filter_map(|name| {
        let value = claims.get(name)?.to_string();
        (value.len() <= LONGEST_CLAIM).then(|| format!(", {name} {value}"))
    });
    told.collect()
}

fn file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((id, path)) if !id.is_empty() && !path.is_empty() => {
            Ok((id.to_owned(), Path::new(path).to_owned()))
        }
        _ => {
            Err("write the id of an entry of `files` and where it lies, such as `azure_token=/path`"
                .to_owned())
        }
    }
}
