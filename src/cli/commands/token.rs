//! `claimgate token`: the gateway's own short-lived tokens.

mod inspect;
mod mint;
mod signing_gateway;
mod standard_input;
mod verify;

use std::io;

use clap::Subcommand;

use crate::cli::terminal::{Exit, Terminal};
use inspect::Inspect;
use mint::Mint;
use verify::Verify;

/// Makes and reads the gateway's own short-lived tokens
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Token {
    Mint(Mint),
    Inspect(Inspect),
    Verify(Verify),
}

impl Token {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        match self {
            Self::Mint(mint) => mint.run(terminal),
            Self::Inspect(inspect) => inspect.run(terminal),
            Self::Verify(verify) => verify.run(terminal),
        }
    }
}
