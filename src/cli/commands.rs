//! The commands, one file for each and a folder below it where it is long.

mod bundle;
mod check;
mod credential;
mod eval;
mod key;
mod reference;
mod report;
mod revoke;
mod test;
mod token;

use std::io;

use clap::Subcommand;

use super::terminal::{Exit, Terminal};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Check(check::Check),
    Test(test::Test),
    Eval(eval::Eval),
    Bundle(bundle::Bundle),
    #[command(subcommand)]
    Credential(credential::Credential),
    #[command(subcommand)]
    Key(key::Key),
    #[command(subcommand)]
    Token(token::Token),
    Revoke(revoke::Revoke),
    Report(report::Report),
    Reference(reference::Reference),
}

impl Command {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        match self {
            Self::Check(check) => check.run(terminal),
            Self::Test(test) => test.run(terminal),
            Self::Eval(eval) => eval.run(terminal),
            Self::Bundle(bundle) => bundle.run(terminal),
            Self::Credential(credential) => credential.run(terminal),
            Self::Key(key) => key.run(terminal),
            Self::Token(token) => token.run(terminal),
            Self::Revoke(revoke) => revoke.run(terminal),
            Self::Report(report) => report.run(terminal),
            Self::Reference(reference) => reference.run(terminal),
        }
    }
}
