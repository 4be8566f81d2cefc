//! The `claimgate` command: checks, bundles and tests a configuration, makes keys and tokens, revokes them, and sums up
//! what was used.
//!
//! It runs the very rooms that run in Envoy, natively. It does not start Envoy and it opens no connection.

mod arguments;
mod assumed;
mod atomic_write;
mod bundle;
mod caller;
mod cast;
mod chargeback;
mod check;
mod clock;
mod configuration;
mod coverage;
mod document;
mod entry;
mod envoy;
mod export;
mod feed;
mod key;
mod operations;
mod play;
mod randomness;
mod rate_limits;
mod read_script;
mod reference;
mod report;
mod revoke;
mod rotate;
mod script;
mod signing_key;
mod terminal;
mod test;
mod token;
mod values;

use std::ffi::OsString;
use std::io;

use clap::{Parser, Subcommand};

pub use terminal::{Exit, Terminal};

const EXAMPLES: &str = "\
Examples:
  claimgate check                                   is envoy/gateway.yaml right, and every policy?
  claimgate check --envoy envoy/envoy.yaml          does Envoy leave a way round the filter?
  claimgate test                                    do the policies decide as their scripts say?
  claimgate bundle --wrap ecds --output ecds.json   what Envoy loads, moved into place
  claimgate report --by tenant,model audit.log      who used what, and for how much?
  claimgate key new --id search --project search --service-account search-api \\
      --tenant acme --scope chat --scope 'model:gpt-4o*'

Exit status: 0 fine, 1 a test failed or counters differ, 2 the configuration or the input is wrong.";

/// Checks, bundles and tests what the claimgate filter enforces in Envoy, makes keys and tokens, revokes them, and sums up the
/// audit records.
///
/// The operator writes gateway.yaml, policy authors write policies/*.cel. `check` and `test` judge them with
/// the code that runs in Envoy; `bundle` makes the one document that Envoy hands to the filter.
#[derive(Debug, Parser)]
#[command(name = "claimgate", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Test(test::Test),
    Bundle(bundle::Bundle),
    #[command(subcommand)]
    Key(key::Key),
    #[command(subcommand)]
    Token(token::Token),
    Revoke(revoke::Revoke),
    Report(chargeback::Chargeback),
    Reference(reference::Reference),
}

/// Runs the command line `arguments`, the command's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>, terminal: &mut Terminal<'_>) -> Exit {
    let ran = match Arguments::try_parse_from(arguments) {
        Ok(Arguments { command }) => match command {
            Command::Check(check) => check.run(terminal),
            Command::Test(test) => test.run(terminal),
            Command::Bundle(bundle) => bundle.run(terminal),
            Command::Key(key) => key.run(terminal),
            Command::Token(token) => token.run(terminal),
            Command::Revoke(revoke) => revoke.run(terminal),
            Command::Report(report) => report.run(terminal),
            Command::Reference(reference) => reference.run(terminal),
        },
        Err(usage) => explain(&usage, terminal),
    };
    let ended = ran.and_then(|exit| terminal.output.flush().map(|()| exit));
    match ended {
        Ok(exit) => exit,
        // `claimgate … | head` has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
        Err(error) => {
            // Where even that cannot be written, the exit status remains.
            let _ = writeln!(terminal.errors, "error: {error}");
            Exit::Wrong
        }
    }
}

/// Help and version are asked for; everything else is a mistake in the command line.
fn explain(usage: &clap::Error, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    if usage.use_stderr() {
        write!(terminal.errors, "{usage}")?;
        return Ok(Exit::Wrong);
    }
    write!(terminal.output, "{usage}")?;
    Ok(Exit::Fine)
}
