//! `claimgate key`: API keys, the documents of feeds that hold them, the gateway's own keys that sign tokens or seal users' keys,
//! and keys for providers that are sealed for a feed.

mod feed;
mod feed_document;
mod hash;
mod new;
mod rotate;
mod seal;
mod sealing;
mod signing;
mod yaml_entry;

use std::io;

use clap::Subcommand;

use crate::cli::terminal::{Exit, Terminal};
use feed::Feed;
use hash::Hash;
use new::New;
use rotate::Rotate;
use seal::Seal;
use sealing::Sealing;
use signing::Signing;

/// Makes API keys, the hashes by which gateway.yaml knows them, and keys that sign tokens or seal users' keys
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Key {
    New(New),
    Hash(Hash),
    Rotate(Rotate),
    Feed(Feed),
    Signing(Signing),
    Sealing(Sealing),
    Seal(Seal),
}

impl Key {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        match self {
            Self::New(new) => new.run(terminal),
            Self::Hash(hash) => hash.run(terminal),
            Self::Rotate(rotate) => rotate.run(terminal),
            Self::Feed(feed) => feed.run(terminal),
            Self::Signing(signing) => signing.run(terminal),
            Self::Sealing(sealing) => sealing.run(terminal),
            Self::Seal(seal) => seal.run(terminal),
        }
    }
}
