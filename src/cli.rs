//! The `claimgate` command: checks, bundles and tests a configuration, makes keys and tokens, revokes them, and sums up
//! what was used.
//!
//! It runs the very rooms that run in Envoy, natively. It does not start Envoy, and it opens no connection; `credential test` has `curl`
//! open one.
//!
//! Each command is a file of `commands`; below them is what they share: documents that people write and the findings in
//! them (`document`), the terminal, gateway.yaml with its policies (`configuration`) and Envoy's own files (`envoy`). As in
//! `lib.rs`, each imports only those above it.

mod randomness;
mod clock;
mod arguments;
mod atomic_write;
mod document;
mod terminal;
mod configuration;
mod envoy;
mod commands;

use std::ffi::OsString;
use std::io;

use clap::Parser;

use commands::Command;
pub use terminal::{Exit, Terminal};

const EXAMPLES: &str = "\
Examples:
  claimgate check                                   is envoy/gateway.yaml right, and every policy?
  claimgate check --envoy envoy/envoy.yaml          does Envoy leave a way round the filter?
  claimgate test                                    do the policies decide as their scripts say?
  claimgate eval 'principal.scopes' --call 'policies/operation_scopes.test.yaml#a token with'
                                                    what is an expression for this call, and why?
  claimgate bundle --wrap ecds --output ecds.json   what Envoy loads, moved into place
  claimgate credential test --id azure_app          does the provider's endpoint give the gateway a token?
  claimgate report --by tenant,model audit.log      who used what, and for how much?
  claimgate key new --id search --project search --service-account search-api \\
      --tenant acme --scope chat --scope 'model:gpt-4o*'

Exit status: 0 fine, 1 a test failed, an expression is false or counters differ, 2 the configuration or the input is wrong.";

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

/// Runs the command line `arguments`, the command's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>, terminal: &mut Terminal<'_>) -> Exit {
    let ran = match Arguments::try_parse_from(arguments) {
        Ok(Arguments { command }) => command.run(terminal),
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
