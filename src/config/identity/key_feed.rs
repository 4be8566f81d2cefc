//! The section `key_feeds`: API keys that come and go without a change of the configuration.

use serde::{Deserialize, Serialize};

use super::polled::{PolledDocument, WhenStale};

/// A document of API keys that is polled through an Envoy cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyFeed {
    /// Names the feed in stats, logs and records; unique. Letters, digits, `-` and `_`.
    pub id: String,
    /// Where the document `{"keys": […]}` is, whose entries are those of `keys`, and which `claimgate key` edits.
    pub remote: PolledDocument,
    /// What happens while the document is older than `max_age`, or has never come: under `deny`, who calls with one of its
    /// keys, or with one that is not known, is refused 503 `key_feed_unavailable`; under `continue` the last good one stays
    /// in force.
    #[serde(default)]
    pub when_stale: WhenStale,
}
