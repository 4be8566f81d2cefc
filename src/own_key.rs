//! A user's own key at a provider: sealed once by the gateway, brought along by the user's applications, opened here; or kept
//! in a [`feed`], for a user or for all of its tenant.
//!
//! Nothing is kept of one that is brought along: what the user gets is the key itself, encrypted for this gateway, with whom it is for, for which
//! upstreams and until when. Only a holder of a sealing key can make one, so that opening it proves where it is from. It is
//! of use to its owner alone, because the gateway takes it beside the owner's own credential and from nobody else.
//!
//! - `jwe`: the encryption (RFC 7516), by one algorithm.
//! - `key_sources`: how a section names the present key and others.
//! - `sealing_key`: one key of the gateway, and how it is read.
//! - `sealing_keys`: the key that seals, and all that open.
//! - `owner`: whose a key is.
//! - `content`: what is sealed.
//! - `terms`: what a key of a feed is good for.
//! - `opened`: a key that was opened, and what it is good for ([`OwnKey`]).
//! - `seal_request`: what a caller asks for ([`SealRequest`]).
//! - `feed`: keys that are kept in a document ([`ProviderKeyFeed`]).
//! - `own_keys`: the section `own_keys`, compiled ([`OwnKeys`]).
//!
//! It does not prove who calls, and it does not know revocations: both are asked each time a key is used.

mod jwe;
mod key_sources;
mod sealing_key;
mod sealing_keys;
mod owner;
mod content;
mod terms;
mod opened;
mod seal_request;
mod feed;
mod own_keys;

pub use feed::{
    FedProviderKeys, FeedEntry, FeedPublicKey, FeedTable, ProviderKeyFeed, new_pair, read_entries,
};
pub use opened::OwnKey;
pub use own_keys::{OwnKeys, Sealed};
pub use seal_request::{LONGEST_REQUEST, SealRequest};

#[cfg(test)]
mod tests;
