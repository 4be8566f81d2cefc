//! Providers' keys that lie in a document, each sealed for the gateway and kept for one tenant or one user of it.
//!
//! Anybody who has the public half of the gateway's pair can seal one. So what is sealed proves nothing of where it is from: who
//! writes the document says whose a key is, and what is sealed must say the same, so that no entry can be moved to another owner.
//!
//! - `entry`: one entry, as it stands in the document ([`FeedEntry`]).
//! - `table`: the entries of one document, by whom they are for ([`FeedTable`]).
//! - `content`: what is sealed.
//! - `agreement`: the key that both sides derive.
//! - `pair`: the two halves of a pair of the gateway's ([`FeedPublicKey`]).
//! - `feed_keys`: the pairs of one configuration.
//! - `provider_key_feed`: the section `own_keys.feed`, compiled ([`ProviderKeyFeed`]).

mod entry;
mod table;
mod content;
mod agreement;
mod pair;
mod feed_keys;
mod provider_key_feed;

pub use entry::FeedEntry;
pub use pair::{FeedPublicKey, new_pair};
pub use provider_key_feed::{FedProviderKeys, ProviderKeyFeed};
pub use table::{FeedTable, read_entries};

#[cfg(test)]
mod tests;
