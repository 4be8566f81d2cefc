//! API keys: how one is written, which there are, and where they may be used from.

mod format;
mod networks;
mod table;
mod feeds;
mod known_keys;

pub use feeds::{FedKeys, KeyFeeds, MAX_FEED_BYTES, read_feed};
pub use format::ApiKey;
pub(super) use known_keys::{KeyHolder, KnownKeys, Wanted};
pub use table::KeyTable;
