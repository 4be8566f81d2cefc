//! `claimgate credential`: the credentials at providers that the gateway gets.

mod curl;
mod test;
mod tried;

use std::io;

use clap::Subcommand;

use crate::cli::terminal::{Exit, Terminal};
use test::Test;

/// Tries the credentials that the gateway gets
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Credential {
    Test(Test),
}

impl Credential {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        match self {
            Self::Test(test) => test.run(terminal),
        }
    }
}
